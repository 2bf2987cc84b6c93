package watchdog

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"zmicroservices/services/gap"
	"zmicroservices/taskservice/hippodamia"
	"zmicroservices/taskservice/lifecycle"
)

// scene is a roster whose clock goes when it is told to.
type scene struct {
	*roster
	t   *testing.T
	now time.Time
}

func newScene(t *testing.T) *scene {
	now := time.Now()
	return &scene{newRoster(hippodamia.Topics{}, DefaultRules(), 3, now), t, now}
}

// pass lets time pass and gives what falls due on the way.
func (s *scene) pass(d time.Duration) (all []outcome) {
	s.now = s.now.Add(d)
	for o, ok := s.due(s.now); ok; o, ok = s.due(s.now) {
		all = append(all, o)
	}
	return all
}

func (s *scene) say(topic string, m any) outcome {
	s.t.Helper()
	payload, err := json.Marshal(m)
	if err != nil {
		s.t.Fatal(err)
	}
	return s.receive(s.now, topic, payload, len(payload))
}

// request is that of the start n of a microservice.
func (s *scene) request(name string, n int) hippodamia.OnboardingRequest {
	uuid := fmt.Sprintf("%s-%d", name, n)
	return hippodamia.OnboardingRequest{
		UUID: uuid, Topic: "hippodamia.uuid." + uuid, Type: "modbus", Name: name, Host: "edge7", ConfigID: "plant/ts001", Version: "1", PID: n, Timestamp: s.now,
	}
}

func (s *scene) ping(name string, n int, seq uint64) hippodamia.Ping {
	q := s.request(name, n)
	return hippodamia.Ping{GID: hippodamia.GID(q), UUID: q.UUID, Seq: seq, Timestamp: s.now}
}

// onboard brings a start to active.
func (s *scene) onboard(name string, n int) string {
	s.t.Helper()
	q := s.request(name, n)
	gid := hippodamia.GID(q)
	s.is(s.say("hippodamia.contact", q), "keep")
	s.is(s.stored(s.now, gid, q.UUID), "respond")
	s.is(s.say("hippodamia.state.ping", s.ping(name, n, 1)), "")
	s.in(gid, hippodamia.Active)
	return gid
}

// is checks the effects of an outcome, or why it was rejected.
func (s *scene) is(o outcome, want string) {
	s.t.Helper()
	got := join(o.effects)
	if m := o.entry.Message; m != nil && m.Rejected != "" {
		got = "rejected " + m.Rejected
		if o.entry.Change != nil || o.entry.After != nil {
			s.t.Errorf("what was %s changed %+v", got, o.entry.Change)
		}
	}
	if o.invite != "" {
		got += ", invite"
	}
	if got != want {
		s.t.Errorf("it gives %q, want %q", got, want)
	}
}

func (s *scene) in(gid string, want hippodamia.State) {
	s.t.Helper()
	if m := s.all[gid]; m == nil || m.State != want {
		s.t.Fatalf("it is %+v, want %s", m, want)
	}
}

func TestALifeFromRequestToEnd(t *testing.T) {
	s := newScene(t)
	gid := s.onboard("pump", 1)
	if n := len(s.pass(149 * time.Second)); n > 0 {
		t.Fatalf("%d things were due too soon", n)
	}
	silent := s.pass(time.Second)
	s.is(silent[0], "alarm")
	s.in(gid, hippodamia.Inactive)
	if r := s.all[gid].Reason; r != "nothing was heard of it for 2m30s" {
		t.Error(r)
	}
	s.is(s.say("hippodamia.state.ping", s.ping("pump", 1, 2)), "welcome")
	s.pass(600 * time.Second)
	s.in(gid, hippodamia.Terminated)
	if over := s.pass(24 * time.Hour); len(over) != 1 || over[0].entry.Change.Input != Expired || join(over[0].effects) != "" {
		t.Errorf("%+v", over)
	}
	s.in(gid, hippodamia.Ended)
	s.is(s.say("hippodamia.state.ping", s.ping("pump", 1, 3)), "rejected its observation has ended, invite")
	if again := s.onboardAgain("pump", 2); again != gid {
		t.Errorf("its gid was %s and is %s", gid, again)
	}
	m := s.all[gid]
	if m.Onboardings != 2 || m.Before != "pump-1" || len(s.starts) != 1 {
		t.Errorf("%+v", m)
	}
}

