package provider

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"zmicroservices/context/journal"
)

func TestJumpsOfTheClockAreTold(t *testing.T) {
	began := clocks{real: 1000 * time.Hour, boot: time.Hour, mono: time.Hour}
	for name, c := range map[string]struct {
		later clocks
		want  string // events and reasons
	}{
		"time passes":       {clocks{1001 * time.Hour, 2 * time.Hour, 2 * time.Hour}, ""},
		"an adjustment":     {clocks{1000*time.Hour + 400*time.Millisecond, time.Hour, time.Hour}, ""},
		"forward":           {clocks{1002 * time.Hour, 2 * time.Hour, 2 * time.Hour}, "clock stepped by +3600.000 s;"},
		"back":              {clocks{999 * time.Hour, time.Hour, time.Hour}, "clock stepped by -3600.000 s;"},
		"a sleep":           {clocks{1003 * time.Hour, 4 * time.Hour, 2 * time.Hour}, "machine resumed it had slept for 2h0m0s;"},
		"a sleep, and then": {clocks{1003*time.Hour + time.Second, 4 * time.Hour, 2 * time.Hour}, "machine resumed it had slept for 2h0m0s;clock stepped by +1.000 s;"},
	} {
		t.Run(name, func(t *testing.T) {
			var told strings.Builder
			w := clockwatch{least: leastJump, last: began, note: func(n journal.Note) { told.WriteString(n.Event + " " + n.Reason + ";") }}
			w.look(c.later)
			w.look(c.later) // nothing more
			if told.String() != c.want {
				t.Errorf("told %q, want %q", told.String(), c.want)
			}
		})
	}
}

// The kernel tells: the clock is set to what it shows.
func TestAClockThatIsSetIsSeen(t *testing.T) {
	told := make(chan journal.Note, 1) // one is enough
	w := newClockwatch(func(n journal.Note) {
		select {
		case told <- n:
		default:
		}
	})
	w.least = 0
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- w.Run(ctx) }() // ends with ctx
	deadline := time.After(20 * time.Second)
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for seen := false; !seen; {
		var now unix.Timespec
		err := unix.ClockGettime(unix.CLOCK_REALTIME, &now)
		if err == nil {
			err = unix.ClockSettime(unix.CLOCK_REALTIME, &now)
		}
		if errors.Is(err, unix.EPERM) {
			cancel()
			<-ended
			t.Skip("setting the clock takes CAP_SYS_TIME: sudo -E go test")
		}
		if err != nil {
			t.Fatal(err)
		}
		select {
		case n := <-told:
			seen = n.Event == "clock stepped"
		case <-tick.C:
		case <-deadline:
			t.Fatal("nobody saw that the clock was set")
		}
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
