package supervise

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"text/tabwriter"
	"time"

	"zmicroservices/test/harness"
)

var (
	runs = flag.Int("runs", 5, "runs of each measurement")
	rest = flag.Duration("rest", 20*time.Second, "how long idle supervisors are watched")
	only = flag.String("only", "", "name of the one supervisor that is measured beside the bare loop; \"\": all")
)

func TestMain(m *testing.M) { harness.Main(m, map[string]func() error{loopRole: loop}) }

// settled is how long a service must have lived before it is killed: runit and s6
// hold back the restart of a younger one.
const settled = 1200 * time.Millisecond

// enough bounds the time for single kills within a run.
const enough = 5 * time.Second

// row is one line of the table: a measurement of all supervisors.
type row struct {
	name  string
	times map[string][]time.Duration // by supervisor, of all runs
}

// BenchmarkSupervise prints the medians of all supervisors, with their ratio to the
// bare loop.
func BenchmarkSupervise(b *testing.B) {
	service := build(b)
	all := supervisors(b)
	var rows []*row
	add := func(s supervisor, what string, d ...time.Duration) {
		i := slices.IndexFunc(rows, func(r *row) bool { return r.name == what })
		if i < 0 {
			rows, i = append(rows, &row{what, map[string][]time.Duration{}}), len(rows)
		}
		rows[i].times[s.name] = append(rows[i].times[s.name], d...)
	}
	for b.Loop() {
		for range *runs {
			for _, s := range all {
				hundred(b, s, service, add)
			}
			for _, s := range all {
				r := begin(b, s, service, 1000)
				add(s, "start 1000", last(r.live, r.began))
				services, self := r.stop(s)
				add(s, "stop 1000", services)
				add(s, "stop 1000, and itself", self)
			}
			for _, s := range all {
				r := begin(b, s, service, 200)
				await(settled)
				add(s, "200 killed, all back", r.kill(200))
				r.stop(s)
			}
		}
	}
	b.ReportMetric(0, "ns/op")
	print(all, rows)
}

// hundred starts, kills one by one, and stops.
func hundred(b *testing.B, s supervisor, service string, add func(supervisor, string, ...time.Duration)) {
	r := begin(b, s, service, 100)
	add(s, "start 100", last(r.live, r.began))
	await(settled)
	var kills []time.Duration
	for from := now(); len(kills) < 100 && now()-from < enough; {
		kills = append(kills, r.kill(1))
	}
	slices.Sort(kills)
	add(s, "kill 1 of 100, p50", kills[len(kills)/2])
	add(s, "kill 1 of 100, p99", kills[len(kills)*99/100])
	services, self := r.stop(s)
	add(s, "stop 100", services)
	add(s, "stop 100, and itself", self)
}

func print(all []supervisor, rows []*row) {
	table := tabwriter.NewWriter(os.Stdout, 0, 4, 2, ' ', tabwriter.AlignRight)
	fmt.Fprint(table, "ms, medians\t")
	for _, s := range all {
		fmt.Fprintf(table, "%s\t\t", s.name)
	}
	fmt.Fprintln(table)
	for _, r := range rows {
		fmt.Fprintf(table, "%s\t", r.name)
		limit := median(r.times[all[0].name])
		for _, s := range all {
			m := median(r.times[s.name])
			fmt.Fprintf(table, "%.1f\t× %.2g\t", float64(m.Microseconds())/1000, float64(m)/float64(limit))
		}
		fmt.Fprintln(table)
	}
	_ = table.Flush()
}

// BenchmarkIdle watches supervisors of 500 services that do nothing.
func BenchmarkIdle(b *testing.B) {
	service := build(b)
	table := tabwriter.NewWriter(os.Stdout, 0, 4, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(table, "idle, 500 services\tCPU s/min\tPSS MiB\tthreads\t")
	for b.Loop() {
		for _, s := range supervisors(b) {
			r := begin(b, s, service, 500)
			await(settled)
			before := r.cost(b, service)
			await(*rest)
			after := r.cost(b, service)
			fmt.Fprintf(table, "%s\t%.3f\t%.1f\t%d\t\n", s.name,
				(after.cpu-before.cpu).Seconds()*float64(time.Minute)/float64(*rest), float64(after.pss)/1024, after.threads)
			r.stop(s)
		}
	}
	b.ReportMetric(0, "ns/op")
	_ = table.Flush()
}

// await lets time pass: here it is what is measured.
func await(d time.Duration) { <-time.After(d) }

func median(times []time.Duration) time.Duration {
	times = slices.Sorted(slices.Values(times))
	return times[len(times)/2]
}

// build compiles the service.
func build(b *testing.B) string {
	b.Helper()
	path := filepath.Join(b.TempDir(), "stamp")
	out, err := exec.Command("gcc", "-O2", "-static", "-o", path, "testdata/stamp.c").CombinedOutput()
	if err != nil {
		b.Fatalf("apt-get install gcc libc6-dev: %v\n%s", err, out)
	}
	return path
}
