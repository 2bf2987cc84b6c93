package schedule

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"zmicroservices/conf"
	"zmicroservices/context/event"
)

// watch is a Clock that runs, and what it told: "ts001 at 5m0s, next 10m0s",
// counted from its beginning.
type watch struct {
	*Clock
	began time.Time
	set   atomic.Int64 // by how much the wall clock was set, in nanoseconds

	mu   sync.Mutex // guards told
	told []string
}

func newWatch(t *testing.T) *watch {
	w := &watch{began: time.Now()}
	c, err := New(Options{
		Logger: slog.New(slog.DiscardHandler),
		Wall:   func() time.Time { return time.Now().Add(time.Duration(w.set.Load())) },
		Tell: func(_ event.TransactionID, e event.Event) {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.told = append(w.told, w.words(e.(event.Due)))
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	w.Clock = c
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- c.Run(ctx) }() // ends with the test
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return w
}

func (w *watch) words(d event.Due) string {
	s := string(d.Task)
	if !d.At.IsZero() {
		s += fmt.Sprintf(" at %v", d.At.Sub(w.began.Round(0)))
	}
	if d.Missed > 0 {
		s += fmt.Sprintf(" missed %d", d.Missed)
	}
	return s + fmt.Sprintf(" next %v", d.Next.Sub(w.began.Round(0)))
}

// pass lets time pass, and gives what was told.
func (w *watch) pass(d time.Duration) []string {
	time.Sleep(d) // virtual
	synctest.Wait()
	w.mu.Lock()
	defer w.mu.Unlock()
	out := w.told
	w.told = nil
	return out
}

func (w *watch) arm(t *testing.T, task event.TaskID, s conf.Schedule, after time.Duration) {
	t.Helper()
	at := w.began.Add(after)
	if err := w.Arm("T1", task, &s, at, at); err != nil {
		t.Fatal(err)
	}
}

func told(t *testing.T, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("told %q, want %q", got, want)
	}
}

func TestTimesComeWhenTheyAreDue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // begins at midnight UTC
		w := newWatch(t)
		w.arm(t, "ts001", conf.Schedule{Every: 5 * time.Minute}, 0)
		told(t, w.pass(0), "ts001 next 5m0s")
		w.arm(t, "ts002", conf.Schedule{Cron: "3 * * * *", Zone: "UTC"}, 0)
		told(t, w.pass(4*time.Minute), "ts002 next 3m0s", "ts002 at 3m0s next 1h3m0s")
		told(t, w.pass(7*time.Minute), "ts001 at 5m0s next 10m0s", "ts001 at 10m0s next 15m0s")
		w.Disarm("T1", "ts001")
		told(t, w.pass(53*time.Minute), "ts002 at 1h3m0s next 2h3m0s")
		w.arm(t, "ts002", conf.Schedule{Every: 30 * time.Second}, 64*time.Minute)
		told(t, w.pass(time.Minute), "ts002 next 1h4m30s", "ts002 at 1h4m30s next 1h5m0s", "ts002 at 1h5m0s next 1h5m30s")
	})
}

func TestWhatPassedBeforeIsMissed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWatch(t)
		w.arm(t, "ts001", conf.Schedule{Every: 5 * time.Minute}, -17*time.Minute)
		told(t, w.pass(4*time.Minute), "ts001 missed 3 next 3m0s", "ts001 at 3m0s next 8m0s")
	})
}

// A machine that sleeps does so with its monotonic clock, and so do the timers.
func TestTimesThatWereSleptThroughAreMissed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWatch(t)
		w.arm(t, "ts001", conf.Schedule{Every: time.Hour}, 0)
		w.pass(time.Minute)
		w.set.Store(int64(8 * time.Hour))
		told(t, w.pass(checkEvery), "ts001 missed 8 next 9h0m0s")
		told(t, w.pass(59*time.Minute), "ts001 at 9h0m0s next 10h0m0s")
	})
}

func TestAClockThatIsSetBackShowsItsTimesAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWatch(t)
		w.arm(t, "ts001", conf.Schedule{Cron: "*/10 * * * *", Zone: "UTC"}, 0)
		told(t, w.pass(11*time.Minute), "ts001 next 10m0s", "ts001 at 10m0s next 20m0s")
		w.set.Store(-int64(3 * time.Minute))
		told(t, w.pass(checkEvery), "ts001 next 10m0s") // it is 8:10 now
		told(t, w.pass(2*time.Minute), "ts001 at 10m0s next 20m0s")
	})
}

func TestManySchedules(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWatch(t)
		for n := range 500 {
			w.arm(t, event.TaskID(fmt.Sprintf("ts%03d", n)), conf.Schedule{Every: time.Minute}, 0)
		}
		if got := len(w.pass(90 * time.Second)); got != 1000 {
			t.Errorf("told %d times, want 1000", got)
		}
	})
}
