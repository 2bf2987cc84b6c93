package group

import (
	"testing"

	"zmicroservices/context/event"
)

func TestWhoEndsWithSuccessHasCompleted(t *testing.T) {
	tests := []struct {
		name      string
		policy    string
		exit      event.Exit
		completed bool
	}{
		{"status 0", "never", event.Exit{}, true},
		{"a status that its policy counts as success", "on-failure", event.Exit{Code: 2}, true},
		{"a failure", "never", event.Exit{Code: 3}, false},
		{"a signal", "never", event.Exit{Signal: "SIGKILL"}, false},
		{"status 0 of what always runs", "always", event.Exit{}, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t, options())
			task := policy(command("ts001"), tt.policy)
			task.Process.Restart.Success = []int{0, 2}
			w.ask(asks(Start, task))
			w.spawn("ts001")
			w.dies("ts001", tt.exit)
			v := w.tx.View().Task("ts001")
			if v.Completed != tt.completed {
				t.Errorf("completed %v in state %s", v.Completed, v.State)
			}
			if tt.completed && (v.State != event.Stopped || v.Wanted || v.Exit == nil || *v.Exit != tt.exit) {
				t.Errorf("%+v", v)
			}
		})
	}
}

func TestAOneShotRunsUntilItSucceeds(t *testing.T) {
	w := newWorld(t, options())
	w.step(asks(Start, policy(command("ts001"), "on-failure")))
	for range 3 {
		w.spawn("ts001")
		w.dies("ts001", event.Exit{Code: 1})
		w.settle() // its pause passes
	}
	w.dies("ts001", event.Exit{})
	w.settle()
	if v := w.tx.View().Task("ts001"); !v.Completed || v.Restarts != 3 || len(w.procs) != 0 {
		t.Errorf("completed %v after %d restarts, processes %v", v.Completed, v.Restarts, w.procs)
	}
}

func TestOnlyAnEndOfItsOwnCompletes(t *testing.T) {
	w := newWorld(t, options())
	task := command("ts001")
	w.ask(asks(Start, task))
	w.spawn("ts001")
	w.step(asks(Stop, task))
	w.dies("ts001", event.Exit{}) // it takes the signal for a reason to end well
	if w.tx.View().Task("ts001").Completed {
		t.Error("one that an operator stopped has completed")
	}
}

func TestWhatHasCompletedStaysSoAfterACrash(t *testing.T) {
	w := newWorld(t, options())
	task := command("ts001")
	w.ask(asks(Start, task))
	w.spawn("ts001")
	w.dies("ts001", event.Exit{})
	w.crash()
	w.settle()
	if v := w.tx.View().Task("ts001"); !v.Completed || len(w.procs) != 0 || v.Exit == nil {
		t.Errorf("after a crash: %+v, processes %v", v, w.procs)
	}
	w.ask(asks(Start, task))
	w.settle()
	if v := w.tx.View().Task("ts001"); v.Completed || v.State != event.Started {
		t.Errorf("a new start: %+v", v)
	}
}
