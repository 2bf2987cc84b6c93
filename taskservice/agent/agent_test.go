package agent

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"zmicroservices/taskservice/hippodamia"
)

var noon = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

// plain is an agent without chance: jitter and splay are in their middle, and its
// uuids are u1, u2, …
func plain(o Options) *Agent {
	n := 0
	o.NewUUID = func() string { n++; return fmt.Sprintf("u%d", n) }
	o.Random = func() float64 { return 0.5 }
	o.Type, o.Name = "modbus", "pump"
	return New(o)
}

// lines shortens effects: "subscribe x", "hippodamia.contact", "arm 2s", "enter active".
func lines(now time.Time, effects []Effect) string {
	var words []string
	for _, e := range effects {
		switch e.Do {
		case Subscribe:
			words = append(words, "+"+e.Topic)
		case Unsubscribe:
			words = append(words, "-"+e.Topic)
		case Publish:
			words = append(words, e.Topic)
		case Arm:
			if e.At.IsZero() {
				words = append(words, "never")
			} else {
				words = append(words, e.At.Sub(now).String())
			}
		case Enter:
			words = append(words, "="+e.State.String())
		}
	}
	return strings.ReplaceAll(strings.Join(words, " "), hippodamia.Prefix, "")
}

func command(topic, gid string) Event {
	return heard(topic, hippodamia.Command{GID: gid, RequestID: "r", Timestamp: noon})
}

func heard(topic string, m any) Event {
	payload, err := json.Marshal(m)
	if err != nil {
		panic(err)
	}
	return Event{Kind: Heard, Topic: hippodamia.Prefix + topic, Payload: payload}
}

func response(uuid string) Event {
	return heard("uuid."+uuid, hippodamia.OnboardingResponse{UUID: uuid, GID: "g", Timestamp: noon})
}

func TestALifeStepByStep(t *testing.T) {
	a := plain(Options{Will: true})
	now := noon
	for i, row := range []struct {
		after time.Duration
		event Event
		want  string
	}{
		{0, Event{Kind: Tick}, ""},
		{0, Event{Kind: Begin}, "+uuid.u1 +command. =initialized"},
		{0, Event{Kind: Begin}, ""},
		{time.Second, Event{Kind: Subscribed}, "contact =onboarding 2s"},
		{2 * time.Second, Event{Kind: Tick}, "contact 4s"},
		{4 * time.Second, Event{Kind: Tick}, "contact 8s"},
		{100 * time.Millisecond, command("command.ping", "other"), "400ms"}, // soon, not at once: it has just asked
		{400 * time.Millisecond, Event{Kind: Tick}, "contact 16s"},
		{time.Second, command("command.ping", ""), "contact 32s"},
		{0, response("u0"), ""},
		{32 * time.Second, Event{Kind: Tick}, "contact 1m0s"},
		{time.Minute, Event{Kind: Tick}, "contact 1m0s"},
		{0, heard("uuid.u1", hippodamia.OnboardingResponse{UUID: "u1", GID: strings.Repeat("g", longestGID+1), Timestamp: noon}), ""},
		{0, response("u1"), "-uuid.u1 zms.will state.ping state.runtime state.config =active"}, // a ping is due when the request was
		{0, response("u1"), ""},
		{time.Minute, Event{Kind: Tick}, "state.ping 1m0s"},
		{time.Second, command("command.ping", "other"), ""},
		{time.Second, command("command.ping", "g"), "state.ping 1m0s"},
		{0, command("command.runtime", ""), "state.runtime"},
		{0, command("command.config", ""), "state.config"},
		{0, Event{Kind: Reconfigured}, "state.config"},
		{0, command("command.dance", ""), ""},
		{0, Event{Kind: Heard, Topic: "hippodamia.command.ping", Payload: []byte("{")}, ""},
		{0, command("command.onboarding", "g"), "=uninitialized +uuid.u2 +command. =initialized never"},
		{0, Event{Kind: Subscribed}, "contact =onboarding 2s"},
		{0, response("u2"), "-uuid.u2 zms.will state.ping state.runtime state.config =active 1m0s"},
		{0, Event{Kind: Back}, "=uninitialized 500ms"},
		{500 * time.Millisecond, Event{Kind: Tick}, "+uuid.u3 +command. =initialized"},
		{0, Event{Kind: Subscribed}, "contact =onboarding 2s"},
		{0, Event{Kind: Back}, "500ms"},
		{500 * time.Millisecond, Event{Kind: Tick}, "contact 2s"},
		{0, response("u3"), "-uuid.u3 zms.will state.ping state.runtime state.config =active 1m0s"},
		{0, Event{Kind: Ending, Reason: "stopped"}, "state.end zms.will -command. =terminating never"},
		{0, Event{Kind: Ending}, ""},
		{time.Hour, Event{Kind: Tick}, ""},
		{0, command("command.ping", ""), ""},
	} {
		now = now.Add(row.after)
		if got := lines(now, a.Step(now, row.event)); got != row.want {
			t.Errorf("step %d: %q, want %q", i, got, row.want)
		}
	}
	if a.Rejected() != 2 || a.GID() != "g" {
		t.Errorf("rejected %d, gid %q", a.Rejected(), a.GID())
	}
}

