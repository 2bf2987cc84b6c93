package bus_test

import (
	"fmt"
	"testing"
	"time"
)

// overload is what a device does with more than its subscribers read.
type overload struct {
	rate float64 // messages a second that a reader gets who keeps up
	latency
}

func (o overload) ofRate() float64 { return o.rate }

// slowRate is what the slow reader reads, in messages a second.
const slowRate = 10_000

// BenchmarkOverload has a publisher of 200 B messages, as fast as it can, a reader
// that keeps up, one that reads 10,000 a second, and eight that do not read at all:
// what the first gets, and how old what the second reads is.
func BenchmarkOverload(b *testing.B) {
	peers := build(b)
	t := newTable("device", "who keeps up: msg/s", "who is slow: age ms p50", "p99")
	defer t.print()
	for _, side := range []struct {
		name  string
		begin func(*testing.B) *device
	}{
		{"ours", func(b *testing.B) *device { return ours(b) }},
		{"libzmq", func(b *testing.B) *device { return proxy(b, peers) }},
	} {
		b.Run(side.name, func(b *testing.B) {
			var all []overload
			for range rounds {
				all = append(all, measureOverload(b, peers, side.begin(b)))
			}
			p50 := median(all, func(o overload) float64 { return o.p50 }) / 1000
			p99 := median(all, func(o overload) float64 { return o.p99 }) / 1000
			rate := median(all, overload.ofRate)
			b.ReportMetric(0, "ns/op")
			b.ReportMetric(rate, "msg/s")
			b.ReportMetric(p50, "slow-p50-ms")
			b.ReportMetric(p99, "slow-p99-ms")
			t.row(side.name, count(rate), fmt.Sprintf("%.0f", p50), fmt.Sprintf("%.0f", p99))
		})
	}
}

func measureOverload(b *testing.B, peers string, d *device) (o overload) {
	defer d.stop()
	defer d.load(peers, "stall", d.back, "8", "200").stop()
	slow := d.load(peers, "slowsub", d.back, "1", fmt.Sprint(slowRate))
	defer slow.stop()
	reader := d.load(peers, "rawsub", d.back, "1", "200")
	defer reader.stop()
	defer d.load(peers, "latpub", d.front, "1", "200", "10000000").stop()
	<-time.After(2 * time.Second) // queues fill up, ours and the kernel's
	slow.ask()
	began, before := time.Now(), reader.count()
	<-time.After(latencyWindow)
	o.rate = float64(reader.count()-before) / time.Since(began).Seconds()
	o.latency = slow.latency()
	return o
}
