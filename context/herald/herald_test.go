package herald

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"zmicroservices/context/event"
	"zmicroservices/taskservice/hippodamia"
	"zmicroservices/taskservice/lifecycle"
	"zmicroservices/taskservice/message"
)

// world is a herald with one transaction, and a bus that has one listener or none.
type world struct {
	*Herald
	t    *testing.T
	end  func()
	gone []string

	mu     sync.Mutex // guards the rest
	deaf   bool
	silent bool // the watchdog does not answer
	view   *event.View
	said   []string // topics, without what they begin with, and reasons
}

func (w *world) Wanted(string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return !w.deaf
}

// Publish is heard by a watchdog, which answers at once.
func (w *world) Publish(frame []byte) error {
	topic, payload, err := message.Split(frame)
	if err != nil {
		return err
	}
	var m struct{ Reason, UUID string }
	if err := json.Unmarshal(payload, &m); err != nil {
		return err
	}
	w.mu.Lock()
	defer w.mu.Unlock()

	w.said = append(w.said, strings.TrimSpace(strings.TrimPrefix(strings.TrimPrefix(topic, hippodamia.Prefix), lifecycle.Prefix)+" "+m.Reason))
	if topic == "hippodamia.contact" && !w.silent {
		go w.answer(m.UUID) // ends at once
	}
	return nil
}

func (w *world) answer(uuid string) {
	frame, _ := hippodamia.Frame("hippodamia.uuid."+uuid, hippodamia.OnboardingResponse{UUID: uuid, GID: "g", Timestamp: time.Now()})
	w.Heard("hippodamia.uuid.", frame, nobody)
}

func nobody(int) event.Ref { return event.Ref{} }

// in gives a world in a bubble of time, whose herald runs until the test ends.
func in(t *testing.T, tasks []*event.TaskView, do func(w *world)) {
	inWith(t, tasks, func(*world) {}, do)
}

func inWith(t *testing.T, tasks []*event.TaskView, before, do func(w *world)) {
	synctest.Test(t, func(t *testing.T) {
		w := &world{t: t, view: &event.View{Transaction: "T", Tasks: tasks}}
		before(w)
		var err error
		w.Herald, err = New(Options{
			Host: "edge7", Version: "9", Ping: time.Minute, Alive: time.Hour, Bus: w, Logger: slog.New(slog.DiscardHandler),
			View:     func(event.TransactionID) *event.View { w.mu.Lock(); defer w.mu.Unlock(); return w.view },
			Views:    func() []*event.View { w.mu.Lock(); defer w.mu.Unlock(); return []*event.View{w.view} },
			ConfigID: func(r event.Ref) string { return "c/" + string(r.Task) },
			Gone:     func(r event.Ref, died bool) { w.gone = append(w.gone, fmt.Sprint(r, died)) },
		})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- w.Run(ctx) }() // ends with ctx
		w.end = sync.OnceFunc(func() { cancel(); <-ended })
		defer w.end()
		synctest.Wait()
		do(w)
	})
}

// expect says what was said since the last time, when nothing moves any more.
func (w *world) expect(want ...string) {
	w.t.Helper()
	synctest.Wait()
	w.mu.Lock()
	defer w.mu.Unlock()
	if !slices.Equal(w.said, want) {
		w.t.Errorf("said %q, want %q", w.said, want)
	}
	w.said = nil
}

// drops forgets what may or may not have been said.
func (w *world) drops(topic string) {
	synctest.Wait()
	w.mu.Lock()
	defer w.mu.Unlock()
	w.said = slices.DeleteFunc(w.said, func(s string) bool { return s == topic })
}

// becomes changes a task service, and tells of it.
func (w *world) becomes(t *event.TaskView, to event.State, present bool, what string) {
	w.mu.Lock()
	next := *t
	next.State, next.Present = to, present
	view := *w.view
	view.Tasks = []*event.TaskView{&next}
	w.view = &view
	w.mu.Unlock()
	w.Record(event.Change{Transaction: "T", Task: t.ID, Incarnation: t.Incarnation, From: t.State, To: to, Event: what, Cause: event.Cause{Origin: event.ByOperator, By: "me"}})
	*t = next
}

func task(state event.State, self bool) *event.TaskView {
	return &event.TaskView{ID: "ts001", Instance: "Pump", ServiceName: "pump", State: state, Present: true, Self: self, Incarnation: 1, PID: os.Getpid()}
}

