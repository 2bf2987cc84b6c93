package bus_test

import (
	"fmt"
	"os"
	"strconv"
	"testing"
	"time"
)

// The goals of one-way latency, ours to libzmq's.
const (
	p50Goal = 1.0
	p99Goal = 1.2
)

// latencyWindow is long enough for a 99th percentile: 2,000 messages.
const latencyWindow = 2 * time.Second

type latency struct{ p50, p99 float64 } // µs

func (l latency) of50() float64 { return l.p50 }
func (l latency) of99() float64 { return l.p99 }

// quietly is a row: 1,000 messages a second on a bus that has nothing else to do,
// or beside a publisher that sends as fast as it can to that many other subscribers.
type quietly struct {
	size int
	topology
	babble int
}

func (q quietly) String() string {
	if q.babble == 0 {
		return fmt.Sprintf("%dB/%s", q.size, q.topology)
	}
	return fmt.Sprintf("%dB/%s/babble=1to%d", q.size, q.topology, q.babble)
}

// env is the environment of a row's devices. A babbler under SCHED_FIFO would stop
// the machine.
func (q quietly) env() []string {
	if q.babble == 0 && os.Getenv(urgentVariable) != "" {
		return []string{urgentVariable + "=1"}
	}
	return nil
}

// BenchmarkLatency reports one-way latencies from a raw publisher's write to a raw
// subscriber's read.
func BenchmarkLatency(b *testing.B) {
	peers := build(b)
	t := newTable("bytes", "topology", "beside", "p50 µs ours / libzmq", "ratio", "goal", "p99 µs ours / libzmq", "ratio", "goal")
	defer t.print()
	for _, q := range []quietly{
		{200, topologies[0], 0},
		{200, topologies[1], 0},
		{200, topologies[2], 0},
		{200, topologies[3], 0},
		{1500, topologies[0], 0},
		{16 << 10, topologies[0], 0},
		{200, topologies[0], 1},
		{200, topologies[0], 8},
	} {
		b.Run(q.String(), func(b *testing.B) {
			var us, them []latency
			for range rounds {
				us = append(us, q.measure(b, peers, ours(b, q.env()...)))
				them = append(them, q.measure(b, peers, proxy(b, peers, q.env()...)))
			}
			our50, its50 := median(us, latency.of50), median(them, latency.of50)
			our99, its99 := median(us, latency.of99), median(them, latency.of99)
			b.ReportMetric(0, "ns/op")
			b.ReportMetric(our50, "ours-p50-µs")
			b.ReportMetric(our99, "ours-p99-µs")
			b.ReportMetric(its50, "libzmq-p50-µs")
			b.ReportMetric(its99, "libzmq-p99-µs")
			beside := "nothing"
			if q.babble > 0 {
				beside = fmt.Sprintf("a babbler to %d", q.babble)
			}
			t.row(q.size, q.topology, beside,
				fmt.Sprintf("%.0f / %.0f", our50, its50), ratio(our50/its50), atMost(our50/its50, p50Goal),
				fmt.Sprintf("%.0f / %.0f", our99, its99), ratio(our99/its99), atMost(our99/its99, p99Goal))
		})
	}
}

func (q quietly) measure(b *testing.B, peers string, d *device) (l latency) {
	defer d.stop()
	if q.idle > 0 {
		defer d.load(peers, "rawsub", d.back, strconv.Itoa(q.idle), "200", "nobody").stop()
	}
	sub := d.load(peers, "latsub", d.back, strconv.Itoa(q.subs))
	defer sub.stop()
	if q.babble > 0 {
		defer d.load(peers, "rawsub", d.back, strconv.Itoa(q.babble), "1500").stop()
		defer d.load(peers, "rawpub", d.front, "1", "1500").stop()
	}
	defer d.load(peers, "latpub", d.front, strconv.Itoa(q.pubs), strconv.Itoa(q.size), "1000").stop()
	<-time.After(settle)
	sub.ask() // what came while the load settled
	<-time.After(latencyWindow)
	return sub.latency()
}

// latency asks a latsub for what it saw since it was last asked.
func (p *process) latency() (l latency) {
	p.b.Helper()
	var n int
	line := p.ask()
	if _, err := fmt.Sscan(line, &n, &l.p50, &l.p99); err != nil || n == 0 {
		p.b.Fatalf("%v said %q: %v", p.cmd.Args, line, err)
	}
	return l
}