// onboardAgain is onboard of one of whom an alarm was given.
func (s *scene) onboardAgain(name string, n int) string {
	s.t.Helper()
	q := s.request(name, n)
	gid := hippodamia.GID(q)
	s.is(s.say("hippodamia.contact", q), "keep")
	s.is(s.stored(s.now, gid, q.UUID), "respond")
	s.is(s.say("hippodamia.state.ping", s.ping(name, n, 1)), "welcome")
	return gid
}

func TestAskingAgainIsAnsweredAgain(t *testing.T) {
	s := newScene(t)
	q := s.request("pump", 1)
	gid := hippodamia.GID(q)
	s.is(s.say("hippodamia.contact", q), "keep")
	s.is(s.say("hippodamia.contact", q), "keep")
	s.is(s.stored(s.now, gid, "another"), "")
	s.is(s.stored(s.now, gid, q.UUID), "respond")
	s.is(s.say("hippodamia.contact", q), "keep")
	s.is(s.stored(s.now, gid, q.UUID), "respond")
	s.in(gid, hippodamia.Onboarding)
	s.is(s.say("hippodamia.state.ping", s.ping("pump", 1, 1)), "")
	s.is(s.say("hippodamia.contact", q), "keep")
	s.is(s.stored(s.now, gid, q.UUID), "respond")
	s.in(gid, hippodamia.Active)
	if n := s.all[gid].Onboardings; n != 1 {
		t.Errorf("it was onboarded %d times", n)
	}
}

func TestWhatCannotBeRightIsRejectedAndChangesNothing(t *testing.T) {
	s := newScene(t)
	s.onboard("pump", 1)
	elsewhere, odd, theft, control := s.request("a", 1), s.request("a", 1), s.request("a", 1), s.request("a", 1)
	elsewhere.Topic = "context"
	odd.UUID, odd.Topic = "a.b", "hippodamia.uuid.a.b"
	theft.UUID, theft.Topic = "pump-1", "hippodamia.uuid.pump-1"
	control.Host = "a\x1b[2J"
	wrong := s.ping("pump", 1, 2)
	wrong.UUID = "another"
	large := s.ping("pump", 1, 1<<60)
	for _, row := range []struct {
		topic string
		m     any
		want  string
	}{
		{"contact", elsewhere, `rejected topic: "context" is not hippodamia.uuid.a-1`},
		{"contact", odd, `rejected uuid: "a.b" is no UUID`},
		{"contact", theft, "rejected uuid: is that of the microservice " + s.ping("pump", 1, 1).GID},
		{"contact", control, "rejected host: has more than 256 bytes, or control characters"},
		{"contact", "x", "rejected is a string, not a hippodamia.OnboardingRequest"},
		{"state.ping", s.ping("other", 1, 1), "rejected gid: no microservice has it, invite"},
		{"state.runtime", wrong, "rejected uuid: is not that of its present start, invite"},
		{"state.ping", large, "rejected seq: 1152921504606846976 is more than 9007199254740992"},
		{"state.ping", hippodamia.Ping{}, "rejected gid: is missing"},
		{"state.config", s.ping("pump", 1, 2), "rejected config: is missing"},
		{"state.end", s.ping("other", 1, 1), "rejected gid: no microservice has it"},
		{"state.mood", s.ping("pump", 1, 2), "rejected nothing is awaited on this topic"},
		{"state.ping", strings.Repeat("x", MaxPayload), "rejected it has 262146 bytes, more than 262144"},
	} {
		o := s.say("hippodamia."+row.topic, row.m)
		s.is(o, row.want)
		if n := len(o.entry.Message.Payload); n > ShortPayload {
			t.Errorf("%d bytes are stored", n)
		}
	}
	s.onboard("b", 1)
	s.onboard("c", 1)
	s.is(s.say("hippodamia.contact", s.request("d", 1)), "rejected as many microservices are observed as may be: 3")
}

