package watchdog

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"zmicroservices/services/gap"
	"zmicroservices/taskservice/hippodamia"
	"zmicroservices/taskservice/message"
)

// observed is a watchdog under way, in a bubble.
type observed struct {
	*air
	shelf *shelf
	t     *testing.T
}

// begin runs a watchdog until the test ends. The clocks are those of the bubble.
func begin(t *testing.T, s *shelf, o Options) observed {
	t.Helper()
	a := newAir()
	o.Bus, o.Store, o.Logger = a, s, slog.New(slog.DiscardHandler)
	w, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	born := time.Now()
	w.read = func() gap.Reading { return gap.Reading{Time: time.Now(), Boot: time.Since(born)} }
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1) // Run's end
	go func() { ended <- w.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("run: %v", err)
		}
	})
	topic, payload := a.next(t)
	if c, err := hippodamia.Parse[hippodamia.Command](payload); topic != "hippodamia.command.ping" || err != nil || c.GID != "" {
		t.Fatalf("it begins with %s %s", topic, payload)
	}
	return observed{a, s, t}
}

func (o observed) tell(topic string, m any) {
	o.t.Helper()
	payload, err := json.Marshal(m)
	if err != nil {
		o.t.Fatal(err)
	}
	o.in <- message.Join(topic, payload)
	synctest.Wait()
}

// gets awaits a response.
func (o observed) gets(uuid string) string {
	o.t.Helper()
	topic, payload := o.next(o.t)
	r, err := hippodamia.Parse[hippodamia.OnboardingResponse](payload)
	if topic != "hippodamia.uuid."+uuid || err != nil || r.UUID != uuid {
		o.t.Fatalf("%s %s", topic, payload)
	}
	return r.GID
}

// notices awaits a notice.
func (o observed) notices(action string) map[string]any {
	o.t.Helper()
	topic, payload := o.next(o.t)
	c, err := message.ParseControl(payload)
	if topic != "control" || err != nil || c.Header.Action != "updated" || c.Status["device_action"] != action {
		o.t.Fatalf("%s %s %v, want %s", topic, payload, err, action)
	}
	return c.Status
}

func (o observed) quiet() {
	o.t.Helper()
	synctest.Wait()
	select {
	case f := <-o.out:
		o.t.Fatalf("it said %s", f)
	default:
	}
}

func TestAnInactiveServiceIsANoticeAndSoIsItsReturn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := begin(t, newShelf(), Options{Host: "edge7", ConfigID: "plant/ts000", Sender: message.Header{ServiceID: "ts000", ServiceName: "watchdog", Transaction: "T"}})
		s := &scene{t: t, now: time.Now()}
		q := s.request("pump", 1)
		w.tell("hippodamia.contact", q)
		gid := w.gets(q.UUID)
		w.tell("hippodamia.state.ping", s.ping("pump", 1, 1))
		w.quiet()
		status := w.notices("inactive")
		for k, want := range map[string]string{
			"gid": gid, "name": "pump", "type": "modbus", "host": "edge7", "config_id": "plant/ts001", "task_id": "ts001", "result": "success",
		} {
			if status[k] != want {
				t.Errorf("%s is %v, want %s", k, status[k], want)
			}
		}
		if r, _ := status["reason"].(string); !strings.HasPrefix(r, "nothing was heard of it for 2m3") {
			t.Error(r)
		}
		w.tell("hippodamia.state.ping", s.ping("pump", 1, 2))
		w.notices("active")
		w.tell("hippodamia.state.end", hippodamia.End{Ping: s.ping("pump", 1, 3), Reason: "stopped"})
		if r := w.notices("terminated")["reason"]; r != "stopped" {
			t.Error(r)
		}
		time.Sleep(48 * time.Hour)
		w.quiet()
		if m := w.shelf.rows[gid]; m.State != hippodamia.Ended || len(w.shelf.kept) < 2 {
			t.Errorf("%+v", m)
		}
	})
}

func TestAGidIsToldWhenTheDiskHasIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		shelf := newShelf()
		shelf.stuck = true
		w := begin(t, shelf, Options{})
		s := &scene{t: t, now: time.Now()}
		for n := range 3 {
			w.tell("hippodamia.contact", s.request(fmt.Sprint("pump", n), 1))
		}
		w.quiet()
		shelf.answer(nil) // of the first; the others are the next question
		w.gets("pump0-1")
		w.quiet()
		shelf.answer(errors.New("the disk is on fire"))
		w.quiet()
		w.tell("hippodamia.contact", s.request("pump1", 1))
		shelf.answer(nil)
		w.gets("pump1-1")
		w.quiet()
	})
}

