package provider

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"zmicroservices/context/journal"
)

// clockwatch tells of a time of day that was set, and of a machine that had slept.
// Nothing is decided by the time of day, and what is measured on the monotonic clock
// does not see a sleep: there is nothing to mend, but whoever reads the journal wants
// to know why its hours jump.
type clockwatch struct {
	note  func(journal.Note)
	least time.Duration // what is no jump is an adjustment; adjtime(3) makes none at all
	last  clocks
}

// clocks are the three clocks at one moment; see clock_gettime(2).
type clocks struct{ real, boot, mono time.Duration }

// leastJump is the smallest step that is told.
const leastJump = 500 * time.Millisecond

func newClockwatch(note func(journal.Note)) *clockwatch {
	return &clockwatch{note: note, least: leastJump, last: readClocks()}
}

// Run lasts until ctx ends. The kernel tells of a step: a timer that is cancelled
// when the clock is set, or goes on after a sleep; see timerfd_create(2).
func (c *clockwatch) Run(ctx context.Context) error {
	fd, err := unix.TimerfdCreate(unix.CLOCK_REALTIME, unix.TFD_CLOEXEC|unix.TFD_NONBLOCK)
	if err != nil {
		return fmt.Errorf("watch clock: %w", err)
	}
	timer := os.NewFile(uintptr(fd), "timerfd")
	defer timer.Close()
	defer context.AfterFunc(ctx, func() { _ = timer.SetReadDeadline(time.Unix(1, 0)) })()
	for {
		if err := arm(timer); err != nil {
			return fmt.Errorf("watch clock: %w", err)
		}
		_, err := timer.Read(make([]byte, 8))
		switch {
		case ctx.Err() != nil:
			return nil
		case errors.Is(err, syscall.ECANCELED):
			c.look(readClocks())
		case err != nil:
			return fmt.Errorf("watch clock: %w", err)
		}
	}
}

// arm sets the timer to a time that does not come.
func arm(timer *os.File) error {
	raw, err := timer.SyscallConn()
	if err != nil {
		return err
	}
	never := unix.ItimerSpec{Value: unix.Timespec{Sec: math.MaxInt32}}
	var failed error
	if err := raw.Control(func(fd uintptr) {
		failed = unix.TimerfdSettime(int(fd), unix.TFD_TIMER_ABSTIME|unix.TFD_TIMER_CANCEL_ON_SET, &never, nil)
	}); err != nil {
		return err
	}
	return failed
}

// look compares the clocks with what they were.
func (c *clockwatch) look(now clocks) {
	slept := (now.boot - now.mono) - (c.last.boot - c.last.mono)
	step := (now.real - now.boot) - (c.last.real - c.last.boot)
	c.last = now
	if slept >= leastJump {
		c.note(journal.Note{Event: "machine resumed", Reason: fmt.Sprintf("it had slept for %v", slept.Round(time.Millisecond))})
	}
	if step.Abs() >= c.least {
		c.note(journal.Note{Event: "clock stepped", Reason: fmt.Sprintf("by %+.3f s", step.Seconds())})
	}
}

func readClocks() clocks {
	read := func(id int32) time.Duration {
		var t unix.Timespec
		if err := unix.ClockGettime(id, &t); err != nil {
			return 0 // it cannot fail for these three
		}
		return time.Duration(t.Nano())
	}
	return clocks{real: read(unix.CLOCK_REALTIME), boot: read(unix.CLOCK_BOOTTIME), mono: read(unix.CLOCK_MONOTONIC)}
}
