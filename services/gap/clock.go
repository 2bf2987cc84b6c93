package gap

import (
	"time"

	"golang.org/x/sys/unix"
)

// Reading is what the clocks show at one moment.
type Reading struct {
	Time time.Time     // the wall clock's and the monotonic one
	Boot time.Duration // CLOCK_BOOTTIME: since the boot, suspends included (clock_gettime(2))
}

// Read reads the clocks of the machine.
func Read() Reading {
	var boot unix.Timespec
	now := time.Now()
	if unix.ClockGettime(unix.CLOCK_BOOTTIME, &boot) != nil { // since Linux 2.6.39 it has been there
		return Reading{Time: now}
	}
	return Reading{now, time.Duration(boot.Nano())}
}

// Away is what was out of the ordinary between two beats of a Clock.
type Away struct {
	Now     time.Time
	Unheard time.Duration // the observer was not there, but deadlines ran on: what to Rebase by
	Slept   time.Duration // the machine was suspended; deadlines stood still with it
	Stepped time.Duration // how far the wall clock was set, forth or back; deadlines do not go by it
}

// Strange says whether anything was.
func (a Away) Strange() bool { return a.Unheard > 0 || a.Slept > 0 || a.Stepped != 0 }

// Clock finds out how long an observer was away. It is not safe for concurrent use.
type Clock struct {
	every time.Duration
	read  func() Reading
	last  Reading
}

// Differences of clocks below these are those of reading one after the other, of the
// slewing of the wall clock (500 ppm, adjtimex(2)), or of a busy machine.
const (
	leastSleep = 100 * time.Millisecond
	leastStep  = time.Second
)

// NewClock makes the clock of an observer that beats at that interval, beginning now.
// read is Read, or a test's.
func NewClock(every time.Duration, read func() Reading) *Clock {
	return &Clock{every: every, read: read, last: read()}
}

// Beat is to be called at the interval, and before deadlines are looked at. A beat that
// comes more than an interval late is of an observer that was stopped.
func (c *Clock) Beat() Away {
	now, before := c.read(), c.last
	c.last = now
	passed := now.Time.Sub(before.Time) // monotonic
	a := Away{Now: now.Time}
	if late := passed - c.every; late > c.every {
		a.Unheard = late
	}
	if slept := now.Boot - before.Boot - passed; slept >= leastSleep {
		a.Slept = slept
	}
	wall := now.Time.Round(0).Sub(before.Time.Round(0)) // Round(0) takes the monotonic clock off
	if stepped := wall - passed - a.Slept; stepped.Abs() >= leastStep {
		a.Stepped = stepped
	}
	return a
}
