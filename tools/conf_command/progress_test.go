package main

import (
	"testing"
	"testing/synctest"
	"time"
)

func TestProgressIsSilentWhenItIsQuick(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var errs shared
		p := newProgress(testWorld(nil, &errs))
		p.seen(step{Task: "ts001", State: "started", PID: 1})
		time.Sleep(patience - time.Nanosecond)
		p.end()
		time.Sleep(time.Hour)
		synctest.Wait()
		if got := errs.String(); got != "" {
			t.Errorf("said %q", got)
		}
	})
}

func TestProgressSpeaksWhenItTakesLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var errs shared
		p := newProgress(testWorld(nil, &errs))
		p.seen(step{Task: "ts001", State: "started", PID: 1})
		time.Sleep(patience)
		synctest.Wait()
		if got, want := errs.String(), "ts001 started (pid 1)\n"; got != want {
			t.Errorf("said %q, want %q", got, want)
		}
		p.seen(step{Task: "ts001", State: "started", PID: 1}) // as before: not again
		p.seen(step{Task: "ts002", State: "failed", PID: 2, Reason: "exited with code 3"})
		p.end()
		p.seen(step{Task: "ts003", State: "started"})
		if got, want := errs.String(), "ts001 started (pid 1)\nts002 failed: exited with code 3\n"; got != want {
			t.Errorf("said %q, want %q", got, want)
		}
	})
}
