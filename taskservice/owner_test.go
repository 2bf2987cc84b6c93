package taskservice

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"zmicroservices/taskservice/message"
)

// memory is a bus in memory: it remembers what was said, and a test can speak.
type memory struct {
	in    chan []byte // sent by the test
	again chan struct{}
	full  chan struct{} // closed by the test: from then on there is no room

	mu       sync.Mutex // guards the rest
	said     []message.Control
	heard    []string          // the topic of all that was said, but for a control's action
	last     map[string]string // the last payload of each topic
	prefixes []string
}

func newMemory() *memory {
	return &memory{in: make(chan []byte), again: make(chan struct{}, 1), full: make(chan struct{}), last: map[string]string{}}
}

func (m *memory) Publish(ctx context.Context, frame []byte) error {
	select {
	case <-m.full:
		<-ctx.Done()
		return ctx.Err()
	default:
	}
	topic, payload, err := message.Split(frame)
	if err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if topic == message.TopicControl {
		c, err := message.ParseControl(payload)
		if err != nil {
			return err
		}
		m.said = append(m.said, c)
		topic = c.Header.Action
	}
	m.heard = append(m.heard, topic)
	m.last[topic] = string(payload)
	return nil
}

func (m *memory) Receive(ctx context.Context) ([]byte, error) {
	select {
	case frame := <-m.in:
		return frame, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (m *memory) Subscribe(_ context.Context, prefix string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.prefixes = append(m.prefixes, prefix)
	return nil
}

func (m *memory) Unsubscribe(prefix string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.prefixes = append(m.prefixes, "-"+prefix)
}

func (m *memory) Connected() bool { return true }

func (m *memory) Rejoined() <-chan struct{} { return m.again }

// words are what was said: action, result, and a reason or item if there is one.
func (m *memory) words() string {
	m.mu.Lock()
	defer m.mu.Unlock()
	var words []string
	for _, c := range m.said {
		w := c.Header.Action
		if c.Status["result"] != "success" {
			w += " " + c.Status["result"].(string)
		}
		for _, key := range []string{"reason", "item"} {
			if v, found := c.Status[key]; found {
				w += fmt.Sprintf(" %v", v)
			}
		}
		if c.Header.RequestID != "" {
			w += " for " + c.Header.RequestID
		}
		words = append(words, w)
	}
	return strings.Join(words, ", ")
}

func (m *memory) says(t *testing.T, want string) {
	t.Helper()
	synctest.Wait()
	if got := m.words(); got != want {
		t.Errorf("said %q, want %q", got, want)
	}
}

func (m *memory) order(t *testing.T, action, request string) {
	t.Helper()
	frame, err := message.Process{Header: message.Header{
		Action: action, ServiceID: "ts001", ServiceName: "echo", Transaction: "t", RequestID: request,
	}}.Frame()
	if err != nil {
		t.Fatal(err)
	}
	m.in <- frame
}

var birth = Config{TaskID: "ts001", Transaction: "t", ServiceName: "echo", DeviceAction: "shout", StateType: "on_start"}

// owner is a service in a bubble of virtual time.
type owner struct {
	*memory
	stop context.CancelFunc // as a signal
	end  chan error         // gets what live returned; capacity 1
	log  *bytes.Buffer      // to be read after the end
}

func alive(t *testing.T, c Config, f Factory) owner {
	ctx, cancel := context.WithCancel(t.Context())
	o := owner{newMemory(), cancel, make(chan error, 1), &bytes.Buffer{}}
	go func() { // ends with the service
		log := slog.New(slog.NewTextHandler(o.log, nil))
		w, err := newWatched(c, log)
		if err == nil {
			err = live(ctx, c, f, options{stopTime: defaultStopTime}, o.memory, w, w.log)
		}
		o.end <- err
	}()
	return o
}

func runs(f TaskFunc) Factory { return func(Config) (Task, error) { return f, nil } }

func untilStopped(ctx context.Context, _ *Session) error { <-ctx.Done(); return ctx.Err() }

func TestTheRequestOfACommandIsEchoed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := birth
		c.StateType = "on_update"
		c.Object = message.Process{Header: message.Header{RequestID: "r0"}}.Filled()
		o := alive(t, c, runs(untilStopped))
		o.says(t, "created for r0")
		o.order(t, "start", "r1")
		o.says(t, "created for r0, started for r1")
		o.order(t, "stop", "r2")
		o.says(t, "created for r0, started for r1, stopped for r2")
		if err := <-o.end; err != nil {
			t.Error(err)
		}
	})
}

func TestATaskHasItsTimeToStop(t *testing.T) {
	for _, row := range []struct {
		takes time.Duration
		says  string
	}{
		{defaultStopTime - 1, "started, stopped"},
		{defaultStopTime + 1, "started"},
	} {
		synctest.Test(t, func(t *testing.T) {
			o := alive(t, birth, runs(func(ctx context.Context, s *Session) error {
				<-ctx.Done()
				time.Sleep(row.takes)
				if err := s.Updated(nil); row.takes > defaultStopTime && !errors.Is(err, ErrEnded) {
					t.Errorf("spoke after the end: %v", err)
				}
				return errors.New("not that it matters")
			}))
			o.says(t, "started")
			o.stop()
			o.order(t, "stop", "") // asked twice, it has no more time
			err := <-o.end
			if stuck := row.takes > defaultStopTime; stuck != errors.Is(err, errStuck) {
				t.Errorf("ended with %v", err)
			}
			time.Sleep(time.Minute) // the task's goroutine ends
			o.says(t, strings.Replace(row.says, ", s", ", updated, s", 1))
		})
	}
}

