package group

import (
	"strings"
	"testing"
	"time"

	"zmicroservices/conf"
)

// A service that restarts itself whenever it has started: its start is answered
// once, and the storm is told once, with that answer or by itself.
func TestAStormThatARequestBeganIsToldOnceAndTheRequestAnsweredOnce(t *testing.T) {
	o := options()
	o.Transitions = conf.Transitions{Intensity: 5, Window: 10 * time.Second}
	w := newWorld(t, o)
	w.ask(asks(Start, command("ts001", on("on_start", "restart", "ts001"))))
	w.settle()
	if n := len(w.launchd); n != 6 {
		t.Errorf("%d launches, want the first and 5 restarts", n)
	}
	var answered, told int
	for _, a := range w.answers {
		if a.Request == "r1" {
			answered++
		}
		if !a.OK && strings.Contains(a.Reason, "ts001: transition storm") {
			told++
		}
	}
	if answered != 1 || told != 1 {
		t.Errorf("answered %d times, told %d times: %+v", answered, told, w.answers)
	}
}