func TestACommandsLife(t *testing.T) {
	ts := task(event.Starting, false)
	in(t, []*event.TaskView{ts}, func(w *world) {
		w.expect()
		w.becomes(ts, event.Started, true, "ready")
		w.expect("startup.Pump", "contact", "state.ping", "state.runtime", "state.config", "provisioned.Pump")
		time.Sleep(time.Hour) // the first alive comes within the first hour, the next an hour later
		synctest.Wait()
		w.mu.Lock()
		n, alive := len(w.said), 0
		for _, s := range w.said {
			if s == "alive.Pump" {
				alive++
			}
		}
		w.said = nil
		w.mu.Unlock()
		if alive != 1 || n < 50 {
			t.Errorf("%d alive among %d messages of an hour", alive, n)
		}
		w.becomes(ts, event.Stopping, true, "stop asked")
		w.becomes(ts, event.Stopping, true, "exited badly")
		w.becomes(ts, event.Stopped, false, "all gone")
		w.expect("state.end stopped: operator me", "shutdown.Pump")
		if want := []string{"T/ts001/1 false", "T/ts001/1 false"}; !slices.Equal(w.gone, want) {
			t.Errorf("gone %q", w.gone)
		}
	})
}

func TestNothingIsMadeForNobody(t *testing.T) {
	ts := task(event.Starting, false)
	in(t, []*event.TaskView{ts}, func(w *world) {
		w.deaf = true
		w.becomes(ts, event.Started, true, "ready")
		time.Sleep(3 * time.Hour)
		w.expect()
		w.mu.Lock()
		w.deaf = false
		w.mu.Unlock()
		w.Subscribed([]byte("control"))
		w.expect()
		w.Subscribed([]byte("hippo"))
		w.expect("contact", "state.ping", "state.runtime", "state.config", "provisioned.Pump")
	})
}

// Who had started before us goes on, and who ended before we looked has its goodbye.
func TestTheNextHerald(t *testing.T) {
	ts := task(event.Started, false)
	in(t, []*event.TaskView{ts}, func(w *world) {
		w.expect("contact", "state.ping", "state.runtime", "state.config", "provisioned.Pump")
		w.becomes(ts, event.Failed, false, "all gone")
		w.expect("state.end last-will", "shutdown.Pump")
	})
	ts = task(event.Started, false)
	deaf := func(w *world) { w.deaf = true }
	inWith(t, []*event.TaskView{ts}, deaf, func(w *world) { // nobody is back on the bus when it ends
		w.becomes(ts, event.Failed, true, "exited badly")
		w.becomes(ts, event.Failed, false, "all gone")
		synctest.Wait()
		w.mu.Lock()
		w.deaf = false
		w.mu.Unlock()
		time.Sleep(10 * time.Second)
		w.expect("contact", "state.config", "state.end last-will", "shutdown.Pump")
	})
	ts = task(event.Failed, false)
	ts.Present = false
	in(t, []*event.TaskView{ts}, func(w *world) {
		w.Record(event.Change{Transaction: "T", Task: "ts001", Incarnation: 1, From: event.Started, To: event.Failed, Event: "exited badly"})
		w.Record(event.Change{Transaction: "T", Task: "ts001", Incarnation: 1, From: event.Failed, To: event.Failed, Event: "all gone"})
		w.expect("contact", "state.config", "state.end last-will", "shutdown.Pump")
	})
	in(t, []*event.TaskView{ts}, func(w *world) { // nobody answers
		w.silent = true
		w.Record(event.Change{Transaction: "T", Task: "ts001", Incarnation: 1, From: event.Started, To: event.Failed, Event: "exited badly"})
		time.Sleep(time.Hour)
		synctest.Wait()
		w.mu.Lock()
		defer w.mu.Unlock()
		if i := slices.Index(w.said, "shutdown.Pump"); i < 1 || i != len(w.said)-1 || w.said[0] != "contact" {
			t.Errorf("said %q", w.said)
		}
	})
}

