package gap

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestAnObserverFindsOutHowLongItWasAway(t *testing.T) {
	now := Reading{origin, time.Hour}
	c := NewClock(time.Second, func() Reading { return now })
	for _, step := range []struct {
		name       string
		time, boot time.Duration
		want       Away
	}{
		{"on time", time.Second, time.Second, Away{}},
		{"a little late", 1900 * time.Millisecond, 1900 * time.Millisecond, Away{}},
		{"stopped for a minute", 61 * time.Second, 61 * time.Second, Away{Unheard: time.Minute}},
	} {
		now = Reading{now.Time.Add(step.time), now.Boot + step.boot}
		step.want.Now = now.Time
		if diff := cmp.Diff(step.want, c.Beat()); diff != "" {
			t.Errorf("%s: %s", step.name, diff)
		}
	}
	// A suspend: CLOCK_BOOTTIME runs on, the monotonic clock does not.
	now.Time, now.Boot = now.Time.Add(time.Second), now.Boot+time.Second+8*time.Hour
	a := c.Beat()
	if a.Unheard != 0 || a.Slept != 8*time.Hour || !a.Strange() {
		t.Errorf("slept: %+v", a)
	}
	// No test can make a time.Time whose two clocks differ: the wall clock stood still,
	// too, which is as if it had been set back by as much.
	if a.Stepped != -8*time.Hour {
		t.Errorf("stepped: %v", a.Stepped)
	}
}

func TestTheClocksOfThisMachineCanBeRead(t *testing.T) {
	r := Read()
	if r.Boot <= 0 || r.Time.IsZero() {
		t.Error(r)
	}
	c := NewClock(time.Hour, Read)
	if a := c.Beat(); a.Strange() {
		t.Errorf("at once, and yet %+v", a)
	}
}

func TestASyncTestIsNothingStrange(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := NewClock(time.Second, Read)
		ticker := time.NewTicker(time.Second)
		defer ticker.Stop()
		for range 1000 {
			<-ticker.C
			if a := c.Beat(); a.Strange() {
				t.Fatalf("%+v", a)
			}
		}
	})
}
