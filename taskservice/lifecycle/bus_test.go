package lifecycle_test

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"testing"
	"time"

	"go.uber.org/goleak"

	"zmicroservices/context/forwarder"
	"zmicroservices/taskservice/bus"
	"zmicroservices/taskservice/internal/zmqtest"
	"zmicroservices/taskservice/lifecycle"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience of a test: only a fault ever takes it.
const patience = 20 * time.Second

func within(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	return ctx
}

// newBus is our own forwarder, and a bus at it.
func newBus(t testing.TB) (dial func() *bus.Bus, frontend, backend string) {
	t.Helper()
	f, err := forwarder.New(forwarder.Options{
		FrontBind: []string{"tcp://127.0.0.1:0"}, BackendBind: []string{"tcp://127.0.0.1:0"}, Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)        // sent by Run's end, once
	go func() { done <- f.Run(ctx) }() // ends with cancel
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	frontend, backend = f.Back()[0], f.Front()[0] // subscribers connect to its back
	return func() *bus.Bus {
		b, err := bus.Dial(within(t), bus.Options{Frontend: frontend, Backend: backend, JoinTime: patience})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = b.Close(context.Background()) })
		return b
	}, frontend, backend
}

func next(t *testing.T, s *lifecycle.Subscription) lifecycle.Received {
	t.Helper()
	e, err := s.Next(within(t))
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func TestAnEventCrossesTheBusAndIsFlushedByClose(t *testing.T) {
	dial, frontend, backend := newBus(t)
	s, err := lifecycle.Subscribe(within(t), dial(), lifecycle.Filter{})
	if err != nil {
		t.Fatal(err)
	}
	observer := zmqtest.ObserveAt(t, nil, frontend, backend, lifecycle.Prefix)
	conn := lifecycle.NewConn(dial())
	for _, kind := range lifecycle.Types() {
		e, err := lifecycle.New(kind, all...)
		if err != nil {
			t.Fatal(err)
		}
		if err := lifecycle.PublishEvent(e, conn); err != nil {
			t.Fatal(err)
		}
		data, err := json.Marshal(e)
		if err != nil {
			t.Fatal(err)
		}
		topic := "choria.lifecycle.event." + kind.String() + ".server"
		got := next(t, s)
		if *got.Event != *e || got.Topic != topic || !bytes.Equal(got.Data, data) {
			t.Errorf("got %s on %s, want %s", got.Data, got.Topic, data)
		}
		// A libzmq subscriber sees the frame that is promised.
		if got, want := observer.Next(t), topic+" @@@ "+string(data); got != want {
			t.Errorf("got %s\nwant %s", got, want)
		}
	}
	last, err := lifecycle.New(lifecycle.Shutdown, all...)
	if err != nil {
		t.Fatal(err)
	}
	if err := lifecycle.PublishEvent(last, conn); err != nil {
		t.Fatal(err)
	}
	if err := conn.Close(); err != nil {
		t.Fatal(err)
	}
	if got := next(t, s); got.ID() != last.ID() {
		t.Errorf("got %s, want %s", got, last)
	}
	if err := lifecycle.PublishEvent(last, conn); err == nil {
		t.Error("published on a connection that is closed")
	}
}

// Events of a stranger, in Python, with what is none between them.
func TestASubscriptionLetsThroughWhatIsWanted(t *testing.T) {
	dial, _, backend := newBus(t)
	wanted, err := lifecycle.Subscribe(within(t), dial(), lifecycle.Filter{Type: lifecycle.Startup, Component: "server"})
	if err != nil {
		t.Fatal(err)
	}
	component, err := lifecycle.Subscribe(within(t), dial(), lifecycle.Filter{Component: "server"})
	if err != nil {
		t.Fatal(err)
	}
	p := zmqtest.NewPublisher(t, backend)
	_, startup := sample(t, lifecycle.Startup)
	_, alive := sample(t, lifecycle.Alive)
	other := bytes.Replace(startup, []byte(`"server"`), []byte(`"server2"`), 1)
	for _, frame := range []string{
		"choria.lifecycle.event.alive.server @@@ " + string(alive),
		"choria.lifecycle.event.startup.server2 @@@ " + string(other),
		"choria.lifecycle.event.startup.server @@@ garbage",
		"choria.lifecycle.event.startup.server",
		"choria.lifecycle.events @@@ " + string(startup),
		"choria.lifecycle.event.startup.server @@@ " + string(cloud("data", old(lifecycle.Startup, startup))),
	} {
		p.Send(t, frame)
	}
	if e := next(t, wanted); e.Type() != lifecycle.Startup || e.Component() != "server" {
		t.Errorf("got %s", e)
	}
	if n := wanted.Rejected(); n != 1 {
		t.Errorf("%d rejected, want 1", n)
	}
	if e := next(t, component); e.Type() != lifecycle.Alive {
		t.Errorf("got %s", e)
	}
	if e := next(t, component); e.Type() != lifecycle.Startup || e.Component() != "server" {
		t.Errorf("got %s", e)
	}
	if _, err := lifecycle.Subscribe(within(t), dial(), lifecycle.Filter{Type: 99}); err == nil {
		t.Error("subscribed to a type that is none")
	}
}

func TestAQueueSubscriptionHasPatterns(t *testing.T) {
	dial, _, backend := newBus(t)
	// What comes first of three messages.
	want := map[string]string{
		"choria.lifecycle.event.startup.server": "choria.lifecycle.event.startup.server",
		"choria.lifecycle.event.*.server":       "choria.lifecycle.event.alive.server",
		"choria.lifecycle.event.>":              "choria.lifecycle.event.startup.server2",
	}
	outputs := map[string]chan *lifecycle.Message{}
	for topic := range want {
		conn := lifecycle.NewConn(dial())
		defer func() {
			if err := conn.Close(); err != nil {
				t.Error(err)
			}
		}()
		outputs[topic] = make(chan *lifecycle.Message, 10) // sent by the subscription, never closed; room for all
		if err := conn.QueueSubscribe(t.Context(), "test", topic, "", outputs[topic]); err != nil {
			t.Fatal(err)
		}
		if err := conn.QueueSubscribe(t.Context(), "test", topic, "", outputs[topic]); err == nil {
			t.Error("subscribed twice")
		}
	}
	p := zmqtest.NewPublisher(t, backend)
	for _, topic := range []string{
		"choria.lifecycle.eventful", "choria.lifecycle.event.startup.server2",
		"choria.lifecycle.event.alive.server", "choria.lifecycle.event.startup.server",
	} {
		p.Send(t, topic+" @@@ {}")
	}
	for topic, output := range outputs {
		select {
		case m := <-output:
			if m.Topic != want[topic] || string(m.Data) != "{}" {
				t.Errorf("%s: got %s %s, want %s", topic, m.Topic, m.Data, want[topic])
			}
		case <-within(t).Done():
			t.Fatalf("%s: nothing came", topic)
		}
	}
	conn := lifecycle.NewConn(dial())
	for _, topic := range []string{"", "a..b", "a.>.b", "a b"} {
		if err := conn.QueueSubscribe(t.Context(), "test", topic, "", nil); err == nil {
			t.Errorf("subscribed to %q", topic)
		}
	}
	if err := conn.QueueSubscribe(t.Context(), "test", "a.b", "group", nil); err == nil {
		t.Error("subscribed in a group")
	}
}

// Nobody takes what comes, and yet nothing is left behind; goleak would see it.
func TestCloseEndsASubscriptionThatNobodyHears(t *testing.T) {
	dial, _, backend := newBus(t)
	conn := lifecycle.NewConn(dial())
	if err := conn.QueueSubscribe(context.Background(), "test", "x.>", "", make(chan *lifecycle.Message)); err != nil {
		t.Fatal(err)
	}
	zmqtest.NewPublisher(t, backend).Send(t, "x.y @@@ {}")
	if err := conn.Close(); err != nil {
		t.Error(err)
	}
}