func TestWhoWasNotAnsweredIsAnsweredByTheNextWatchdog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &scene{t: t, now: time.Now()}
		q := s.request("pump", 1)
		w := begin(t, newShelf(Microservice{Service: hippodamia.Service{
			GID: hippodamia.GID(q), UUID: q.UUID, Type: q.Type, Name: q.Name, Host: q.Host, ConfigID: q.ConfigID, State: hippodamia.Initialize,
		}}), Options{})
		w.gets(q.UUID)
		w.tell("hippodamia.state.ping", s.ping("pump", 1, 1))
		w.quiet()
		if m := w.shelf.rows[hippodamia.GID(q)]; m.State != hippodamia.Active || m.Onboardings != 1 {
			t.Errorf("%+v", m)
		}
	})
}

func TestAStrangerIsToldToOnboardNowAndThen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := begin(t, newShelf(), Options{})
		s := &scene{t: t, now: time.Now()}
		for n := range 5 {
			w.tell("hippodamia.state.ping", s.ping("pump", 1, uint64(n+1)))
		}
		topic, payload := w.next(t)
		c, err := hippodamia.Parse[hippodamia.Command](payload)
		if topic != "hippodamia.command.onboarding" || err != nil || c.GID != s.ping("pump", 1, 1).GID {
			t.Errorf("%s %s", topic, payload)
		}
		w.quiet()
		time.Sleep(inviteEvery)
		w.tell("hippodamia.state.ping", s.ping("pump", 1, 9))
		w.next(t)
		for n := range 1000 { // a flood of them is not answered by a flood
			w.tell("hippodamia.state.ping", s.ping(fmt.Sprint("x", n), 1, 1))
		}
		if n := len(w.out); n > inviteRate {
			t.Errorf("it told %d", n)
		}
		if n := len(w.shelf.rejected()); n != 1006 {
			t.Errorf("%d were stored as rejected", n)
		}
	})
}

func TestWhileTheBusIsAwayNobodyIsSilent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := begin(t, newShelf(), Options{})
		s := &scene{t: t, now: time.Now()}
		w.tell("hippodamia.contact", s.request("pump", 1))
		w.gets("pump-1")
		w.goAway(true)
		time.Sleep(time.Hour)
		w.quiet()
		w.goAway(false)
		time.Sleep(100 * time.Second)
		w.quiet()
		w.notices("inactive")
	})
}

func TestAQueryIsAnsweredInPieces(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		shelf := newShelf()
		s := &scene{t: t, now: time.Now()}
		for n := range 2*servicesChunk + 1 {
			q := s.request(fmt.Sprintf("pump%04d", n), 1)
			m := Microservice{Service: hippodamia.Service{GID: hippodamia.GID(q), UUID: q.UUID, Type: "modbus", Name: q.Name, State: hippodamia.Active, FirstSeen: s.now, LastSeen: s.now}, Since: s.now}
			shelf.rows[m.GID] = m
		}
		w := begin(t, shelf, Options{})
		w.tell("hippodamia.query.services", "what?")
		w.tell("hippodamia.query.services", hippodamia.Query{RequestID: "r", Timestamp: time.Now()})
		n := 0
		for more := true; more; {
			topic, payload := w.next(t)
			a, err := hippodamia.Parse[hippodamia.Services](payload)
			if topic != "hippodamia.reply.services" || err != nil || a.RequestID != "r" {
				t.Fatalf("%s %s %v", topic, payload, err)
			}
			for _, one := range a.Services {
				if want := fmt.Sprintf("pump%04d", n); one.Name != want {
					t.Fatalf("%s, want %s", one.Name, want)
				}
				n++
			}
			more = a.More
		}
		if n != 2*servicesChunk+1 {
			t.Errorf("%d services", n)
		}
	})
}

func TestTheEndedMakeRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &scene{t: t, now: time.Now()}
		w := begin(t, newShelf(), Options{Most: 1})
		q := s.request("pump", 1)
		w.tell("hippodamia.contact", q)
		w.gets(q.UUID)
		other := s.request("valve", 1)
		w.tell("hippodamia.contact", other)
		w.quiet()
		w.notices("inactive")
		w.notices("terminated")
		time.Sleep(25 * time.Hour)
		w.tell("hippodamia.contact", other)
		if gid := w.gets(other.UUID); gid != hippodamia.GID(other) {
			t.Errorf("its gid is %s", gid)
		}
	})
}

