package sample

import (
	"time"

	"golang.org/x/sys/unix"
)

// measure makes the CPU percentage: of the time since it was read before, or, of one
// that is new, since its start. It is the CPU clock's, in nanoseconds; the ticks of
// /proc would show nothing or 100 % over short times.
func (e *entry) measure(s *Sampler, clock int64, err error, now time.Time) {
	if err != nil { // a kernel that refuses its clock: ticks will do
		clock = int64(float64(time.Second) * (e.Times.User + e.Times.System))
	}
	over := now.Sub(e.at)
	used := clock - e.clock
	if !e.began { // its first time
		over, used = age(e.Ticks), clock
	}
	e.clock, e.at = clock, now
	if over <= 0 || used < 0 {
		e.CPUPercent = 0
		return
	}
	e.CPUPercent = 100 * float64(used) / float64(over)
}

// age is how long ago a process has started: at least the tick that is the unit of
// its start.
func age(ticks uint64) time.Duration {
	const unit = time.Second / userHZ
	var now unix.Timespec
	if unix.ClockGettime(unix.CLOCK_BOOTTIME, &now) != nil {
		return 0
	}
	return max(time.Duration(now.Nano())-time.Duration(ticks)*unit, unit)
}

// Age is how long ago it has started.
func (p *Process) Age() time.Duration { return age(p.Ticks) }
