package bus_test

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// rounds is how often each figure is taken, ours and libzmq's in turn; the median
// counts.
const rounds = 5

// Each round lets the load settle and then counts for a while.
const (
	settle = 200 * time.Millisecond
	window = 500 * time.Millisecond
)

// topology is who talks to whom.
type topology struct {
	pubs, subs int
	idle       int // subscribers to something that nobody says
}

func (t topology) String() string { return fmt.Sprintf("%dto%d", t.pubs, t.subs+t.idle) }

var topologies = []topology{{1, 1, 0}, {1, 8, 0}, {8, 1, 0}, {1, 1, 99}}

// load is one row of the table.
type load struct {
	clients string // raw, zmq, or zmq with CURVE
	size    int    // bytes a message
	topology
}

// sealedClients is what a row's clients end with that speak CURVE.
const sealedClients = "+curve"

func (l load) String() string { return fmt.Sprintf("%s/%dB/%s", l.clients, l.size, l.topology) }

// env is the environment of a row's devices.
func (l load) env() []string {
	if strings.HasSuffix(l.clients, sealedClients) {
		return []string{curveVariable + "=1"}
	}
	return nil
}

// goal is the least ratio of delivered messages a second that a row is to have, 0
// for none.
func (l load) goal() float64 {
	switch {
	case l.idle > 0:
		return 0
	case l.env() != nil:
		return curveGoal(l.size)
	case l.size >= 1<<20:
		return 1
	case l.clients == "zmq":
		return 1.2
	case l.size >= 16<<10:
		return 2.5
	}
	return 3
}

// curveGoal is goal with CURVE, where most of the time goes into the same arithmetic.
func curveGoal(size int) float64 {
	switch {
	case size <= 200:
		return 1
	case size >= 16<<10:
		return 0.6
	}
	return 0
}

// cpuGoal is the most of libzmq's CPU time that a delivered message may take; 0 is
// none, as for what CURVE costs both.
func (l load) cpuGoal() float64 {
	if l.idle > 0 || l.env() != nil {
		return 0
	}
	return 0.5
}

// loads are all rows of a kind of client.
func loads(clients string) (all []load) {
	for _, size := range []int{200, 1500, 16 << 10, 1 << 20} {
		for _, t := range topologies {
			all = append(all, load{clients, size, t})
		}
	}
	return all
}

// result is what one round gives.
type result struct {
	rate float64 // delivered messages a second, all subscribers together
	cpu  float64 // µs of the device's CPU time a delivered message
	rss  float64 // MiB that the device had at most
}

func (r result) ofRate() float64 { return r.rate }
func (r result) ofCPU() float64  { return r.cpu }
func (r result) ofRSS() float64  { return r.rss }

// BenchmarkThroughput reports delivered messages a second of both devices and
// their ratios; cpu-ratio is CPU time a delivered message, ours to libzmq's.
func BenchmarkThroughput(b *testing.B) {
	peers := build(b)
	t := newTable("clients", "bytes", "topology", "ours msg/s", "libzmq msg/s", "ratio", "goal", "CPU ratio", "goal", "RSS MiB ours / libzmq")
	defer t.print()
	for _, l := range slices.Concat(loads("raw"), loads("zmq"), loads("zmq"+sealedClients)) {
		b.Run(l.String(), func(b *testing.B) {
			var us, them []result
			for range rounds {
				us = append(us, l.measure(b, peers, ours(b, l.env()...)))
				them = append(them, l.measure(b, peers, proxy(b, peers, l.env()...)))
			}
			ourRate, itsRate := median(us, result.ofRate), median(them, result.ofRate)
			cpu := median(us, result.ofCPU) / median(them, result.ofCPU)
			b.ReportMetric(0, "ns/op")
			b.ReportMetric(ourRate, "ours-msg/s")
			b.ReportMetric(itsRate, "libzmq-msg/s")
			b.ReportMetric(ourRate/itsRate, "ratio")
			b.ReportMetric(cpu, "cpu-ratio")
			t.row(l.clients, l.size, l.topology, count(ourRate), count(itsRate),
				ratio(ourRate/itsRate), atLeast(ourRate/itsRate, l.goal()), ratio(cpu), atMost(cpu, l.cpuGoal()),
				fmt.Sprintf("%.0f / %.0f", median(us, result.ofRSS), median(them, result.ofRSS)))
		})
	}
}

func (l load) measure(b *testing.B, peers string, d *device) result {
	defer d.stop()
	kind := strings.TrimSuffix(l.clients, sealedClients)
	if l.idle > 0 {
		idle := d.load(peers, kind+"sub", d.back, strconv.Itoa(l.idle), strconv.Itoa(l.size), "nobody")
		defer idle.stop()
	}
	subs := d.load(peers, kind+"sub", d.back, strconv.Itoa(l.subs), strconv.Itoa(l.size))
	defer subs.stop()
	pubs := d.load(peers, kind+"pub", d.front, strconv.Itoa(l.pubs), strconv.Itoa(l.size))
	defer pubs.stop()
	<-time.After(settle)
	began, before, cpu := time.Now(), subs.count(), d.cpu()
	<-time.After(window)
	took, n := time.Since(began), subs.count()-before
	return result{
		rate: float64(n) / took.Seconds(),
		cpu:  float64((d.cpu() - cpu).Nanoseconds()) / 1000 / float64(max(n, 1)),
		rss:  d.peak(),
	}
}

func median[T any](all []T, of func(T) float64) float64 {
	var v []float64
	for _, x := range all {
		v = append(v, of(x))
	}
	slices.Sort(v)
	return v[len(v)/2]
}