func TestAServiceThatSpeaksForItself(t *testing.T) {
	own := func(int) event.Ref { return event.Ref{Transaction: "T", Task: "ts001", Incarnation: 1} }
	say := func(w *world, topic, text string) { w.Heard(topic, []byte(topic+" @@@ "+text), own) }
	request := hippodamia.OnboardingRequest{Type: "Pump", Name: "pump", Host: "edge7", ConfigID: "c/ts001", UUID: "u", Topic: "hippodamia.uuid.u", PID: os.Getpid(), Timestamp: time.Now()}
	stranger := request
	stranger.Host, stranger.ConfigID, stranger.UUID = "far", "x", "s"
	contact := func(w *world, r hippodamia.OnboardingRequest, of Owner) {
		frame, _ := hippodamia.Frame("hippodamia.contact", r)
		w.Heard("hippodamia.contact", frame, of)
		w.answer(r.UUID)
	}
	const shutdown = `{"protocol":"io.choria.lifecycle.v1.shutdown","id":"i","identity":"edge7/c/ts001","component":"Pump","timestamp":1}`
	for name, row := range map[string]struct {
		do   func(w *world)
		want []string
	}{
		"dies without a word": {func(w *world) { contact(w, request, own) }, []string{"state.end last-will", "shutdown.Pump"}},
		"dies, answered before it was heard to ask": {func(w *world) {
			w.answer(request.UUID)
			frame, _ := hippodamia.Frame("hippodamia.contact", request)
			w.Heard("hippodamia.contact", frame, own)
		}, []string{"state.end last-will", "shutdown.Pump"}},
		"dies, answered when it asked again": {func(w *world) {
			contact(w, request, own)
			frame, _ := hippodamia.Frame("hippodamia.contact", request)
			w.Heard("hippodamia.contact", frame, own)
		}, []string{"state.end last-will", "shutdown.Pump"}},
		"dies, and never onboarded":      {func(*world) {}, []string{"shutdown.Pump"}},
		"dies, onboarded by nobody":      {func(w *world) { contact(w, request, nobody) }, []string{"shutdown.Pump"}},
		"dies, having asked for another": {func(w *world) { contact(w, stranger, own) }, []string{"shutdown.Pump"}},
		"has said all itself": {func(w *world) {
			contact(w, request, own)
			frame, _ := hippodamia.Frame("hippodamia.state.end", hippodamia.End{Ping: hippodamia.Ping{GID: "g", UUID: "u", Timestamp: time.Now()}, Reason: "bye"})
			w.Heard("hippodamia.state.end", frame, own)
			say(w, "choria.lifecycle.event.shutdown.", shutdown)
		}, nil},
		"has begun again since": {func(w *world) {
			say(w, "choria.lifecycle.event.shutdown.", shutdown)
			say(w, "choria.lifecycle.event.startup.", strings.Replace(shutdown, "shutdown", "startup", 1))
		}, []string{"shutdown.Pump"}},
		"another says its shutdown": {func(w *world) {
			w.Heard("choria.lifecycle.event.shutdown.", []byte("choria.lifecycle.event.shutdown.Pump @@@ "+shutdown), func(int) event.Ref { return event.Ref{Task: "ts002"} })
		}, []string{"shutdown.Pump"}},
		"malformed words": {func(w *world) {
			for _, topic := range w.Topics() {
				for _, text := range []string{"", "{}", "[]", "@@@", `{"uuid":7}`} {
					say(w, topic, text)
				}
			}
		}, []string{"shutdown.Pump"}},
	} {
		t.Run(name, func(t *testing.T) {
			ts := task(event.Starting, true)
			in(t, []*event.TaskView{ts}, func(w *world) {
				w.becomes(ts, event.Started, true, "ready")
				w.expect()
				row.do(w)
				w.becomes(ts, event.Failed, true, "exited badly")
				w.becomes(ts, event.Failed, false, "all gone")
				w.expect(row.want...)
				w.end()
				if len(w.lives)+len(w.identities)+len(w.uuids)+len(w.times)+len(w.late) > 0 {
					t.Error("something is left of it")
				}
			})
		})
	}
}

