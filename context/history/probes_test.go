package history

import (
	"log/slog"
	"path/filepath"
	"testing"
	"time"

	"zmicroservices/context/store"
)

func readProbes(t *testing.T, h *History, since, now time.Time) []Probes {
	t.Helper()
	list, err := h.Probes(t.Context(), Query{Transaction: tr, Task: "ts001", Since: since}, now)
	if err != nil {
		t.Fatal(err)
	}
	return list
}

func answer(d, took time.Duration, ok bool) Answer {
	return Answer{Transaction: tr, Task: "ts001", At: epoch.Add(d), Took: took, OK: ok}
}

func TestChecksOfAMinuteAreOneRow(t *testing.T) {
	path := filepath.Join(t.TempDir(), "history.db")
	h, end := begin(t, path)
	now := epoch.Add(3 * time.Minute)
	h.Answered(answer(0, 2*time.Millisecond, true))
	h.Answered(answer(10*time.Second, 4*time.Millisecond, true))
	if got := readProbes(t, h, epoch, now); len(got) != 1 || got[0].Checks != 2 || got[0].Mean != 3*time.Millisecond {
		t.Fatalf("%+v", got)
	}
	h.Answered(answer(20*time.Second, 12*time.Millisecond, false)) // its row is there already: they are joined
	h.Add([]Sample{at(30*time.Second, 1)})
	h.Answered(answer(2*time.Minute, time.Millisecond, true)) // of the minute between there is nothing
	other := answer(2*time.Minute, time.Hour, false)
	other.Task = "ts002"
	h.Answered(other)
	end()
	h, _ = begin(t, path) // the next process
	got := readProbes(t, h, epoch.Add(15*time.Second), now)
	want := []Probes{
		{At: epoch, Span: time.Minute, Checks: 3, Failures: 1, Mean: 6 * time.Millisecond, Max: 12 * time.Millisecond},
		{At: epoch.Add(2 * time.Minute), Span: time.Minute, Checks: 1, Mean: time.Millisecond, Max: time.Millisecond},
	}
	if len(got) != 2 || !got[0].At.Equal(want[0].At) || !got[1].At.Equal(want[1].At) {
		t.Fatalf("%+v", got)
	}
	for i := range got {
		if got[i].At = want[i].At; got[i] != want[i] {
			t.Errorf("%+v, want %+v", got[i], want[i])
		}
	}
	if rows := read(t, h, epoch, now); len(rows) != 1 {
		t.Errorf("%d samples", len(rows))
	}
}

func TestOldChecksAreHours(t *testing.T) {
	h, _ := begin(t, filepath.Join(t.TempDir(), "history.db"))
	const later = 8 * 24 * time.Hour
	for _, from := range []time.Duration{0, later} {
		for i := range 4 * 60 {
			h.Answered(answer(from+time.Duration(i)*time.Minute, 2*time.Millisecond, true))
			h.Answered(answer(from+time.Duration(i)*time.Minute, 4*time.Millisecond, false))
		}
	}
	now := epoch.Add(later + 4*time.Hour)
	if n := len(readProbes(t, h, now.Add(-3*24*time.Hour), now)); n != 4*60 {
		t.Errorf("%d minutes", n)
	}
	hours := readProbes(t, h, epoch, now)
	if len(hours) != 7+60 || hours[6].Span != time.Hour || hours[7].Span != time.Minute {
		t.Errorf("%d hours, and the minutes of the last: %+v", len(hours), hours)
	}
	for _, p := range hours {
		if n := int(p.Span / time.Minute); p.Checks != 2*n || p.Failures != n || p.Mean != 3*time.Millisecond || p.Max != 4*time.Millisecond {
			t.Fatalf("%+v", p)
		}
	}
}

// A file of before probes were kept is one that they are added to.
func TestAnOlderFileGetsTheTables(t *testing.T) {
	path := filepath.Join(t.TempDir(), "history.db")
	older, err := store.Open(t.Context(), store.Options{Path: path, Schema: schema[:1], Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	if err := older.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	h, _ := begin(t, path)
	h.Answered(answer(0, time.Millisecond, true))
	if got := readProbes(t, h, epoch, epoch.Add(time.Minute)); len(got) != 1 {
		t.Errorf("%+v", got)
	}
}