func TestItRepeatsTheLastStateAndNoEvents(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		next := make(chan func(*Session))
		o := alive(t, birth, runs(func(ctx context.Context, s *Session) error {
			for {
				select {
				case f := <-next:
					f(s)
				case <-ctx.Done():
					return nil
				}
			}
		}))
		o.says(t, "started")
		next <- func(s *Session) { s.Updated(map[string]any{"item": 1}) }
		o.says(t, "started, updated 1")
		o.again <- struct{}{}
		o.says(t, "started, updated 1, started")
		next <- func(s *Session) { s.Failed("paper") }
		synctest.Wait()
		o.again <- struct{}{}
		o.says(t, "started, updated 1, started, failed failure paper, failed failure paper")
		o.stop()
		<-o.end
		o.says(t, "started, updated 1, started, failed failure paper, failed failure paper, stopped")
	})
}

func TestAFailureIsSaidOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := alive(t, birth, runs(func(_ context.Context, s *Session) error {
			s.Failed("out of paper")
			return errors.New("out of paper, and done")
		}))
		if err := <-o.end; err == nil || err.Error() != "run task: out of paper, and done" {
			t.Errorf("ended with %v", err)
		}
		o.says(t, "started, failed failure out of paper")
	})
}

func TestATaskCannotSayTheServicesWords(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := alive(t, birth, runs(func(_ context.Context, s *Session) error {
			for _, action := range []string{"", "created", "started", "stopped"} {
				if err := s.Notify(action, "success", nil); err == nil {
					t.Errorf("said %q", action)
				}
			}
			items := map[string]any{"item": 1, "result": "mine", "device_action": "mine"}
			if err := s.Notify("exited", "success", items); err != nil || len(items) != 3 || items["result"] != "mine" {
				t.Errorf("%v; the items became %v", err, items)
			}
			return nil
		}))
		<-o.end
		o.says(t, "started, exited 1, stopped")
	})
}

func TestABusWithoutRoomDoesNotHoldATask(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		full := make(chan struct{}) // closed when the bus has no room
		o := alive(t, birth, runs(func(_ context.Context, s *Session) error {
			<-full
			begin := time.Now()
			if err := s.Updated(nil); !errors.Is(err, context.DeadlineExceeded) || time.Since(begin) != sayTime {
				t.Errorf("%v after %v", err, time.Since(begin))
			}
			return nil
		}))
		synctest.Wait() // started is said
		close(o.full)
		close(full)
		if err := <-o.end; err != nil {
			t.Error(err)
		}
		if log := o.log.String(); !strings.Contains(log, "state was not published") {
			t.Errorf("logged %s", log)
		}
	})
}

func TestAListenerThatDoesNotReadMisses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		session := make(chan *Session, 1)
		c := birth
		c.Watch.Ping = -1 // an agent has subscriptions of its own
		o := alive(t, c, runs(func(ctx context.Context, s *Session) error {
			messages, err := s.Subscribe("weather")
			if err != nil {
				return err
			}
			controls := s.Controls()
			session <- s
			<-ctx.Done()
			if m := <-messages; m.Topic != "weather.berlin" || string(m.Payload) != "0" {
				t.Errorf("received %v", m)
			}
			if len(messages) != inbox-1 || len(controls) != 0 {
				t.Errorf("%d and %d wait", len(messages), len(controls))
			}
			return nil
		}))
		s := <-session
		for i := range inbox + 3 {
			o.in <- fmt.Appendf(nil, "weather.berlin @@@ %d", i)
		}
		for _, frame := range []string{"weather", "control @@@ not json", "controlled @@@ {}", "other @@@ {}"} {
			o.in <- []byte(frame)
		}
		synctest.Wait()
		if s.Missed() != 3 {
			t.Errorf("missed %d", s.Missed())
		}
		o.mu.Lock()
		if got := strings.Join(o.prefixes, " "); got != "weather control" {
			t.Errorf("subscribed to %q", got)
		}
		o.mu.Unlock()
		o.stop()
		<-o.end
	})
}

func TestLooped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var at []time.Duration
		begin := time.Now()
		o := alive(t, birth, func(Config) (Task, error) {
			return Looped(time.Second, func(context.Context, *Session) error {
				at = append(at, time.Since(begin))
				time.Sleep(time.Second / 2)
				return nil
			}), nil
		})
		time.Sleep(4 * time.Second)
		o.stop()
		if err := <-o.end; err != nil {
			t.Error(err)
		}
		if got, want := fmt.Sprint(at), "[0s 1.5s 3s]"; got != want {
			t.Errorf("steps at %s, want %s", got, want)
		}
	})
}

func TestALoopEndsWithTheErrorOfAStep(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		steps := 0
		o := alive(t, birth, func(Config) (Task, error) {
			return Looped(0, func(context.Context, *Session) error {
				if steps++; steps == 100 {
					return errors.New("worn out")
				}
				return nil
			}), nil
		})
		<-o.end
		o.says(t, "started, failed failure worn out")
	})
}
