package kill

import (
	"fmt"
	"os"
	"slices"
	"syscall"
	"testing"
	"text/tabwriter"
	"time"

	"zmicroservices/test/harness"
)

// kills is how many services there are to kill in a row of the table.
const kills = 200

// goal is the median that the product promises, idle and saturated.
const goal = 10 * time.Millisecond

func TestMain(m *testing.M) {
	harness.Main(m, map[string]func() error{lastWordRole: sayAndDie})
}

// BenchmarkKill reports the times from the kill to the word, and prints a table.
func BenchmarkKill(b *testing.B) {
	table := tabwriter.NewWriter(os.Stdout, 0, 4, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(table, "bus\tkills\tmedian\tp99\tmax\tbabble/s\t")
	for _, row := range []struct {
		name      string
		saturated bool
	}{{"idle", false}, {"saturated", true}} {
		b.Run(row.name, func(b *testing.B) {
			var r result
			for b.Loop() {
				r.add(measure(b, row.saturated, kills))
			}
			b.ReportMetric(0, "ns/op")
			b.ReportMetric(float64(r.at(0.5).Microseconds())/1000, "median-ms")
			b.ReportMetric(float64(r.at(0.99).Microseconds())/1000, "p99-ms")
			fmt.Fprintf(table, "%s\t%d\t%v\t%v\t%v\t%.0f\t\n", row.name, len(r.times), r.at(0.5), r.at(0.99), r.at(1), r.babble)
			if r.at(0.5) > goal {
				b.Logf("%s: median %v, the goal is %v", row.name, r.at(0.5), goal)
			}
		})
	}
	_ = table.Flush()
}

// result is what measurements give.
type result struct {
	times  []time.Duration // sorted
	babble float64         // messages a second that came through beside the last one
}

func (r *result) add(more result) {
	r.times = append(r.times, more.times...)
	slices.Sort(r.times)
	r.babble = more.babble
}

// at is a quantile.
func (r result) at(q float64) time.Duration {
	return r.times[min(len(r.times)-1, int(q*float64(len(r.times))))].Round(10 * time.Microsecond)
}

// measure kills n services, each when the one before was said to have failed.
func measure(t testing.TB, saturated bool, n int) (r result) {
	t.Helper()
	p, seen, pids := sleepers(t, n)
	var end func() int
	began := time.Now()
	if saturated {
		end = harness.Babble(t, p)
	}
	for id, pid := range pids {
		at := time.Now()
		if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		said := seen.Until("failed of "+id, func(m harness.Message) bool {
			return m.ServiceID == id && m.Action == "failed"
		})
		word := said[len(said)-1]
		if word.Status["signal"] != "SIGKILL" || word.Status["result"] != "failure" {
			t.Errorf("%s: status is %v", id, word.Status)
		}
		r.times = append(r.times, word.At.Sub(at))
	}
	slices.Sort(r.times)
	if saturated {
		r.babble = float64(end()) / time.Since(began).Seconds()
	}
	p.Stop()
	return r
}

// sleepers starts n command services that do nothing, and gives their pids.
func sleepers(t testing.TB, n int) (*harness.Provider, *harness.Observer, map[string]int) {
	t.Helper()
	tasks := make([]harness.Task, n)
	for i := range tasks {
		tasks[i] = harness.Task{ID: fmt.Sprintf("ts%03d", i+1), Command: "/bin/sleep 86400"}
	}
	file := harness.Write(t, harness.File{Tasks: tasks})
	p := harness.Start(t, file)
	seen := harness.Observe(t, p, "control")
	if r := p.Command("start", file); r.Code != 0 {
		t.Fatalf("start ended with %d: %s", r.Code, r.Stderr)
	}
	pids := map[string]int{}
	seen.Until("last started", func(m harness.Message) bool {
		if pid, ok := m.Status["pid"].(float64); ok && m.Action == "started" {
			pids[m.ServiceID] = int(pid)
			p.Transaction = m.Transaction
		}
		return len(pids) == n
	})
	return p, seen, pids
}

// generous is what a busy machine may take and a fault would not.
const generous = 2 * time.Second

func TestAKillIsSaidWhileAPublisherBabbles(t *testing.T) {
	r := measure(t, true, 20)
	t.Logf("median %v, max %v, beside %.0f messages a second", r.at(0.5), r.at(1), r.babble)
	if r.at(1) > generous {
		t.Errorf("one took %v, more than %v", r.at(1), generous)
	}
	if r.babble == 0 {
		t.Error("no message came through: nothing was saturated")
	}
}
