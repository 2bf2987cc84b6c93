package bus_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"zmicroservices/context/forwarder"
	"zmicroservices/taskservice/bus"
	"zmicroservices/taskservice/internal/zmqtest"
	"zmicroservices/taskservice/zmtp"
	"zmicroservices/taskservice/zmtp/curve"
	"zmicroservices/taskservice/zmtp/plain"
)

// device is our own forwarder, which can be started again where it was.
type device struct {
	o    forwarder.Options
	stop func()
}

func newDevice(t *testing.T, s *forwarder.Security) *device {
	t.Helper()
	d := &device{o: forwarder.Options{
		FrontBind: []string{"tcp://127.0.0.1:0"}, BackendBind: []string{"tcp://127.0.0.1:0"},
		Security: s, Logger: slog.New(slog.DiscardHandler),
	}}
	d.start(t)
	t.Cleanup(func() { d.stop() })
	return d
}

func (d *device) start(t *testing.T) {
	t.Helper()
	f, err := forwarder.New(d.o)
	if err != nil {
		t.Fatal(err)
	}
	d.o.FrontBind, d.o.BackendBind = f.Front()[:1], f.Back()[:1]
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- f.Run(ctx) }() // ends with stop
	d.stop = func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		d.stop = func() {}
	}
}

// options are of a bus at the device: subscribers connect to its back.
func (d *device) options(topics ...string) bus.Options {
	return bus.Options{Frontend: d.o.BackendBind[0], Backend: d.o.FrontBind[0], Topics: topics, JoinTime: patience}
}

// secured are the mechanisms: what our forwarder asks for, what a bus proves it
// with, and what libzmq does.
func secured(t *testing.T) map[string]func() (*forwarder.Security, func(*bus.Options), *zmqtest.Security) {
	return map[string]func() (*forwarder.Security, func(*bus.Options), *zmqtest.Security){
		"NULL": func() (*forwarder.Security, func(*bus.Options), *zmqtest.Security) {
			return nil, func(*bus.Options) {}, nil
		},
		"CURVE": func() (*forwarder.Security, func(*bus.Options), *zmqtest.Security) {
			s, credentials := zmqtest.NewCurve(t)
			known := append(s.Clients, s.Client.Public)
			ours := &forwarder.Security{Mechanism: curve.Name, New: func(m zmtp.Metadata) zmtp.Mechanism {
				return curve.NewServer(curve.ServerOptions{Pair: s.Server, Metadata: m, Authorize: func(k curve.Key) error {
					if !slices.Contains(known, k) {
						return errors.New("nobody knows it")
					}
					return nil
				}})
			}}
			return ours, func(o *bus.Options) { o.Curve = credentials }, s
		},
		"PLAIN": func() (*forwarder.Security, func(*bus.Options), *zmqtest.Security) {
			s := &zmqtest.Security{Mechanism: plain.Name, User: "kermit", Password: "green"}
			ours := &forwarder.Security{Mechanism: plain.Name, New: func(m zmtp.Metadata) zmtp.Mechanism {
				return plain.NewServer(plain.ServerOptions{Metadata: m, Check: func(user, password string) error {
					if user != s.User || password != s.Password {
						return errors.New("no")
					}
					return nil
				}})
			}}
			return ours, func(o *bus.Options) { o.Plain = &plain.Credentials{User: s.User, Password: s.Password} }, s
		},
	}
}

// Three peers on our own forwarder: libzmq's subscriber and publisher, and a bus.
func TestLibzmqAndWeMeetAtOurForwarder(t *testing.T) {
	for name, secure := range secured(t) {
		t.Run(name, func(t *testing.T) {
			ours, prove, theirs := secure()
			d := newDevice(t, ours)
			o := d.options("x")
			prove(&o)
			b := dial(t, o)
			observer := zmqtest.ObserveAt(t, theirs, d.o.BackendBind[0], d.o.FrontBind[0])
			publisher := zmqtest.NewSecurePublisher(t, theirs, d.o.FrontBind[0])
			for _, size := range []int{0, 200, 300, 100_000} {
				mine := fmt.Sprintf("x mine %d", size) + strings.Repeat("y", size)
				publish(t, b, mine)
				receive(t, b, mine)
				if got := observer.Next(t); got != mine {
					t.Fatalf("observer saw %.40q, want %.40q", got, mine)
				}
				theirs := fmt.Sprintf("x theirs %d", size) + strings.Repeat("z", size)
				publisher.Send(t, theirs)
				receive(t, b, theirs)
				if got := observer.Next(t); got != theirs {
					t.Fatalf("observer saw %.40q, want %.40q", got, theirs)
				}
			}
		})
	}
}

