package watchdog

import (
	"context"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"zmicroservices/services/watchdog/postgres/postgrestest"
	"zmicroservices/taskservice/bus"
	"zmicroservices/taskservice/hippodamia"
)

// usage is what a process has taken: CPU time, and memory that is its own or shared.
func usage(t testing.TB, p *process) (cpu time.Duration, rss int) {
	t.Helper()
	text, err := os.ReadFile("/proc/" + strconv.Itoa(p.cmd.Process.Pid) + "/stat")
	if err != nil {
		t.Fatal(err)
	}
	fields := strings.Fields(string(text[strings.LastIndexByte(string(text), ')')+1:]))
	number := func(i int) int { // fields of proc(5), of which the first two are cut
		n, err := strconv.Atoi(fields[i-3])
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	return time.Duration(number(14)+number(15)) * 10 * time.Millisecond, number(24) * os.Getpagesize()
}

// databases are those that are measured.
func databases(t testing.TB) map[string]func() string {
	return map[string]func() string{
		"sqlite":   func() string { return filepath.Join(t.TempDir(), "watchdog.db") },
		"postgres": func() string { return postgrestest.Start(t, "fsync = on").Schema(t) },
	}
}

// settle waits until all that was said has become durable, and gives the figures of it.
func (s *scene) settle(t testing.TB, f *fleet, before int) figures {
	t.Helper()
	all := figures{}
	look := time.NewTicker(50 * time.Millisecond)
	defer look.Stop()
	for end := time.Now().Add(patience); before+all.Messages < int(f.said.Load()); <-look.C {
		one := s.watchdog.figures()
		if one.Messages > all.Messages { // the others are the few of a tail
			one.Messages, all.Messages = one.Messages+all.Messages, 0
			all = one
		} else {
			all.Messages += one.Messages
		}
		if one.Lost > 0 || time.Now().After(end) {
			t.Fatalf("%d messages were said, %d became durable: %+v", f.said.Load(), before+all.Messages, one)
		}
	}
	return all
}

// latency has agents say so many messages a second for a while.
func latency(t testing.TB, database string, pairs int, ping, during time.Duration) (f figures, cpu float64, rate float64) {
	t.Helper()
	s := newScene(t, database)
	agents := dial(t, s.frontend, s.backend, pairs)
	agents.board(ping)
	began := s.watchdog.figures().Messages
	before, _ := usage(t, s.watchdog)
	said, at := agents.said.Load(), time.Now()
	<-time.After(during)
	rate = float64(agents.said.Load()-said) / time.Since(at).Seconds()
	after, _ := usage(t, s.watchdog)
	cpu = 100 * (after - before).Seconds() / time.Since(at).Seconds()
	agents.end()
	f = s.settle(t, agents, began)
	s.watchdog.end()
	if n := stored(t, database); n != int(agents.said.Load()) {
		t.Errorf("%d messages were said, %d are in the database", agents.said.Load(), n)
	}
	return f, cpu, rate
}

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

func BenchmarkLatency(b *testing.B) {
	for name, database := range databases(b) {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				f, cpu, rate := latency(b, database(), 20, 100*time.Millisecond, 20*time.Second)
				b.ReportMetric(rate, "messages/s")
				b.ReportMetric(milliseconds(f.P50), "p50-ms")
				b.ReportMetric(milliseconds(f.P99), "p99-ms")
				b.ReportMetric(milliseconds(f.Max), "max-ms")
				b.ReportMetric(cpu, "CPU%")
			}
		})
	}
}

func BenchmarkCrowd(b *testing.B) {
	const pairs, ping = 1000, 20 * time.Second
	for b.Loop() {
		database := filepath.Join(b.TempDir(), "watchdog.db")
		s := newScene(b, database)
		_, empty := usage(b, s.watchdog)
		agents := dial(b, s.frontend, s.backend, pairs)
		began := time.Now()
		agents.board(ping)
		b.ReportMetric(time.Since(began).Seconds(), "onboard-s")
		first := s.settle(b, agents, 0).Messages
		before, _ := usage(b, s.watchdog)
		at, said := time.Now(), agents.said.Load()
		<-time.After(2 * ping) // each pings twice
		b.ReportMetric(float64(agents.said.Load()-said)/time.Since(at).Seconds(), "messages/s")
		after, rss := usage(b, s.watchdog)
		b.ReportMetric(100*(after-before).Seconds()/time.Since(at).Seconds(), "CPU%")
		b.ReportMetric(float64(rss-empty)/(1<<20), "MiB-more")
		b.ReportMetric(float64(rss)/(1<<20), "MiB")
		first += s.settle(b, agents, first).Messages
		b.ReportMetric(ask(b, s, agents, first).Seconds(), "ping-all-s")
		agents.end()
		s.watchdog.end()
		if n := stored(b, database); n != int(agents.said.Load()) {
			b.Errorf("%d messages were said, %d are in the database", agents.said.Load(), n)
		}
	}
}

// ask says command.ping to all, and tells how long the last answer took.
func ask(t testing.TB, s *scene, f *fleet, before int) time.Duration {
	t.Helper()
	b, err := bus.Dial(t.Context(), bus.Options{Backend: s.backend})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close(context.Background())
	frame, err := hippodamia.Frame(hippodamia.Topics{}.CommandPing(), hippodamia.Command{RequestID: "bench", Timestamp: time.Now()})
	if err != nil {
		t.Fatal(err)
	}
	began, said := time.Now(), f.said.Load()
	if err := b.Publish(t.Context(), frame); err != nil {
		t.Fatal(err)
	}
	look := time.NewTicker(5 * time.Millisecond)
	defer look.Stop()
	for end := time.Now().Add(patience); f.said.Load()-said < int64(len(f.crews)*perPair); <-look.C {
		if time.Now().After(end) {
			t.Fatalf("%d agents have answered", f.said.Load()-said)
		}
	}
	s.settle(t, f, before)
	return time.Since(began)
}

// The short form: what is said is stored, all of it.
func TestNothingThatWasSaidIsMissing(t *testing.T) {
	f, cpu, rate := latency(t, filepath.Join(t.TempDir(), "watchdog.db"), 5, 50*time.Millisecond, 500*time.Millisecond)
	t.Logf("%.0f messages/s, %d measured, p50 %s, p99 %s, CPU %.0f %%", rate, f.Messages, f.P50, f.P99, cpu)
}
