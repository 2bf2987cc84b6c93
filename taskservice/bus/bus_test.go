package bus_test

import (
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"zmicroservices/taskservice/bus"
	"zmicroservices/taskservice/internal/zmqtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// styles runs a test with both kinds of libzmq's forwarders.
func styles(t *testing.T, test func(*testing.T, *zmqtest.Forwarder)) {
	for _, style := range []zmqtest.Style{zmqtest.Device, zmqtest.Proxy} {
		t.Run(string(style), func(t *testing.T) {
			test(t, zmqtest.NewForwarder(t, style))
		})
	}
}

func both(f *zmqtest.Forwarder, topics ...string) bus.Options {
	return bus.Options{Frontend: f.Frontend, Backend: f.Backend, Topics: topics, JoinTime: patience}
}

func TestTheFirstMessageIsNeitherLostNorMissed(t *testing.T) {
	styles(t, func(t *testing.T, f *zmqtest.Forwarder) {
		o := f.Observe(t)
		for i := range 20 {
			b, err := bus.Dial(within(t, patience), both(f, "x"))
			if err != nil {
				t.Fatal(err)
			}
			want := fmt.Sprintf("x @@@ %d", i)
			publish(t, b, want)
			receive(t, b, want)
			if got := o.Next(t); got != want {
				t.Fatalf("observer saw %q, want %q", got, want)
			}
			if err := b.Close(within(t, patience)); err != nil {
				t.Fatal(err)
			}
		}
	})
}

func TestWhatIsUnsubscribedComesNoMore(t *testing.T) {
	styles(t, func(t *testing.T, f *zmqtest.Forwarder) {
		b := dial(t, both(f, "a"))
		publish(t, b, "a @@@ 1")
		receive(t, b, "a @@@ 1")
		b.Unsubscribe("a")
		b.Unsubscribe("never")
		if err := b.Subscribe(within(t, patience), "b"); err != nil {
			t.Fatal(err)
		}
		// A forwarder of libzmq answers before it has acted on either; then it does.
		for round, heard := 0, true; heard; round++ {
			if round == 100 {
				t.Fatal("what is unsubscribed still comes")
			}
			publish(t, b, fmt.Sprintf("a @@@ 2.%d", round))
			publish(t, b, fmt.Sprintf("b @@@ 3.%d", round))
			heard = comesBefore(t, b, fmt.Sprintf("a @@@ 2.%d", round), fmt.Sprintf("b @@@ 3.%d", round))
		}
		f.Kill()
		f.Start(t)
		<-b.Rejoined()
		publish(t, b, "a @@@ 4")
		publish(t, b, "b @@@ 5")
		receive(t, b, "b @@@ 5")
	})
}

// comesBefore says whether first comes before last does, or last does not come at all.
func comesBefore(t *testing.T, b *bus.Bus, first, last string) bool {
	t.Helper()
	ctx := within(t, patience/20)
	for came := false; ; {
		frame, err := b.Receive(ctx)
		switch {
		case err != nil:
			return true
		case string(frame) == first:
			came = true
		case string(frame) == last:
			return came
		}
	}
}

// The other way round: what a libzmq publisher sends once Dial has returned.
func TestAStrangersFirstMessageIsNotMissed(t *testing.T) {
	styles(t, func(t *testing.T, f *zmqtest.Forwarder) {
		o := f.Observe(t) // so that a proxy has something to pass to p
		p := zmqtest.NewPublisher(t, f.Backend)
		for i := range 20 {
			b := dial(t, bus.Options{Frontend: f.Frontend, Topics: []string{""}})
			want := fmt.Sprintf("process @@@ %d", i)
			p.Send(t, want)
			receive(t, b, want)
			if got := o.Next(t); got != want {
				t.Fatalf("observer saw %q, want %q", got, want)
			}
		}
	})
}

func TestCloseLosesNothing(t *testing.T) {
	styles(t, func(t *testing.T, f *zmqtest.Forwarder) {
		o := f.Observe(t)
		for range 3 {
			b := dial(t, bus.Options{Backend: f.Backend})
			for i := range 1000 {
				publish(t, b, fmt.Sprintf("n%d", i))
			}
			if err := b.Close(within(t, patience)); err != nil {
				t.Fatal(err)
			}
			for i := range 1000 {
				if got, want := o.Next(t), fmt.Sprintf("n%d", i); got != want {
					t.Fatalf("observer saw %q, want %q", got, want)
				}
			}
			if n := b.Dropped(); n != 0 {
				t.Errorf("%d dropped", n)
			}
		}
	})
}

func TestItComesBackWithItsSubscriptions(t *testing.T) {
	styles(t, func(t *testing.T, f *zmqtest.Forwarder) {
		b := dial(t, both(f, "a"))
		if err := b.Subscribe(within(t, patience), "b"); err != nil {
			t.Fatal(err)
		}
		for range 3 {
			f.Kill()
			f.Start(t)
			rejoined(t, b)
			publish(t, b, "unheard of")
			for _, want := range []string{"a1", "b1"} {
				publish(t, b, want)
				receive(t, b, want)
			}
		}
	})
}

func rejoined(t *testing.T, b *bus.Bus) {
	t.Helper()
	select {
	case <-b.Rejoined():
	case <-time.After(patience):
		t.Fatal("did not rejoin")
	}
}

// A proxy passes the observer's subscription on: the publisher knows when to speak.
func TestWhatIsPublishedWhileTheForwarderIsAwayArrives(t *testing.T) {
	f := zmqtest.NewForwarder(t, zmqtest.Proxy)
	o := f.Observe(t)
	b := dial(t, bus.Options{Backend: f.Backend, JoinTime: patience})
	f.Kill()
	// A message that the kernel took before the loss was seen is lost in flight.
	awaitLoss(t, b, f)
	for i := range 100 {
		publish(t, b, fmt.Sprintf("late %d", i))
	}
	f.Start(t)
	for i := range 100 {
		if got, want := o.Next(t), fmt.Sprintf("late %d", i); got != want {
			t.Fatalf("observer saw %q, want %q", got, want)
		}
	}
}

func TestDialWaitsForAForwarderToCome(t *testing.T) {
	f := zmqtest.NewForwarder(t, zmqtest.Device)
	f.Kill()
	later := joining(t, both(f, ""))
	f.Start(t)
	b := later()
	publish(t, b, "x")
	receive(t, b, "x")
}

func TestOverIPC(t *testing.T) {
	dir := t.TempDir()
	f := zmqtest.NewForwarderAt(t, zmqtest.Device, "ipc://"+filepath.Join(dir, "front"), "ipc://"+filepath.Join(dir, "back"), 0)
	b := dial(t, both(f, ""))
	publish(t, b, "x")
	receive(t, b, "x")
	if err := b.Close(within(t, patience)); err != nil {
		t.Error(err)
	}
}

func TestLargeMessages(t *testing.T) {
	styles(t, func(t *testing.T, f *zmqtest.Forwarder) {
		b := dial(t, both(f, "x"))
		for _, size := range []int{254, 255, 256, 64 << 10, 64<<10 + 1, 10 << 20} {
			want := strings.Repeat("x", size)
			publish(t, b, want)
			receive(t, b, want)
		}
		if err := b.Publish(t.Context(), make([]byte, bus.MaxMessage+1)); err == nil {
			t.Error("a message beyond the limit was taken")
		}
	})
}

func TestManyPublishAtOnceAndEachKeepsItsOrder(t *testing.T) {
	const publishers, messages = 8, 500
	f := zmqtest.NewForwarder(t, zmqtest.Device)
	b := dial(t, both(f, "p"))
	var all sync.WaitGroup
	for p := range publishers {
		all.Go(func() {
			for i := range messages {
				if err := b.Publish(t.Context(), fmt.Appendf(nil, "p %d %d", p, i)); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	var next [publishers]int
	for range publishers * messages {
		frame, err := b.Receive(within(t, patience))
		if err != nil {
			t.Fatal(err)
		}
		var p, i int
		if _, err := fmt.Sscanf(string(frame), "p %d %d", &p, &i); err != nil || next[p] != i {
			t.Fatalf("received %q, want message %d of it, %v", frame, next[p], err)
		}
		next[p]++
	}
	all.Wait()
}

// A libzmq peer with heartbeats cuts everybody who does not answer its PINGs.
func TestAPeersHeartbeatsAreAnswered(t *testing.T) {
	const beat = 20 * time.Millisecond // a silent peer is cut after five
	f := zmqtest.NewForwarderAt(t, zmqtest.Device, "tcp://127.0.0.1:*", "tcp://127.0.0.1:*", beat)
	b := dial(t, both(f, ""))
	for end := time.Now().Add(20 * beat); time.Now().Before(end); {
		publish(t, b, "x")
		receive(t, b, "x")
	}
	select {
	case <-b.Rejoined():
		t.Error("was cut")
	default:
	}
}