// Two processes with one identity, or a message that was long under way.
func TestAStartBeforeIsNotHeardAndDoesNotOnboardInTurns(t *testing.T) {
	s := newScene(t)
	gid := s.onboard("pump", 1)
	s.onboard("pump", 2)
	s.is(s.say("hippodamia.state.ping", s.ping("pump", 1, 2)), "rejected uuid: is of the start before")
	s.is(s.say("hippodamia.state.end", hippodamia.End{Ping: s.ping("pump", 1, 3), Reason: hippodamia.ReasonLastWill}), "rejected uuid: is of the start before")
	s.in(gid, hippodamia.Active)
}

func TestAStartBeforeThatLivesOnIsToldToOnboardWhenTheLaterOneIsNoMore(t *testing.T) {
	for state, end := range map[hippodamia.State]func(*scene){
		hippodamia.Inactive: func(s *scene) { s.pass(3 * time.Minute) },
		hippodamia.Terminated: func(s *scene) {
			s.say("hippodamia.state.end", hippodamia.End{Ping: s.ping("pump", 2, 2), Reason: "stopped"})
		},
		hippodamia.Ended: func(s *scene) { s.pass(time.Hour); s.pass(48 * time.Hour) },
	} {
		t.Run(string(state), func(t *testing.T) {
			s := newScene(t)
			gid := s.onboard("pump", 1)
			s.onboard("pump", 2)
			if o := s.say("hippodamia.state.ping", s.ping("pump", 1, 2)); o.invite != "" {
				t.Errorf("while the later one lives %s is invited", o.invite)
			}
			end(s)
			s.in(gid, state)
			if o := s.say("hippodamia.state.ping", s.ping("pump", 1, 3)); o.invite != gid {
				t.Errorf("%q is invited, want %s", o.invite, gid)
			}
			bye := hippodamia.End{Ping: s.ping("pump", 1, 4), Reason: hippodamia.ReasonLastWill}
			if o := s.say("hippodamia.state.end", bye); o.invite != "" {
				t.Errorf("%s is invited, which is gone", o.invite)
			}
			s.is(s.say("hippodamia.contact", s.request("pump", 3)), "keep")
			s.is(s.stored(s.now, gid, "pump-3"), "respond")
			s.is(s.say("hippodamia.state.ping", s.ping("pump", 3, 1)), "welcome")
		})
	}
}

func TestAGoodbyeIsBelievedUntilItSpeaks(t *testing.T) {
	s := newScene(t)
	gid := s.onboard("pump", 1)
	s.is(s.say("hippodamia.state.ping", s.ping("pump", 1, 5)), "")
	if n := s.all[gid].Missed; n != 3 {
		t.Errorf("%d are missed", n)
	}
	seen := s.now
	s.pass(time.Second)
	s.is(s.say("hippodamia.state.end", hippodamia.End{Ping: s.ping("pump", 1, 0), Reason: hippodamia.ReasonLastWill}), "alarm")
	if m := s.all[gid]; m.State != hippodamia.Terminated || m.Reason != "last-will" || !m.LastSeen.Equal(seen) {
		t.Errorf("%+v", m)
	}
	s.is(s.say("hippodamia.state.end", hippodamia.End{Ping: s.ping("pump", 1, 6), Reason: "stopped"}), "")
	s.is(s.say("hippodamia.state.ping", s.ping("pump", 1, 6)), "rejected seq: 6 is of before its goodbye")
	s.is(s.say("hippodamia.state.ping", s.ping("pump", 1, 7)), "welcome")
}

