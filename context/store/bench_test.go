package store

import (
	"fmt"
	"slices"
	"testing"
	"time"
)

// Rows that are queued as fast as the writer commits them.
func BenchmarkDo(b *testing.B) {
	h := open(b, options(b)).run()
	b.ReportAllocs()
	for n := 0; b.Loop(); n++ {
		h.Do(insert(n))
		if n%8192 == 8191 {
			if err := h.durable(); err != nil {
				b.Fatal(err)
			}
		}
	}
	if err := h.durable(); err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(float64(h.Stats().Written)/b.Elapsed().Seconds(), "rows/s")
	b.ReportMetric(float64(h.Stats().Written)/float64(h.Stats().Commits), "rows/commit")
}

// What the caller pays.
func BenchmarkDoCaller(b *testing.B) {
	o := options(b)
	h := open(b, o).run()
	b.ReportAllocs()
	for n := 0; b.Loop(); n++ {
		h.Do(func(*Tx) error { return nil })
	}
}

// One row and the word that it is in the file.
func BenchmarkBarrier(b *testing.B) {
	for _, sync := range []Sync{Normal, Full} {
		b.Run(fmt.Sprint(sync), func(b *testing.B) {
			o := options(b)
			o.Sync = sync
			h := open(b, o).run()
			var took []time.Duration
			for n := 0; b.Loop(); n++ {
				began := time.Now()
				h.Do(insert(n))
				if err := h.durable(); err != nil {
					b.Fatal(err)
				}
				took = append(took, time.Since(began))
			}
			slices.Sort(took)
			b.ReportMetric(float64(took[len(took)/2].Microseconds()), "p50-µs")
			b.ReportMetric(float64(took[len(took)*99/100].Microseconds()), "p99-µs")
		})
	}
}

// What a start waits for.
func BenchmarkOpen(b *testing.B) {
	o := options(b)
	open(b, o)
	for b.Loop() {
		d, err := Open(b.Context(), o)
		if err != nil {
			b.Fatal(err)
		}
		b.StopTimer()
		if err := d.Close(b.Context()); err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
	}
}
