package mqtt

import (
	"context"
	"fmt"
	"testing"
	"time"

	"zmicroservices/services/watchdog/hub"
	"zmicroservices/test/harness"
)

// BenchmarkToBroker: messages of the bus that the broker has confirmed, by QoS. What it
// echoes is heard and left out meanwhile.
func BenchmarkToBroker(b *testing.B) {
	for _, qos := range []int{0, 1} {
		b.Run(fmt.Sprintf("QoS%d", qos), func(b *testing.B) {
			broker := harness.StartMosquitto(b, nil, "allow_anonymous true", "max_queued_messages 0", "max_inflight_messages 0")
			h := hub.New()
			g, err := New(Options{Broker: Broker{URL: broker.URL(), QoS: qos}, Bus: h.Join(), Queue: b.N + 1})
			if err != nil {
				b.Fatal(err)
			}
			ctx, cancel := context.WithCancel(b.Context())
			ended := make(chan error, 1)
			go func() { ended <- g.Run(ctx) }() // ends with ctx
			defer func() {
				cancel()
				if err := <-ended; err != nil {
					b.Error(err)
				}
			}()
			if err := g.Join(ctx); err != nil {
				b.Fatal(err)
			}
			from := h.Join()
			b.ResetTimer()
			for i := range b.N {
				if i%1000 == 999 { // the hub's queue holds 10,000
					waitFor(b, g, func(f Figures) bool { return int(f.ToBroker) > i-5000 })
				}
				if err := from.Publish(ctx, fmt.Appendf(nil, "hippodamia.state.ping @@@ %s", ping(fmt.Sprint(i)))); err != nil {
					b.Fatal(err)
				}
			}
			waitFor(b, g, func(f Figures) bool { return int(f.ToBroker) == b.N })
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "msg/s")
		})
	}
}

func waitFor(b *testing.B, g *Gateway, wanted func(Figures) bool) {
	tick := time.NewTicker(100 * time.Microsecond)
	defer tick.Stop()
	for deadline := time.Now().Add(harness.Patience); !wanted(g.Figures()); <-tick.C {
		if time.Now().After(deadline) {
			b.Fatalf("%+v", g.Figures())
		}
	}
}

// BenchmarkTranslate is what a message costs before it is anywhere.
func BenchmarkTranslate(b *testing.B) {
	g, err := New(Options{Broker: Broker{URL: "mqtt://x"}, Bus: hub.New().Join()})
	if err != nil {
		b.Fatal(err)
	}
	payload := []byte(ping("u"))
	b.ReportAllocs()
	for b.Loop() {
		g.heard("hippodamia/state/ping", payload, false)
	}
}