func TestAQuietOneTellsOfNoLifeAndGoesOnLater(t *testing.T) {
	quiet := false
	a := plain(Options{Quiet: func() bool { return quiet }})
	for i, row := range []struct {
		quiet bool
		after time.Duration
		event Event
		want  string
	}{
		{false, 0, Event{Kind: Begin}, "+uuid.u1 +command. =initialized"},
		{false, 0, Event{Kind: Subscribed}, "contact =onboarding 2s"},
		{false, 0, response("u1"), "-uuid.u1 state.ping state.runtime state.config =active 1m0s"},
		{true, time.Minute, Event{Kind: Tick}, "1m0s"},
		{true, time.Minute, command("command.ping", ""), ""},
		{false, 2 * time.Minute, Event{Kind: Tick}, "state.ping 1m0s"},
		{true, 2 * time.Minute, Event{Kind: Ending}, "state.end -command. =terminating never"},
	} {
		quiet = row.quiet
		now := noon.Add(row.after)
		if got := lines(now, a.Step(now, row.event)); got != row.want {
			t.Errorf("step %d: %s, want %s", i, got, row.want)
		}
	}
}

func TestWhatItSays(t *testing.T) {
	a := plain(Options{
		Host: "edge7", ConfigID: "c/ts001", Version: "1.2", PID: 7, Will: true,
		Info:   func(time.Time) hippodamia.RuntimeInfo { return hippodamia.RuntimeInfo{PID: 7, Uptime: 3} },
		Config: func() map[string]any { return map[string]any{"every": "1s", "password": "x"} },
	})
	a.Step(noon, Event{Kind: Begin})
	said := a.Step(noon, Event{Kind: Subscribed})
	said = append(said, a.Step(noon, response("u1"))...)
	said = append(said, a.Step(noon, command("command.onboarding", ""))...)
	said = append(said, a.Step(noon.Add(time.Second), Event{Kind: Subscribed})...)
	said = append(said, a.Step(noon, response("u2"))...)
	said = append(said, a.Step(noon, Event{Kind: Ending, Reason: "stopped"})...)
	var got []string
	for _, e := range said {
		if e.Do == Publish {
			got = append(got, e.Topic+" "+string(e.Payload))
		}
	}
	head := func(uuid string, seq int) string {
		return fmt.Sprintf(`{"gid":"g","uuid":%q,"seq":%d,"timestamp":"2026-11-21T12:00:00Z"`, uuid, seq)
	}
	var want []string
	for i, uuid := range []string{"u1", "u2"} {
		gid := []string{"", `"gid":"g",`}[i]
		want = append(want,
			fmt.Sprintf(`hippodamia.contact {"uuid":%q,"topic":"hippodamia.uuid.%s",%s"type":"modbus","name":"pump","host":"edge7","config_id":"c/ts001","version":"1.2","pid":7,"timestamp":"2026-11-21T12:00:0%dZ"}`, uuid, uuid, gid, i),
			`zms.will {"topic":"hippodamia.state.end","payload":`+head(uuid, 0)+`,"reason":"last-will"}}`,
			`hippodamia.state.ping `+head(uuid, 1)+`}`,
			`hippodamia.state.runtime `+head(uuid, 2)+`,"runtime":{"pid":7,"uptime_s":3}}`,
			`hippodamia.state.config `+head(uuid, 3)+`,"config":{"every":"1s","password":"***"}}`,
		)
	}
	want = append(want, `hippodamia.state.end `+head("u2", 4)+`,"reason":"stopped"}`, `zms.will {"topic":"hippodamia.state.end","gid":"g","payload":null}`)
	if g, w := strings.Join(got, "\n"), strings.Join(want, "\n"); g != w {
		t.Errorf("said\n%s\nwant\n%s", g, w)
	}
}

