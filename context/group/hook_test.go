package group

import (
	"strings"
	"testing"

	"zmicroservices/conf"
	"zmicroservices/context/event"
)

func TestPostStartIsAskedForWhenAServiceHasStarted(t *testing.T) {
	w := newWorld(t, options())
	a := service("ts001")
	a.Process.Hooks = []conf.Hook{{On: "post_start"}}
	w.step(asks(Start, a))
	w.spawn("ts001")
	if len(w.hooks) != 0 {
		t.Errorf("asked for before it has started: %v", w.hooks)
	}
	w.speak("ts001", "started", "success")
	w.speak("ts001", "started", "success") // said again after a reconnect
	if len(w.hooks) != 1 || w.hooks[0].Task != "ts001" {
		t.Errorf("asked for %v", w.hooks)
	}
}

// The keeper runs the hook before it signals, and has to hear of the stop before the
// service does: else that has ended by itself, and there is nothing to run it before.
func TestAPreStopHookComesBeforeAnyWordOfTheEnd(t *testing.T) {
	w := newWorld(t, options())
	a := service("ts001")
	a.Process.Hooks = []conf.Hook{{On: "pre_stop"}}
	w.step(asks(Start, a))
	w.spawn("ts001")
	w.speak("ts001", "started", "success")
	var order []string
	for _, e := range w.tx.Step(w.now, asks(Stop, a)) {
		switch e := e.(type) {
		case End:
			order = append(order, "end")
		case SayProcess:
			order = append(order, "say "+string(e.Action))
		case Wake:
			order = append(order, "wake")
		}
	}
	if got := strings.Join(order, ", "); !strings.HasPrefix(got, "end, say stop") || strings.Contains(got, "wake") {
		t.Errorf("effects: %s", got)
	}
}

func TestTheEndOfAHookIsRecordedAndChangesNothing(t *testing.T) {
	w := newWorld(t, options())
	a := command("ts001")
	w.step(asks(Start, a))
	w.spawn("ts001")
	before := w.tx.View().Task("ts001")
	ref := event.Ref{Transaction: w.tx.opts.Transaction, Task: "ts001", Incarnation: 1}
	w.step(event.HookEnded{Ref: ref, Turn: "post_start", Failure: "it exited with code 3"})
	last := w.changes[len(w.changes)-1]
	if last.Event != "hook post_start failed" || last.Reason != "it exited with code 3" || last.From != last.To || last.Cause.Origin != event.ByOperator {
		t.Errorf("recorded %+v", last)
	}
	after := w.tx.View().Task("ts001")
	if after.State != before.State || after.Reason != before.Reason || after.Cause != before.Cause {
		t.Errorf("from %+v to %+v", before, after)
	}
	ref.Incarnation = 9
	w.step(event.HookEnded{Ref: ref, Turn: "post_stop"})
	if last := w.changes[len(w.changes)-1]; last.Event != "ignored" {
		t.Errorf("recorded %+v", last)
	}
}