// On a busy machine an agent asks before the View shows its process, and asks only once.
func TestWhoAsksBeforeItsProcessIsKnown(t *testing.T) {
	own := func(int) event.Ref { return event.Ref{Transaction: "T", Task: "ts001", Incarnation: 2} }
	for name, row := range map[string]struct {
		before func(ts *event.TaskView) // what the View shows until then
		starts bool
		want   []string
	}{
		"a start not yet told of":        {func(ts *event.TaskView) { ts.State, ts.Present, ts.PID = event.Starting, false, 0 }, true, []string{"state.end last-will", "shutdown.Pump"}},
		"the one that died before":       {func(ts *event.TaskView) { ts.State, ts.Present, ts.Incarnation = event.Failed, false, 1 }, true, []string{"state.end last-will", "shutdown.Pump"}},
		"who ends before it has started": {func(ts *event.TaskView) { ts.State, ts.Present, ts.PID = event.Starting, false, 0 }, false, []string{"state.end last-will"}},
	} {
		t.Run(name, func(t *testing.T) {
			ts := task(event.Starting, true)
			row.before(ts)
			in(t, []*event.TaskView{ts}, func(w *world) {
				request := hippodamia.OnboardingRequest{Type: "Pump", Name: "pump", Host: "edge7", ConfigID: "c/ts001", UUID: "u1", Topic: "hippodamia.uuid.u1", PID: os.Getpid(), Timestamp: time.Now()}
				for _, request.UUID = range []string{"u1", "u2"} { // it repeats it, as a start anew
					frame, _ := hippodamia.Frame("hippodamia.contact", request)
					w.Heard("hippodamia.contact", frame, own)
				}
				w.answer("u2")
				ts.Incarnation, ts.PID = 2, os.Getpid()
				if row.starts {
					w.becomes(ts, event.Started, true, "ready")
				}
				w.becomes(ts, event.Failed, true, "exited badly")
				w.becomes(ts, event.Failed, false, "all gone")
				w.expect(row.want...)
				w.end()
				if len(w.lives)+len(w.identities)+len(w.uuids)+len(w.early) > 0 {
					t.Errorf("something is left of it: %d %d %d %d", len(w.lives), len(w.identities), len(w.uuids), len(w.early))
				}
			})
		})
	}
}

func TestThoseWhoseProcessNeverShowsAreBounded(t *testing.T) {
	in(t, nil, func(w *world) {
		for i := range 2 * maxEarly {
			frame, _ := hippodamia.Frame("hippodamia.contact", hippodamia.OnboardingRequest{
				Type: "Pump", Name: "pump", Host: "edge7", ConfigID: fmt.Sprint(i), UUID: fmt.Sprint(i), Topic: "t", Timestamp: time.Now(),
			})
			w.Heard("hippodamia.contact", frame, func(int) event.Ref { return event.Ref{Transaction: "T", Task: "ts001", Incarnation: 9} })
		}
		if len(w.early) != maxEarly || len(w.uuids) != maxEarly {
			t.Errorf("%d contacts and %d uuids are kept", len(w.early), len(w.uuids))
		}
		for i := range 3 * maxEarly {
			w.answer(fmt.Sprint("x", i))
		}
		if len(w.answers.gids) > maxEarly || len(w.answers.last) != len(w.answers.gids) {
			t.Errorf("%d answers of %d are kept", len(w.answers.gids), len(w.answers.last))
		}
	})
}

// A program that is its own agent needs no other one, though the provider announces it.
func TestACommandThatIsItsOwnAgent(t *testing.T) {
	ts := task(event.Started, false)
	in(t, []*event.TaskView{ts}, func(w *world) {
		w.expect("contact", "state.ping", "state.runtime", "state.config", "provisioned.Pump")
		frame, _ := hippodamia.Frame("hippodamia.contact", hippodamia.OnboardingRequest{
			Type: "Pump", Name: "pump", Host: "edge7", ConfigID: "c/ts001", UUID: "u", Topic: "hippodamia.uuid.u", PID: 1, Timestamp: time.Now(),
		})
		w.Heard("hippodamia.contact", frame, func(int) event.Ref { return event.Ref{Transaction: "T", Task: "ts001", Incarnation: 1} })
		time.Sleep(5 * time.Minute)
		w.drops("alive.Pump") // which is still the provider's, and comes anywhere in its first interval
		w.expect()
	})
}

// Who is too far behind looks at who is there.
func TestWhoIsBehindLooksAnew(t *testing.T) {
	ts := task(event.Started, false)
	in(t, []*event.TaskView{ts}, func(w *world) {
		w.expect("contact", "state.ping", "state.runtime", "state.config", "provisioned.Pump")
		w.Herald.mu.Lock()
		w.lagged = true
		w.Herald.mu.Unlock()
		w.mu.Lock()
		gone := *ts
		gone.Present, gone.State = false, event.Failed
		w.view = &event.View{Transaction: "T", Tasks: []*event.TaskView{&gone}}
		w.mu.Unlock()
		w.wake()
		w.expect("state.end last-will", "shutdown.Pump")
	})
}