// Whatever happens in whatever order: a life keeps its promises.
func TestNoOrderOfEventsBreaksALife(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a := plain(Options{})
		now := noon
		var armed time.Time
		var seq uint64
		var lastRequest time.Time
		listening := map[string]bool{}
		for range rapid.IntRange(1, 60).Draw(t, "events") {
			now = now.Add(time.Duration(rapid.IntRange(0, 90_000).Draw(t, "ms")) * time.Millisecond)
			ev := rapid.SampledFrom([]Event{
				{Kind: Begin}, {Kind: Subscribed}, {Kind: Tick}, {Kind: Reconfigured}, {Kind: Back},
				response(a.UUID()), response("u0"), command("command.ping", ""), command("command.runtime", "g"),
				command("command.config", "other"), command("command.onboarding", ""), {Kind: Heard, Topic: "hippodamia.contact"},
			}).Draw(t, "event")
			if rapid.IntRange(0, 50).Draw(t, "end") == 0 {
				ev = Event{Kind: Ending, Reason: "r"}
			}
			if ev.Kind == Tick {
				armed = time.Time{} // it is used up
			}
			uuid := a.UUID()
			for _, e := range a.Step(now, ev) {
				switch {
				case e.Do == Arm:
					if armed = e.At; !armed.IsZero() && armed.Before(now) {
						t.Fatalf("armed for the past: %s at %s", armed, now)
					}
				case e.Do == Subscribe:
					listening[e.Topic] = true
				case e.Do == Unsubscribe:
					delete(listening, e.Topic)
				case e.Do == Publish && e.Topic == "hippodamia.contact":
					if !listening["hippodamia.uuid."+a.UUID()] {
						t.Fatal("asks without listening for the answer")
					}
					if now.Sub(lastRequest) < soonest {
						t.Fatal("asks too often")
					}
					lastRequest = now
				case e.Do == Publish:
					var p hippodamia.Ping
					if err := json.Unmarshal(e.Payload, &p); err != nil || p.GID != "g" || p.UUID != a.UUID() {
						t.Fatalf("%s: %v", e.Payload, err)
					}
					if p.UUID != uuid {
						seq = 0
					}
					if p.Seq <= seq {
						t.Fatalf("number %d after %d", p.Seq, seq)
					}
					seq = p.Seq
				case e.Do == Enter && e.State == Uninitialized:
					if uuid == a.UUID() {
						t.Fatal("begins anew under the old uuid")
					}
					seq = 0
				}
			}
			if len(listening) > 2 {
				t.Fatalf("listens to %v", listening)
			}
			if waits := a.State() == Onboarding || a.State() == Active; waits && armed.IsZero() {
				t.Fatalf("%s, and nothing will happen", a.State())
			}
			if a.State() == Terminating && (len(listening) > 0 || !armed.IsZero()) {
				t.Fatalf("terminating, and listens to %v until %s", listening, armed)
			}
		}
	})
}

func TestJitterSpreadsPings(t *testing.T) {
	seen := map[time.Duration]bool{}
	for range 100 {
		a := New(Options{Type: "t", Name: "n", NewUUID: func() string { return "u1" }})
		a.Step(noon, Event{Kind: Begin})
		a.Step(noon, Event{Kind: Subscribed})
		for _, e := range a.Step(noon, response("u1")) {
			if e.Do == Arm {
				d := e.At.Sub(noon)
				if d < 54*time.Second || d > 66*time.Second {
					t.Errorf("a ping after %s", d)
				}
				seen[d] = true
			}
		}
	}
	if len(seen) < 90 {
		t.Errorf("only %d different times", len(seen))
	}
}