// One who asks on and on, while nobody takes the answers.
func TestQueriesFillNoMemory(t *testing.T) {
	w, err := New(Options{Bus: newAir(), Store: newShelf(), Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	s := &scene{t: t, now: time.Now()}
	w.roster = newRoster(w.opts.Topics, w.opts.Rules, w.opts.Most, s.now)
	for n := range 4 * servicesChunk {
		q := s.request(fmt.Sprintf("pump%04d", n), 1)
		gid := hippodamia.GID(q)
		w.roster.all[gid] = &member{Microservice: Microservice{Service: hippodamia.Service{GID: gid, UUID: q.UUID, Type: "modbus", Name: q.Name}}}
	}
	query, err := json.Marshal(hippodamia.Query{RequestID: "r", Timestamp: s.now})
	if err != nil {
		t.Fatal(err)
	}
	w.answer(s.now, query)
	one := w.queued.Load()
	if one == 0 || len(w.outbox) != 4 {
		t.Fatalf("an answer has %d bytes, %d pieces", one, len(w.outbox))
	}
	for range 2 * answerBelow / one {
		w.answer(s.now, query)
	}
	if got := w.queued.Load(); got <= answerBelow || got > answerBelow+one {
		t.Errorf("%d bytes wait, an answer has %d", got, one)
	}
	// What was taken makes room, and a half answer is none.
	if len(w.outbox)%4 != 0 {
		t.Errorf("%d pieces wait", len(w.outbox))
	}
	ctx, cancel := context.WithCancel(t.Context())
	published := make(chan struct{}) // closed as publish ends
	go func() { defer close(published); w.publish(ctx) }()
	for air := w.opts.Bus.(*air); w.queued.Load() > 0; {
		<-air.out
	}
	cancel()
	<-published
	w.answer(s.now, query)
	if got := w.queued.Load(); got != one {
		t.Errorf("%d bytes wait, an answer has %d", got, one)
	}
}

func TestAMissedAliveIsSaidOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := begin(t, newShelf(), Options{})
		w.in <- []byte(`choria.lifecycle.event.alive.server @@@ {"protocol":"io.choria.lifecycle.v1.alive","id":"01e72410-d734-4611-9485-8c6a2dd2579b","identity":"c1.example.net","version":"0.6.0","timestamp":1535369536,"component":"server"}`)
		w.in <- []byte(`choria.lifecycle.event.alive.server @@@ what?`)
		status := w.notices("alive_missed")
		if status["identity"] != "c1.example.net" {
			t.Error(status)
		}
		time.Sleep(3 * time.Hour)
		w.quiet()
	})
}

func TestABusOrAStoreThatEndsEndsIt(t *testing.T) {
	w, err := New(Options{Bus: deaf{newAir()}, Store: newShelf(), Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Run(t.Context()); err == nil || err.Error() != "receive: the wire is cut" {
		t.Error(err)
	}
	if _, err := New(Options{Store: newShelf()}); err == nil || err.Error() != "watchdog options: no Bus" {
		t.Error(err)
	}
}

// deaf is a bus that ends.
type deaf struct{ *air }

func (deaf) Receive(context.Context) ([]byte, error) { return nil, errors.New("the wire is cut") }

func TestATaskServiceOfOursIsNamed(t *testing.T) {
	for _, row := range []struct{ own, host, config, want string }{
		{"plant/ts000", "edge7", "plant/ts001", "ts001"},
		{"plant/ts000", "edge7", "plant/ts001#2", ""}, // of another transaction
		{"plant/ts000#2", "edge7", "plant/ts001#2", "ts001"},
		{"plant/ts000", "edge8", "plant/ts001", ""}, // of another host
		{"plant/ts000", "edge7", "plant2/ts001", ""},
		{"", "edge7", "plant/ts001", ""},
		{"", "edge7", "/ts001", ""},
	} {
		w := &Watchdog{opts: Options{Host: "edge7", ConfigID: row.own}}
		m := &member{Microservice: Microservice{Service: hippodamia.Service{Host: row.host, ConfigID: row.config}}}
		if got := w.taskID(m); got != row.want {
			t.Errorf("%+v: %q", row, got)
		}
	}
}