// A key that is withdrawn and given back: the bus says why it is out, and returns.
func TestAKeyThatIsWithdrawnIsTriedAgain(t *testing.T) {
	s, credentials := zmqtest.NewCurve(t)
	var withdrawn atomic.Bool
	d := newDevice(t, &forwarder.Security{Mechanism: curve.Name, New: func(m zmtp.Metadata) zmtp.Mechanism {
		return curve.NewServer(curve.ServerOptions{Pair: s.Server, Metadata: m, Authorize: func(curve.Key) error {
			if withdrawn.Load() {
				return errors.New("withdrawn")
			}
			return nil
		}})
	}})
	refused := make(chan string, 100) // sent by the logger, never closed; capacity: more than is said
	o := d.options("x")
	o.Curve = credentials
	o.Logger = slog.New(slog.NewTextHandler(writer(func(p []byte) {
		if strings.Contains(string(p), "bus refused us") {
			select {
			case refused <- string(p):
			default:
			}
		}
	}), nil))
	b := dial(t, o)
	withdrawn.Store(true)
	d.stop()
	d.start(t)
	select {
	case said := <-refused:
		if !strings.Contains(said, "does not let this key in") {
			t.Errorf("logged %s", said)
		}
	case <-time.After(patience):
		t.Fatal("nothing was logged")
	}
	withdrawn.Store(false)
	rejoined(t, b)
	hears(t, b, "x")
}

// writer is a function as an io.Writer.
type writer func([]byte)

func (w writer) Write(p []byte) (int, error) {
	w(p)
	return len(p), nil
}

// Restarts under load: whatever is under way, a bus comes back, its topics with
// it, and leaves nothing behind.
func TestItSurvivesRestartsUnderLoad(t *testing.T) { surviveRestarts(t, 15) }

func surviveRestarts(t *testing.T, restarts int) {
	for _, name := range []string{"NULL", "CURVE"} {
		t.Run(name, func(t *testing.T) {
			ours, prove, _ := secured(t)[name]()
			listen(t).Close() // the first socket of a process brings the runtime's own files
			goroutines, files := runtime.NumGoroutine(), openFiles(t)
			d := newDevice(t, ours)
			o := d.options("load", "mark")
			prove(&o)
			b, err := bus.Dial(within(t, patience), o)
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithCancel(t.Context())
			loaded := make(chan int, 1)
			go func() { // ends with ctx
				n := 0
				beat := time.NewTicker(time.Millisecond)
				defer beat.Stop()
				for ctx.Err() == nil {
					<-beat.C
					for range 10 {
						if b.Publish(ctx, fmt.Appendf(nil, "load @@@ %d %s", n, strings.Repeat("x", n%3000))) == nil {
							n++
						}
					}
				}
				loaded <- n
			}()
			for i := range restarts {
				hears(t, b, fmt.Sprintf("mark %d", i))
				d.stop()
				d.start(t)
				rejoined(t, b)
			}
			hears(t, b, "mark the end")
			cancel()
			n := <-loaded
			closing := make(chan error, 1)
			go func() { closing <- b.Close(within(t, patience)) }() // ends with patience
			if err := <-closing; err != nil {
				t.Error(err)
			}
			d.stop()
			t.Logf("%d messages over %d restarts", n, restarts)
			eventuallySettled(t, goroutines, files)
		})
	}
}

// hears publishes a mark until it comes back, among what else there is.
func hears(t *testing.T, b *bus.Bus, mark string) {
	t.Helper()
	for deadline := time.Now().Add(patience); ; {
		publish(t, b, mark)
		for again := within(t, 50*time.Millisecond); ; {
			got, err := b.Receive(again)
			if err != nil {
				break // lost with a connection
			}
			if string(got) == mark {
				return
			}
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s was not heard", mark)
		}
	}
}

// eventuallySettled waits until there are no more goroutines and files than before.
func eventuallySettled(t *testing.T, goroutines, files int) {
	t.Helper()
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	look := time.NewTicker(10 * time.Millisecond)
	defer look.Stop()
	for runtime.NumGoroutine() > goroutines || openFiles(t) > files {
		select {
		case <-look.C:
		case <-deadline.C:
			t.Fatalf("%d goroutines, %d files; there were %d and %d", runtime.NumGoroutine(), openFiles(t), goroutines, files)
		}
	}
}

func openFiles(t *testing.T) int {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(entries)
}
