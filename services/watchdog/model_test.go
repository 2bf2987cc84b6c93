package watchdog

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"zmicroservices/services/gap"
	"zmicroservices/taskservice/hippodamia"
	"zmicroservices/taskservice/lifecycle"
)

// ledger is what a reader makes of the outcomes alone.
type ledger struct {
	rows    map[string]Microservice
	alarmed map[string]bool
	owed    map[string]string // gid to uuid: rows to be durable
	durable map[string]string // and those that are
}

// read checks an outcome, and enters it.
func (l *ledger) read(t *rapid.T, o outcome) {
	e := o.entry
	if e.Message != nil && e.Message.Rejected != "" {
		if e.Change != nil || e.After != nil || len(o.effects) > 0 {
			t.Fatalf("%q changed something", e.Message.Rejected)
		}
		return
	}
	if c := e.Change; c != nil {
		if before, known := l.rows[c.GID]; known && before.State != c.From || !known && c.From != "" {
			t.Fatalf("from %q, but it was %q", c.From, before.State)
		}
		if e.After == nil || e.After.State != c.To || e.After.GID != c.GID {
			t.Fatalf("%+v, and the row is %+v", c, e.After)
		}
	} else if e.After != nil && l.rows[e.After.GID].State != e.After.State {
		t.Fatalf("the row is %s without a change", e.After.State)
	}
	if e.After != nil {
		l.rows[e.After.GID] = *e.After
	}
	for _, effect := range o.effects {
		gid := o.of.GID
		switch effect {
		case Keep:
			l.owed[gid] = o.of.UUID
		case Respond:
			if l.durable[gid] != o.of.UUID {
				t.Fatal("a gid was told that the disk does not have")
			}
		case Alarm:
			l.alarmed[gid] = true
		case Welcome:
			if !l.alarmed[gid] {
				t.Fatal("it is back, and nobody was told that it was away")
			}
			l.alarmed[gid] = false
		}
	}
}

// agree compares what was read with what is there.
func (l *ledger) agree(t *rapid.T, r *roster) {
	watched := 0
	for gid, m := range r.all {
		if row := l.rows[gid]; row.State != m.State || row.UUID != m.UUID || row.Away != l.alarmed[gid] {
			t.Fatalf("the store has %+v, the roster %+v", row, m.Microservice)
		}
		if m.State != hippodamia.Ended {
			watched++
			if r.starts[m.UUID] != m {
				t.Fatalf("its start %s leads nowhere", m.UUID)
			}
		}
	}
	if r.silence.Len() != watched {
		t.Fatalf("%d are watched, want %d", r.silence.Len(), watched)
	}
}

func TestRandomLivesLeaveARightStory(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		now := time.Now()
		r := newRoster(hippodamia.Topics{}, DefaultRules(), 3, now)
		l := &ledger{rows: map[string]Microservice{}, alarmed: map[string]bool{}, owed: map[string]string{}, durable: map[string]string{}}
		request := func() hippodamia.OnboardingRequest {
			name := rapid.SampledFrom([]string{"a", "b", "c", "d"}).Draw(t, "name")
			uuid := fmt.Sprint(name, rapid.IntRange(1, 3).Draw(t, "start"))
			return hippodamia.OnboardingRequest{UUID: uuid, Topic: "hippodamia.uuid." + uuid, Type: "t", Name: name, Host: "h", ConfigID: "c", Timestamp: now}
		}
		say := func(topic string, m any) {
			payload, err := json.Marshal(m)
			if err != nil {
				t.Fatal(err)
			}
			l.read(t, r.receive(now, topic, payload, len(payload)))
		}
		t.Repeat(map[string]func(*rapid.T){
			"":        func(t *rapid.T) { l.agree(t, r) },
			"contact": func(*rapid.T) { say("hippodamia.contact", request()) },
			"state": func(t *rapid.T) {
				q := request()
				head := hippodamia.Ping{GID: hippodamia.GID(q), UUID: q.UUID, Seq: rapid.Uint64Range(0, 9).Draw(t, "seq"), Timestamp: now}
				switch kind := rapid.SampledFrom([]string{"ping", "runtime", "config", "end"}).Draw(t, "kind"); kind {
				case "config":
					say("hippodamia.state.config", hippodamia.Config{Ping: head, Config: map[string]any{}})
				case "end":
					say("hippodamia.state.end", hippodamia.End{Ping: head, Reason: rapid.SampledFrom([]string{"stopped", "last-will"}).Draw(t, "reason")})
				default:
					say("hippodamia.state."+kind, head)
				}
			},
			"durable": func(*rapid.T) {
				for gid, uuid := range l.owed {
					delete(l.owed, gid)
					l.durable[gid] = uuid
					l.read(t, r.stored(now, gid, uuid))
				}
			},
			"alive": func(*rapid.T) {
				if o, ok := r.lives(now, gap.Node{Component: "t", Identity: "h/c"}, lifecycle.Alive, "t", nil); ok {
					l.read(t, o)
				}
			},
			"time": func(t *rapid.T) {
				now = now.Add(rapid.SampledFrom([]time.Duration{time.Second, time.Minute, 5 * time.Minute, time.Hour, 25 * time.Hour}).Draw(t, "time"))
				for o, ok := r.due(now); ok; o, ok = r.due(now) {
					l.read(t, o)
				}
			},
			"restart": func(*rapid.T) {
				var rows []Microservice
				for _, m := range l.rows {
					rows = append(rows, m)
					l.durable[m.GID] = m.UUID
				}
				r = newRoster(hippodamia.Topics{}, DefaultRules(), 3, now)
				clear(l.owed)
				for _, o := range r.load(now, rows) {
					l.read(t, o)
				}
			},
		})
	})
}

func FuzzReceive(f *testing.F) {
	for _, topic := range []string{"contact", "state.ping", "state.runtime", "state.config", "state.end"} {
		for _, payload := range []string{
			`{`, `null`, `{"gid":"g","uuid":"u","seq":1,"timestamp":"2026-11-21T10:00:00Z","reason":"x","config":{},"runtime":{}}`,
			`{"uuid":"u","topic":"hippodamia.uuid.u","type":"t","name":"n","host":"h","timestamp":"2026-11-21T10:00:00Z"}`,
		} {
			f.Add("hippodamia."+topic, []byte(payload))
		}
	}
	f.Fuzz(func(t *testing.T, topic string, payload []byte) {
		now := time.Now()
		r := newRoster(hippodamia.Topics{}, DefaultRules(), 3, now)
		for range 2 {
			o := r.receive(now, topic, payload, len(payload))
			m := o.entry.Message
			if m == nil || m.Size != len(payload) || len(m.Topic) > longest || len(m.Rejected) > longest || len(m.GID) > 64 || len(m.UUID) > 64 {
				t.Fatalf("%+v", m)
			}
			if (m.Rejected == "") != (o.entry.After != nil) {
				t.Fatalf("%+v", o.entry)
			}
		}
	})
}
