package bus_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"go.uber.org/goleak"

	"zmicroservices/taskservice/bus"
	"zmicroservices/taskservice/internal/zmqtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func within(t *testing.T, d time.Duration) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), d)
	t.Cleanup(cancel)
	return ctx
}

func dial(t *testing.T, o bus.Options) *bus.Bus {
	t.Helper()
	b, err := bus.Dial(within(t, 10*time.Second), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.Close(within0()) })
	return b
}

// within0 is for cleanups, when the test's own context has ended.
func within0() context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	_ = cancel
	return ctx
}

func styles(t *testing.T, test func(*testing.T, *zmqtest.Forwarder)) {
	for _, style := range []zmqtest.Style{zmqtest.Device, zmqtest.Proxy} {
		t.Run(string(style), func(t *testing.T) {
			test(t, zmqtest.NewForwarder(t, style))
		})
	}
}

func TestTheFirstMessageIsNeitherLostNorMissed(t *testing.T) {
	styles(t, func(t *testing.T, f *zmqtest.Forwarder) {
		o := zmqtest.NewObserver(t, f.Frontend)
		for i := range 20 {
			b, err := bus.Dial(within(t, 10*time.Second), bus.Options{Frontend: f.Frontend, Backend: f.Backend, Topics: []string{"x"}})
			if err != nil {
				t.Fatal(err)
			}
			want := fmt.Sprintf("x @@@ %d", i)
			if err := b.Publish(t.Context(), []byte(want)); err != nil {
				t.Fatal(err)
			}
			got, err := b.Receive(within(t, 10*time.Second))
			if err != nil || string(got) != want {
				t.Fatalf("received %q, %v; want %q", got, err, want)
			}
			if got := o.Next(t); got != want {
				t.Fatalf("observer saw %q, want %q", got, want)
			}
			if err := b.Close(within(t, 10*time.Second)); err != nil {
				t.Fatal(err)
			}
		}
	})
}

func TestCloseLosesNothing(t *testing.T) {
	styles(t, func(t *testing.T, f *zmqtest.Forwarder) {
		o := zmqtest.NewObserver(t, f.Frontend)
		b := dial(t, bus.Options{Backend: f.Backend, Queue: 2000})
		for i := range 1000 {
			if err := b.Publish(t.Context(), fmt.Appendf(nil, "n%d", i)); err != nil {
				t.Fatal(err)
			}
		}
		if err := b.Close(within(t, 10*time.Second)); err != nil {
			t.Fatal(err)
		}
		for i := range 1000 {
			if got, want := o.Next(t), fmt.Sprintf("n%d", i); got != want {
				t.Fatalf("observer saw %q, want %q", got, want)
			}
		}
	})
}

func TestItComesBackWithItsSubscriptions(t *testing.T) {
	styles(t, func(t *testing.T, f *zmqtest.Forwarder) {
		b := dial(t, bus.Options{Frontend: f.Frontend, Backend: f.Backend, Topics: []string{"a"}})
		if err := b.Subscribe(within(t, 10*time.Second), "b"); err != nil {
			t.Fatal(err)
		}
		for range 3 {
			f.Kill()
			f.Start(t)
			select {
			case <-b.Rejoined():
			case <-time.After(20 * time.Second):
				t.Fatal("did not rejoin")
			}
			for _, want := range []string{"a1", "b1"} {
				if err := b.Publish(t.Context(), []byte(want)); err != nil {
					t.Fatal(err)
				}
				got, err := b.Receive(within(t, 10*time.Second))
				if err != nil || string(got) != want {
					t.Fatalf("received %q, %v; want %q", got, err, want)
				}
			}
		}
	})
}
