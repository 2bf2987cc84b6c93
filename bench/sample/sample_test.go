package sample

import (
	"flag"
	"fmt"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"zmicroservices/context/sample"
	"zmicroservices/test/harness"
)

var runs = flag.Int("runs", 5, "turns; the fastest is reported, since what else the machine does only adds")

func TestMain(m *testing.M) { harness.Main(m, nil) }

// sampled is how many of them others look at.
const sampled = 10

const but = sample.Everything &^ (sample.MemoryMaps | sample.PSS)

// figures are times of contenders, µs a process, one a turn.
type figures map[string][]float64

func (f figures) add(name string, took time.Duration, processes int) {
	f[name] = append(f[name], float64(took.Nanoseconds())/1000/float64(processes))
}

// report shows the fastest of each, and its ratio to one of them.
func (f figures) report(b *testing.B, to string) {
	b.Helper()
	names := make([]string, 0, len(f))
	for name := range f {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		b.Run(name, func(b *testing.B) {
			b.ReportMetric(0, "ns/op")
			b.ReportMetric(slices.Min(f[name]), "µs/process")
			if len(f[to]) > 0 {
				b.ReportMetric(slices.Min(f[name])/slices.Min(f[to]), "×"+to)
			}
		})
	}
}

func build(b *testing.B) string {
	b.Helper()
	return harness.Compile(b, "apt-get install gcc libc6-dev", filepath.Join("testdata", "subject.c"), "-pthread")
}

// ours watches processes with room for all their files.
func ours(b *testing.B, pids []int, keep int) (*sample.Sampler, []*sample.Tree) {
	b.Helper()
	o := sample.DefaultOptions()
	o.KeepFiles = keep
	s, err := sample.New(o)
	if err != nil {
		b.Fatal(err)
	}
	var trees []*sample.Tree
	for _, pid := range pids {
		trees = append(trees, s.Watch(sample.Target{PID: pid, Want: but}))
	}
	for range 2 { // the first finds everything
		s.Tick(trees...)
	}
	for _, t := range trees {
		if p := t.Processes(); len(p) != 1 || p[0].NumFDs != 10 || p[0].NumThreads != 4 || len(p[0].Connections) != 3 || len(p[0].Missing) > 0 {
			b.Fatalf("a process is seen as %+v: %v", *p[0], t.Err())
		}
	}
	return s, trees
}

// BenchmarkTick is one look at all.
func BenchmarkTick(b *testing.B) {
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		b.Fatal(err)
	}
	program := build(b)
	for _, n := range []int{100, 1000} {
		b.Run(fmt.Sprintf("N=%d", n), func(b *testing.B) {
			p := populate(b, program, n)
			peer, theirs := newPsutil(b, p.some(sampled)), gopsutil(b, p.some(sampled))
			for _, active := range []int{100, 50, 10, 0} {
				f := figures{}
				for turn := range *runs {
					// One after the other: together they would have more files open than may be.
					keep := int(limit.Cur) - 2000
					s, trees := ours(b, p.pids, min(keep, n*16))
					for range 3 {
						p.wake(active)
						f.add("ours", timed(func() { s.Tick(trees...) }), n)
					}
					_ = s.Close()
					if n*14 < keep {
						r := newRaw(b, p.pids)
						p.wake(active)
						r.tick()
						f.add("raw", timed(r.tick), n)
						r.close()
					}
					if active != 50 || turn > 0 && n > 100 {
						continue // to others it makes no difference, and it takes them seconds
					}
					if peer != nil {
						f.add("psutil", peer.look(), sampled)
					}
					f.add("gopsutil", timed(func() { lookByGopsutil(theirs) }), sampled)
				}
				b.Run(fmt.Sprintf("active=%d%%", active), func(b *testing.B) { f.report(b, "raw") })
			}
		})
	}
}

// timed is the CPU time that something takes, of processes that it starts too: the wall
// clock would show what else the machine does.
func timed(do func()) time.Duration {
	began := used()
	do()
	return used() - began
}

func used() time.Duration {
	var self unix.Timespec
	var children unix.Rusage
	if unix.ClockGettime(unix.CLOCK_PROCESS_CPUTIME_ID, &self) != nil || unix.Getrusage(unix.RUSAGE_CHILDREN, &children) != nil {
		panic("no CPU clock")
	}
	return time.Duration(self.Nano() + children.Utime.Nano() + children.Stime.Nano())
}

// BenchmarkForeign is ours with others about.
func BenchmarkForeign(b *testing.B) {
	program := build(b)
	few := populate(b, program, 100)
	s, trees := ours(b, few.pids, 2000)
	defer s.Close()
	f := figures{}
	look := func(name string) {
		for range *runs * 3 {
			few.wake(100)
			f.add(name, timed(func() { s.Tick(trees...) }), 100)
		}
	}
	look("alone")
	b.Run("with", func(b *testing.B) {
		populate(b, program, 1, "2500")
		look("5000_sockets")
	})
	b.Run("with", func(b *testing.B) {
		populate(b, program, 900)
		look("900_processes")
	})
	f.report(b, "alone")
}
