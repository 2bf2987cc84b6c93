package group

import (
	"testing"
	"time"

	"zmicroservices/conf"
)

// A service that restarts itself whenever it has started never gets to an answer
// before the storm is over: then there is one answer, and it tells of the storm.
func TestAStormThatARequestBeganIsToldWithItsAnswer(t *testing.T) {
	o := options()
	o.Transitions = conf.Transitions{Intensity: 5, Window: 10 * time.Second}
	w := newWorld(t, o)
	w.ask(asks(Start, command("ts001", on("on_start", "restart", "ts001"))))
	w.settle()
	if n := len(w.launchd); n != 6 {
		t.Errorf("%d launches, want the first and 5 restarts", n)
	}
	w.answered(t, false, "ts001: transition storm")
}