func TestNobodyIsDeclaredDeadForTheTimeThatTheWatchdogWasAway(t *testing.T) {
	s := newScene(t)
	gid := s.onboard("pump", 1)
	silent := s.onboard("fan", 1)
	s.pass(100 * time.Second)
	s.is(s.say("hippodamia.state.ping", s.ping("pump", 1, 2)), "")
	s.pass(60 * time.Second)
	s.in(silent, hippodamia.Inactive)
	later := newScene(t)
	later.now = s.now.Add(time.Hour)
	later.roster = newRoster(s.topics, s.rules, 3, later.now)
	later.load(later.now, []Microservice{s.all[gid].Microservice, s.all[silent].Microservice})
	if n := len(later.pass(149 * time.Second)); n > 0 {
		t.Fatalf("%d were declared dead", n)
	}
	later.pass(time.Second)
	later.in(gid, hippodamia.Inactive)
	later.in(silent, hippodamia.Inactive)
	later.is(later.say("hippodamia.state.ping", later.ping("fan", 1, 2)), "welcome")
	later.pass(450 * time.Second)
	later.in(gid, hippodamia.Terminated)
}

func TestAnIntervalIsLearnedFromAHabitAlone(t *testing.T) {
	s := newScene(t)
	gid := s.onboard("pump", 1)
	seq := uint64(1)
	ping := func(after time.Duration) {
		s.pass(after)
		seq++
		s.say("hippodamia.state.ping", s.ping("pump", 1, seq))
	}
	ping(20 * time.Minute) // one outage
	for range 5 {
		ping(time.Minute)
	}
	ping(time.Second) // it was asked
	s.pass(149 * time.Second)
	s.in(gid, hippodamia.Active)
	for range 4 {
		ping(10 * time.Minute)
	}
	if i := s.all[gid].Interval; i != 10*time.Minute {
		t.Errorf("its interval is %v", i)
	}
	s.pass(24 * time.Minute)
	s.in(gid, hippodamia.Active)
	ping(0)
	for range 3 {
		ping(time.Minute)
	}
	s.pass(150 * time.Second)
	s.in(gid, hippodamia.Inactive)
}

func TestATypeHasItsOwnRule(t *testing.T) {
	s := newScene(t)
	s.rules.Types = map[string]Rule{"modbus": {Interval: time.Second, Inactive: After{Time: 5 * time.Second}, Terminated: After{Intervals: 10}, End: time.Minute}}
	gid := s.onboard("pump", 1)
	s.pass(5 * time.Second)
	s.in(gid, hippodamia.Inactive)
	s.pass(5 * time.Second)
	s.in(gid, hippodamia.Terminated)
	s.pass(time.Minute)
	s.in(gid, hippodamia.Ended)
	s.forget(s.now.Add(-time.Hour))
	s.in(gid, hippodamia.Ended)
	s.forget(s.now.Add(time.Hour))
	if len(s.all)+len(s.nodes)+len(s.starts)+s.silence.Len() > 0 {
		t.Error("something of it is left")
	}
}

func TestAnAliveIsASecondSignOfLife(t *testing.T) {
	s := newScene(t)
	gid := s.onboard("pump", 1)
	n := gap.Node{Component: "modbus", Identity: "edge7/plant/ts001"}
	s.pass(200 * time.Second)
	s.in(gid, hippodamia.Inactive)
	if o, ok := s.lives(s.now, n, lifecycle.Startup, "t", nil); !ok || o.entry.After != nil {
		t.Error("a startup woke it up")
	}
	o, ok := s.lives(s.now, n, lifecycle.Alive, "t", nil)
	if !ok {
		t.Fatal("it is not known")
	}
	s.is(o, "welcome")
	if _, ok := s.lives(s.now, gap.Node{Component: "server", Identity: "c1"}, lifecycle.Alive, "t", nil); ok {
		t.Error("somebody else's event is stored")
	}
}
