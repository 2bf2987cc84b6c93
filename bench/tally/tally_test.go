package tally

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"zmicroservices/context/forwarder"
	"zmicroservices/services/gap"
	"zmicroservices/services/tally"
	"zmicroservices/taskservice/bus"
	"zmicroservices/taskservice/lifecycle"
	"zmicroservices/taskservice/message"
)

const (
	fleet    = 100_000
	versions = 10
	scrapes  = 50
	patience = 5 * time.Minute
)

// events are one of every node, as frames. The text is made by hand: a million calls of
// New would measure uuid.
func events(of lifecycle.Type) [][]byte {
	frames := make([][]byte, fleet)
	for i := range frames {
		payload := fmt.Appendf(nil, `{"protocol":"io.choria.lifecycle.v1.%s","id":"01e72410-d734-4611-9485-8c6a2dd2579b","identity":"node%d.example.net","version":"0.%d.0","timestamp":1535369537,"component":"server"}`,
			of, i, i%versions)
		frames[i] = message.Join(lifecycle.Prefix+of.String()+".server", payload)
	}
	return frames
}

func newTally(b *testing.B) *tally.Tally {
	b.Helper()
	n, err := tally.NewTally(tally.Options{})
	if err != nil {
		b.Fatal(err)
	}
	return n
}

func BenchmarkEvent(b *testing.B) {
	n, frames := newTally(b), events(lifecycle.Alive)
	for _, f := range frames {
		n.Take(f, time.Now())
	}
	b.ReportAllocs()
	i, before := 0, cpu(b)
	for b.Loop() {
		n.Take(frames[i%fleet], time.Now())
		i++
	}
	b.ReportMetric(float64((cpu(b)-before).Nanoseconds())/float64(b.N), "ns-cpu/op")
}

// cpu is what this process has used of processors; it is the same on a busy machine.
func cpu(b *testing.B) time.Duration {
	b.Helper()
	var u unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func BenchmarkSilence(b *testing.B) {
	n, frames := newTally(b), events(lifecycle.Alive)
	now := time.Now()
	for b.Loop() {
		b.StopTimer()
		for _, f := range frames {
			n.Take(f, now)
		}
		now = now.Add(gap.Horizon)
		b.StartTimer()
		n.Beat(now, 0)
		b.StopTimer()
		now = now.Add(time.Minute)
		if missed := n.Beat(now, 0); len(missed) != fleet {
			b.Fatalf("%d of %d are missed", len(missed), fleet)
		}
		b.StartTimer()
	}
}

func BenchmarkFleet(b *testing.B) {
	startups, alives := events(lifecycle.Startup), events(lifecycle.Alive)
	for b.Loop() {
		s := begin(b)
		before := heap()
		started := s.publish(startups, fleet)
		b.ReportMetric(fleet/started.Seconds(), "startups/s")
		b.ReportMetric(float64(heap()-before)/fleet, "B/node")
		used := cpu(b)
		b.ReportMetric(fleet/s.publish(alives, 2*fleet).Seconds(), "alives/s")
		b.ReportMetric(float64((cpu(b)-used).Microseconds())/fleet, "µs-cpu/alive")
		var size int
		began := time.Now()
		for range scrapes {
			size = len(s.scrape())
		}
		b.ReportMetric(float64(time.Since(began).Microseconds())/1000/scrapes, "ms/scrape")
		b.ReportMetric(float64(size), "B/page")
		s.end()
	}
}

// heap is what stays of it.
func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// scene is a bus with a tally and a publisher.
type scene struct {
	b         *testing.B
	publisher *bus.Bus
	page      string
	end       func()
}

func begin(b *testing.B) *scene {
	b.Helper()
	f, err := forwarder.New(forwarder.Options{
		FrontBind: []string{"tcp://127.0.0.1:0"}, BackendBind: []string{"tcp://127.0.0.1:0"}, Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		b.Fatal(err)
	}
	ctx, cancel := context.WithCancel(b.Context())
	ended := make(chan error, 2)        // one of the forwarder, one of the tally
	go func() { ended <- f.Run(ctx) }() // ends with cancel
	n := newTally(b)
	listener, err := bus.Dial(ctx, bus.Options{Frontend: f.Back()[0], Topics: tally.Topics(false)})
	if err != nil {
		b.Fatal(err)
	}
	page, err := tally.Listen(tally.DefaultAddress, 0)
	if err != nil {
		b.Fatal(err)
	}
	go func() { ended <- n.Serve(ctx, listener, page) }() // ends with cancel
	publisher, err := bus.Dial(ctx, bus.Options{Backend: f.Front()[0]})
	if err != nil {
		b.Fatal(err)
	}
	return &scene{b, publisher, page.URL(), func() {
		http.DefaultClient.CloseIdleConnections()
		cancel()
		for range 2 {
			if err := <-ended; err != nil {
				b.Error(err)
			}
		}
		_ = publisher.Close(context.Background()) // what it had has arrived
		_ = listener.Close(context.Background())
	}}
}

// ahead is how many events may be under way: fewer than a forwarder queues for a
// subscriber, so that none is dropped.
const ahead = 5000

// publish sends frames and waits until so many events have been counted in all. It tells
// how long that took.
func (s *scene) publish(frames [][]byte, total int) time.Duration {
	s.b.Helper()
	began := time.Now()
	counted := total - len(frames)
	for first := 0; first < len(frames); first += ahead {
		for _, f := range frames[first:min(first+ahead, len(frames))] {
			if err := s.publisher.Publish(s.b.Context(), f); err != nil {
				s.b.Fatal(err)
			}
		}
		counted += min(ahead, len(frames)-first)
		want := fmt.Sprintf("\nlifecycle_tally_good_events{component=\"server\"} %v\n", float64(counted))
		for !strings.Contains(s.scrape(), want) {
			if time.Since(began) > patience {
				s.b.Fatalf("not all have arrived: want %s in %s", want, s.scrape())
			}
		}
	}
	return time.Since(began)
}

func (s *scene) scrape() string {
	s.b.Helper()
	answer, err := http.Get(s.page)
	if err != nil {
		s.b.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		s.b.Fatal(err)
	}
	return string(text)
}
