package history

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"os"
	"path/filepath"
	"testing"
	"time"

	"go.uber.org/goleak"

	"zmicroservices/context/event"
	"zmicroservices/context/store"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const tr = event.TransactionID("T1")

var epoch = time.Date(2026, 11, 20, 14, 0, 0, 0, time.UTC)

// begin opens a history in a folder and writes it until the test, or end.
func begin(t *testing.T, path string) (h *History, end func()) {
	t.Helper()
	h, err := Open(t.Context(), Options{Path: path, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	over := make(chan error, 1) // what Run gave
	go func() { over <- h.Run(context.Background()) }()
	ended := false
	end = func() {
		if ended {
			return
		}
		ended = true
		if err := h.Close(context.Background()); err != nil {
			t.Error(err)
		}
		// One that is closed before it was run has nothing to do.
		if err := <-over; err != nil && !errors.Is(err, store.ErrClosed) {
			t.Error(err)
		}
	}
	t.Cleanup(end)
	return h, end
}

func at(d time.Duration, rss int64) Sample {
	return Sample{Transaction: tr, Task: "ts001", At: epoch.Add(d), RSS: rss, CPU: 50, FDs: 7, Threads: 3, Connections: 2, Restarts: 1}
}

func read(t *testing.T, h *History, since, now time.Time) []Row {
	t.Helper()
	rows, err := h.Read(t.Context(), Query{Transaction: tr, Task: "ts001", Since: since}, now)
	if err != nil {
		t.Fatal(err)
	}
	return rows
}

func TestSamplesAreReadAsTheyCame(t *testing.T) {
	path := filepath.Join(t.TempDir(), "history.db")
	h, end := begin(t, path)
	for i := range 90 {
		h.Add([]Sample{at(time.Duration(i)*time.Second, int64(i)<<20), {Transaction: tr, Task: "ts002", At: epoch.Add(time.Duration(i) * time.Second)}})
		h.Add([]Sample{at(time.Duration(i)*time.Second+100*time.Millisecond, 1)}) // somebody watches closely
	}
	now := epoch.Add(90 * time.Second)
	check := func(h *History) {
		t.Helper()
		rows := read(t, h, epoch.Add(10*time.Second), now)
		if len(rows) != 80 || rows[0].RSS != 10<<20 || rows[79].RSS != 89<<20 || rows[0].CPU != 50 || rows[0].Conns != 2 || rows[0].Restarts != 1 {
			t.Fatalf("%d rows, %+v", len(rows), rows[:min(1, len(rows))])
		}
	}
	check(h)
	end()
	h, _ = begin(t, path) // the next process
	check(h)
}

func TestOldSamplesAreMinutesAndThenHours(t *testing.T) {
	h, _ := begin(t, filepath.Join(t.TempDir(), "history.db"))
	// A sample every 20 s for four hours, twice: each minute has 1, 2 and 3 MiB.
	const later = 8 * 24 * time.Hour
	for _, from := range []time.Duration{0, later} {
		for i := range 4 * 180 {
			h.Add([]Sample{at(from+time.Duration(i)*20*time.Second, int64(i%3+1)<<20)})
		}
	}
	now := epoch.Add(later + 4*time.Hour)
	minutes := read(t, h, now.Add(-3*24*time.Hour), now)
	if len(minutes) != 4*60 {
		t.Errorf("%d minutes", len(minutes))
	}
	hours := read(t, h, epoch, now)
	if len(hours) != 7+60 || hours[6].Span != time.Hour || hours[7].Span != time.Minute {
		t.Errorf("%d hours, and the minutes of the last: %+v", len(hours), hours)
	}
	for _, r := range append(minutes, hours...) {
		if math.Abs(r.RSS-2<<20) > 1 || r.RSSMax != 3<<20 || r.Samples != int(3*r.Span/time.Minute) || r.FDs != 7 {
			t.Fatalf("%+v", r)
		}
	}
	if rows := read(t, h, now.Add(-time.Hour), now); len(rows) != 180 {
		t.Errorf("%d samples", len(rows))
	}
	rows, err := h.db.Read(t.Context(), "SELECT min(at), (SELECT min(at)/1000 FROM samples) FROM minutes")
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var minute, sample int64
	if !rows.Next() || rows.Scan(&minute, &sample) != nil || now.Sub(time.Unix(minute, 0)) > keepMinutes || now.Sub(time.Unix(sample, 0)) > keepSamples+time.Hour+time.Minute {
		t.Errorf("the oldest minute is of %v, the oldest sample of %v", time.Unix(minute, 0), time.Unix(sample, 0))
	}
}

// What 50 services take in 30 days with a sample a second follows from what one row of each
// grain takes, as nothing is kept for longer than it is said to be.
func TestThirtyDaysOfFiftyServicesTakeLessThan100MB(t *testing.T) {
	const services = 10
	perMinute := func(samples, span int, kept bool) float64 {
		path := filepath.Join(t.TempDir(), "history.db")
		h, end := begin(t, path)
		pass := make([]Sample, services)
		for i := range span * samples {
			for n := range pass {
				pass[n] = Sample{
					Transaction: "6FDAHH3WPRVV7FGZCRIN", Task: event.TaskID(fmt.Sprintf("ts%03d", n)),
					At:  epoch.Add(time.Duration(i) * time.Minute / time.Duration(samples)),
					RSS: int64(i*4096 + n), CPU: float64(i%977) / 9.7, FDs: 10 + i%7, Threads: 4, Connections: i % 5,
				}
			}
			h.Add(pass)
			for n, s := range pass { // a probe a second, or as many as a minute's row is made of
				for range 60 / samples {
					h.Answered(Answer{Transaction: s.Transaction, Task: s.Task, At: s.At, Took: time.Duration(i*1777+n) * time.Microsecond, OK: i%3 > 0})
				}
			}
		}
		if !kept {
			if err := h.settle(t.Context()); err != nil {
				t.Fatal(err)
			}
			h.db.Do(func(tx *store.Tx) error { _, err := tx.Exec("DELETE FROM samples"); return err })
		}
		if err := h.settle(t.Context()); err != nil {
			t.Fatal(err)
		}
		var size float64
		rows, err := h.db.Read(t.Context(), "SELECT (page_count - freelist_count) * page_size FROM pragma_page_count, pragma_freelist_count, pragma_page_size")
		if err != nil {
			t.Fatal(err)
		}
		if err := each(rows, func() error { return rows.Scan(&size) }); err != nil {
			t.Fatal(err)
		}
		end()
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
			t.Fatal(info, err)
		}
		return size / float64(span*services)
	}
	// The first has the rows of the minute, too: more than there is. Samples go once an hour.
	seconds, minute := perMinute(60, 60, true), perMinute(1, 120, false)
	whole := 50 * (seconds*(keepSamples+time.Hour).Minutes() + minute*keepMinutes.Minutes() + minute*30*24)
	t.Logf("a minute takes %.0f bytes, and %.0f with a sample a second: %.1f MB in 30 days", minute, seconds, whole/1e6)
	if whole > 100e6 {
		t.Errorf("30 days of 50 services take %.1f MB", whole/1e6)
	}
}

func TestABlobThatIsDamagedIsSaid(t *testing.T) {
	if err := unpack(make([]byte, packed+1), func(Sample) {}); err == nil {
		t.Error("a sample and a byte are taken")
	}
}
