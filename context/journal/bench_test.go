package journal

import (
	"slices"
	"testing"
	"time"
)

// Changes as fast as the writer commits them, retention included.
func BenchmarkRecord(b *testing.B) {
	o := options(b)
	o.Rows = 50_000
	h := open(b, o).run()
	h.Begin(Transaction{ID: tr, Began: epoch})
	b.ReportAllocs()
	var seq uint64
	for b.Loop() {
		seq++
		h.Record(change(seq))
		if seq%8192 == 0 {
			h.durable()
		}
	}
	h.durable()
	b.ReportMetric(float64(seq)/b.Elapsed().Seconds(), "rows/s")
	b.ReportMetric(float64(h.Stats().Written)/float64(h.Stats().Commits), "rows/commit")
}

// A change, what is wanted, and the word that both are in the file, while others
// record as fast as a hundred services that die all the time.
func BenchmarkCommitted(b *testing.B) {
	for _, load := range []struct {
		name string
		rate time.Duration // a row each
	}{{"idle", 0}, {"under 10,000 rows a second", 100 * time.Microsecond}} {
		b.Run(load.name, func(b *testing.B) {
			h := open(b, options(b)).run()
			h.Begin(Transaction{ID: tr, Began: epoch})
			stop, stopped := make(chan struct{}), make(chan struct{})
			go func() { // ends with stop
				defer close(stopped)
				if load.rate == 0 {
					return
				}
				// Ten at a time: the machine's timers are no finer than that.
				tick := time.NewTicker(10 * load.rate)
				defer tick.Stop()
				for seq := uint64(1); ; {
					select {
					case <-stop:
						return
					case <-tick.C:
						for range 10 {
							h.Record(change(seq))
							seq++
						}
					}
				}
			}()
			var took []time.Duration
			for b.Loop() {
				began := time.Now()
				h.Record(change(1 << 40))
				h.Want(Want{Transaction: tr, Task: "ts001", Up: true})
				h.durable()
				took = append(took, time.Since(began))
			}
			close(stop)
			<-stopped
			slices.Sort(took)
			b.ReportMetric(float64(took[len(took)/2].Microseconds()), "p50-µs")
			b.ReportMetric(float64(took[len(took)*99/100].Microseconds()), "p99-µs")
		})
	}
}
