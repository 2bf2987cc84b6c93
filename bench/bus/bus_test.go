package bus_test

import (
	"fmt"
	"slices"
	"strconv"
	"testing"
	"time"
)

// rounds is how often each figure is taken; the median counts.
const rounds = 3

// Each round lets the load settle and then counts for a while.
const (
	settle = 200 * time.Millisecond
	window = 500 * time.Millisecond
)

// load is one row: who talks to whom, and how.
type load struct {
	clients    string // raw or zmq
	size       int
	pubs, subs int
}

func (l load) String() string {
	return fmt.Sprintf("%s/%dB/%dto%d", l.clients, l.size, l.pubs, l.subs)
}

var loads = []load{
	{"raw", 200, 1, 1},
	{"raw", 200, 1, 8},
	{"raw", 1500, 1, 1},
	{"raw", 1500, 1, 8},
	{"zmq", 200, 1, 1},
	{"zmq", 200, 1, 8},
	{"zmq", 1500, 1, 1},
	{"zmq", 1500, 1, 8},
}

// result is what one round gives.
type result struct {
	rate float64 // delivered messages a second, all subscribers together
	cpu  float64 // µs of the device's CPU time a delivered message
}

// BenchmarkThroughput reports delivered messages a second of both devices and
// their ratios; cpu-ratio is CPU time a delivered message, ours to libzmq's.
func BenchmarkThroughput(b *testing.B) {
	peers := build(b)
	for _, l := range loads {
		b.Run(l.String(), func(b *testing.B) {
			var us, them []result
			for range rounds {
				us = append(us, l.measure(b, peers, ours(b)))
				them = append(them, l.measure(b, peers, proxy(b, peers)))
			}
			rate := func(r result) float64 { return r.rate }
			cpu := func(r result) float64 { return r.cpu }
			b.ReportMetric(0, "ns/op")
			b.ReportMetric(median(us, rate), "ours-msg/s")
			b.ReportMetric(median(them, rate), "libzmq-msg/s")
			b.ReportMetric(median(us, rate)/median(them, rate), "ratio")
			b.ReportMetric(median(us, cpu)/median(them, cpu), "cpu-ratio")
		})
	}
}

func (l load) measure(b *testing.B, peers string, d *device) result {
	defer d.stop()
	subs := start(b, peers, l.clients+"sub", d.back, strconv.Itoa(l.subs), strconv.Itoa(l.size))
	defer subs.stop()
	subs.expect("ready")
	pubs := start(b, peers, l.clients+"pub", d.front, strconv.Itoa(l.pubs), strconv.Itoa(l.size))
	defer pubs.stop()
	pubs.expect("ready")
	<-time.After(settle)
	began, before, cpu := time.Now(), subs.count(), d.cpu()
	<-time.After(window)
	took, n := time.Since(began), subs.count()-before
	return result{
		rate: float64(n) / took.Seconds(),
		cpu:  float64((d.cpu() - cpu).Microseconds()) / float64(max(n, 1)),
	}
}

// BenchmarkLatency reports one-way latencies at 1,000 messages a second, alone
// and beside a publisher that sends as fast as it can to other subscribers.
func BenchmarkLatency(b *testing.B) {
	peers := build(b)
	for _, babble := range []int{0, 1, 8} {
		b.Run(fmt.Sprintf("200B/babble=1to%d", babble), func(b *testing.B) {
			var us, them []latency
			for range rounds {
				us = append(us, measureLatency(b, peers, ours(b), babble))
				them = append(them, measureLatency(b, peers, proxy(b, peers), babble))
			}
			p50 := func(l latency) float64 { return l.p50 }
			p99 := func(l latency) float64 { return l.p99 }
			b.ReportMetric(0, "ns/op")
			b.ReportMetric(median(us, p50), "ours-p50-µs")
			b.ReportMetric(median(us, p99), "ours-p99-µs")
			b.ReportMetric(median(them, p50), "libzmq-p50-µs")
			b.ReportMetric(median(them, p99), "libzmq-p99-µs")
		})
	}
}

type latency struct{ p50, p99 float64 }

func measureLatency(b *testing.B, peers string, d *device, babble int) (l latency) {
	defer d.stop()
	sub := start(b, peers, "latsub", d.back)
	defer sub.stop()
	sub.expect("ready")
	if babble > 0 {
		s := start(b, peers, "rawsub", d.back, strconv.Itoa(babble), "1500")
		defer s.stop()
		s.expect("ready")
		p := start(b, peers, "rawpub", d.front, "1", "1500")
		defer p.stop()
		p.expect("ready")
	}
	pub := start(b, peers, "latpub", d.front, "200", "1000")
	defer pub.stop()
	pub.expect("ready")
	<-time.After(settle + window)
	var n int
	if _, err := fmt.Sscan(sub.ask(), &n, &l.p50, &l.p99); err != nil {
		b.Fatal(err)
	}
	return l
}

func median[T any](all []T, of func(T) float64) float64 {
	var v []float64
	for _, x := range all {
		v = append(v, of(x))
	}
	slices.Sort(v)
	return v[len(v)/2]
}
