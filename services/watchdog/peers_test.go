package watchdog_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"zmicroservices/services/watchdog"
	"zmicroservices/taskservice/hippodamia"
)

// all says whether so many are there and all in a state.
func all(n int, state hippodamia.State) func([]hippodamia.Service) bool {
	return func(services []hippodamia.Service) bool {
		for _, s := range services {
			if s.State != state {
				return false
			}
		}
		return len(services) == n
	}
}

func TestAgentsOfLibzmqAreOnboardedAndTheirStoryIsKept(t *testing.T) {
	t.Parallel()
	p := newPlant(t)
	listener := p.dial(t, "hippodamia.command.ping")
	p.watch(t)
	next(t, listener) // it is there
	const count = 20
	a := p.agents(t, count, "pump")
	a.onboarded(t, count)
	for _, s := range p.services(t, all(count, hippodamia.Active)) {
		want := hippodamia.GID(hippodamia.OnboardingRequest{Type: "python", Name: s.Name, Host: "edge7", ConfigID: "plant/" + s.Name})
		if s.GID != want || a.gids[s.Name] != want || s.PID != 4711 || s.Onboardings != 1 {
			t.Errorf("%+v", s)
		}
	}
	say(t, listener, "hippodamia.command.config", hippodamia.Command{GID: a.gids["pump3"], RequestID: "r", Timestamp: time.Now()})
	for a.next(t).Command != "config" { // one that has said goodbye is to be silent
	}
	a.say(t, "garbage")
	a.say(t, "end")
	p.services(t, all(count, hippodamia.Terminated))
	p.end(t)
	p.stored(t, func(s watchdog.Store) {
		messages, err := s.Messages(t.Context(), "", 1000)
		if err != nil {
			t.Fatal(err)
		}
		rejected := 0
		for _, m := range messages {
			if m.Rejected != "" {
				rejected++
				if !strings.HasPrefix(m.Rejected, "not JSON") || string(m.Payload) != "{\"gid\": \xff\x00" {
					t.Errorf("%+v", m)
				}
			}
		}
		if rejected != count {
			t.Errorf("%d were rejected, want %d", rejected, count)
		}
		changes, err := s.Changes(t.Context(), a.gids["pump3"], 100)
		if err != nil {
			t.Fatal(err)
		}
		var story []string
		for _, c := range changes {
			story = append(story, string(c.To))
		}
		if got := fmt.Sprint(story); got != "[initialize onboarding active terminated]" {
			t.Error(got)
		}
	})
}

// Whoever was told a gid finds it in the database, whenever the watchdog dies; the next
// one goes on, and declares nobody dead.
func TestKill9LosesNothingThatWasPromised(t *testing.T) {
	t.Parallel()
	p := newPlant(t)
	listener := p.dial(t, "hippodamia.command.ping")
	p.watch(t)
	next(t, listener)
	const count = 200
	a := p.agents(t, count, "fan")
	a.onboarded(t, count/4)
	p.kill() // in the middle of the others
	p.stored(t, func(s watchdog.Store) {
		rows, err := s.Load(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		known := map[string]bool{}
		for _, r := range rows {
			known[r.GID] = true
		}
		for name, gid := range a.gids {
			if !known[gid] {
				t.Errorf("%s was told its gid %s, and the database does not have it", name, gid)
			}
		}
	})
	before := len(a.gids)
	p.watch(t)
	next(t, listener)
	told := 0
	for told < count-before { // the others are onboarded when they ask again
		line := a.next(t)
		if line.Command == "" {
			told++
			a.gids[line.Name] = line.GID
		}
	}
	for _, s := range p.services(t, all(count, hippodamia.Active)) {
		if a.gids[s.Name] != s.GID {
			t.Errorf("%s has the gid %s and was told %s", s.Name, s.GID, a.gids[s.Name])
		}
	}
	p.end(t)
	p.stored(t, func(s watchdog.Store) {
		changes, err := s.Changes(t.Context(), "", 10000)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range changes {
			if c.To == hippodamia.Inactive || c.To == hippodamia.Terminated {
				t.Errorf("it declared dead: %+v", c)
			}
		}
	})
}

func TestNothingIsLostOfAFlood(t *testing.T) {
	t.Parallel()
	p := newPlant(t)
	q := hippodamia.OnboardingRequest{UUID: "u", Topic: "hippodamia.uuid.u", Type: "modbus", Name: "pump", Host: "edge7", ConfigID: "c", Timestamp: time.Now()}
	b := p.dial(t, "hippodamia.command.ping", q.Topic)
	p.watch(t)
	next(t, b)
	say(t, b, "hippodamia.contact", q)
	_, payload := next(t, b)
	r, err := hippodamia.Parse[hippodamia.OnboardingResponse](payload)
	if err != nil {
		t.Fatal(err)
	}
	const count = 3000
	for n := range count {
		say(t, b, "hippodamia.state.ping", hippodamia.Ping{GID: r.GID, UUID: q.UUID, Seq: uint64(n + 1), Timestamp: time.Now()})
	}
	say(t, b, "hippodamia.state.end", hippodamia.End{Ping: hippodamia.Ping{GID: r.GID, UUID: q.UUID, Seq: count + 1, Timestamp: time.Now()}})
	p.services(t, all(1, hippodamia.Terminated))
	p.end(t)
	p.stored(t, func(s watchdog.Store) {
		messages, err := s.Messages(t.Context(), r.GID, 2*count)
		if err != nil {
			t.Fatal(err)
		}
		rows, err := s.Load(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if len(messages) != count+2 || rows[0].Missed > 0 || rows[0].Seq != count+1 {
			t.Errorf("%d messages of %d, and %+v", len(messages), count+2, rows[0])
		}
	})
}
