package group

import (
	"testing"
	"time"

	"zmicroservices/conf"
	"zmicroservices/context/event"
)

func policy(t *conf.Task, name string) *conf.Task {
	t.Process.Restart = conf.DefaultProcess().Restart
	t.Process.Restart.Policy = name
	t.Process.Restart.Jitter = 0
	return t
}

// dies ends a task service's process; what the policy does about it follows.
func (w *world) dies(id event.TaskID, e event.Exit) {
	w.exit(id, e)
	w.leave(id)
}

func TestAPolicyRestartsAtOnceAndThenBacksOff(t *testing.T) {
	w := newWorld(t, options())
	w.step(asks(Start, policy(command("ts001"), "on-failure")))
	w.spawn("ts001")
	for n, pause := range []time.Duration{0, 100, 200, 400, 800} {
		w.dies("ts001", event.Exit{Code: 1})
		if pause > 0 {
			if w.procs["ts001"] != nil {
				t.Fatalf("death %d: restarted at once", n)
			}
			w.tick(pause*time.Millisecond - 1)
			if w.procs["ts001"] != nil {
				t.Fatalf("death %d: restarted too early", n)
			}
			w.tick(1)
		}
		if w.procs["ts001"] == nil {
			t.Fatalf("death %d: not restarted after %v", n, pause*time.Millisecond)
		}
		w.spawn("ts001")
		if c := w.tx.View().Task("ts001").Cause; c.Origin != event.ByPolicy || c.Parent == 0 {
			t.Errorf("death %d: cause %+v", n, c)
		}
	}
	w.dies("ts001", event.Exit{Code: 1}) // the sixth within the window: it gives up, but not for ever
	w.tick(time.Minute)
	if v := w.tx.View().Task("ts001"); v.State != event.Failed || w.procs["ts001"] != nil {
		t.Fatalf("it did not give up: %s", v.State)
	}
	if c := w.changes[len(w.changes)-1]; c.Event != "gave up" || c.Reason == "" || c.Cause.Parent == 0 {
		t.Errorf("giving up was not told: %+v", c)
	}
	w.tick(4 * time.Minute)
	if w.procs["ts001"] == nil {
		t.Error("it gave up for ever")
	}
}

func TestAServiceThatLivedIsRestartedAtOnce(t *testing.T) {
	w := newWorld(t, options())
	w.step(asks(Start, policy(command("ts001"), "on-failure")))
	w.spawn("ts001")
	for range 20 {
		w.tick(11 * time.Second)
		w.dies("ts001", event.Exit{Signal: "SIGSEGV"})
		if w.procs["ts001"] == nil {
			t.Fatal("it has to wait")
		}
		w.spawn("ts001")
	}
}

func TestWhichEndsAPolicyMends(t *testing.T) {
	for _, c := range []struct {
		policy  string
		success []int
		end     event.Exit
		again   bool
		state   event.State
	}{
		{"never", []int{0}, event.Exit{Code: 1}, false, event.Failed},
		{"on-failure", []int{0}, event.Exit{}, false, event.Stopped},
		{"on-failure", []int{0}, event.Exit{Code: 1}, true, event.Started},
		{"on-failure", []int{0, 3}, event.Exit{Code: 3}, false, event.Stopped},
		{"on-failure", []int{0, 3}, event.Exit{Signal: "SIGKILL"}, true, event.Started},
		{"always", []int{0}, event.Exit{}, true, event.Started},
	} {
		w := newWorld(t, options())
		task := policy(command("ts001"), c.policy)
		task.Process.Restart.Success = c.success
		w.step(asks(Start, task))
		w.spawn("ts001")
		w.dies("ts001", c.end)
		w.spawn("ts001")
		if got := w.state("ts001"); got != c.state {
			t.Errorf("%+v: it is %s", c, got)
		}
	}
}

func TestOnFailJoinsThePolicysRestart(t *testing.T) {
	w := newWorld(t, options())
	w.step(asks(Start, policy(command("ts001", on("on_fail", "restart", "ts001")), "on-failure")))
	w.spawn("ts001")
	w.dies("ts001", event.Exit{Code: 1})
	w.spawn("ts001")
	w.dies("ts001", event.Exit{Code: 1})
	if w.procs["ts001"] != nil {
		t.Fatal("on_fail did not wait for the policy's pause")
	}
	w.tick(100 * time.Millisecond)
	w.spawn("ts001")
	if len(w.launchd) != 3 || w.state("ts001") != event.Started {
		t.Errorf("launched %v, it is %s", w.launchd, w.state("ts001"))
	}
}

func TestAnOperatorGoesBeforeThePolicy(t *testing.T) {
	w := newWorld(t, options())
	task := policy(command("ts001"), "always")
	w.step(asks(Start, task))
	w.spawn("ts001")
	w.dies("ts001", event.Exit{})
	w.spawn("ts001")
	w.dies("ts001", event.Exit{}) // now it rests
	w.step(asks(Stop, task))
	w.tick(time.Hour)
	if w.procs["ts001"] != nil || w.state("ts001") != event.Stopped {
		t.Fatalf("a stop did not cancel the restart: it is %s", w.state("ts001"))
	}
	w.ask(asks(Start, task))
	w.spawn("ts001")
	w.dies("ts001", event.Exit{})
	w.spawn("ts001")
	w.dies("ts001", event.Exit{}) // it rests again
	w.ask(asks(Start, task))      // an operator does not wait
	if w.procs["ts001"] == nil {
		t.Error("an operator had to wait")
	}
	w.spawn("ts001")
	w.tick(time.Hour)
	if len(w.launchd) != 5 {
		t.Errorf("launched %v", w.launchd)
	}
}

// A keeper tells a new provider everything at once, also of what an earlier one
// started after a pause: the pause is over then.
func TestWhatAnEarlierProviderStartedAfterAPauseIsFollowed(t *testing.T) {
	w := newWorld(t, options())
	w.step(asks(Start, policy(command("ts001"), "always")))
	for range 2 { // early deaths: the first restart is at once, the second has a pause
		w.spawn("ts001")
		w.exit("ts001", event.Exit{Code: 1})
		w.leave("ts001")
	}
	v := w.tx.View().Task("ts001")
	if v.Present || v.Incarnation != 2 {
		t.Fatalf("it is %s in incarnation %d", v.State, v.Incarnation)
	}
	ref := event.Ref{Transaction: w.tx.View().Transaction, Task: "ts001", Incarnation: 3}
	w.step(event.Spawned{Ref: ref, PID: 4711})
	if v = w.tx.View().Task("ts001"); v.State != event.Started || v.PID != 4711 || v.Incarnation != 3 {
		t.Fatalf("it is %s with pid %d in incarnation %d", v.State, v.PID, v.Incarnation)
	}
	w.procs["ts001"].spawned = true // it was, before
	w.exit("ts001", event.Exit{Code: 1})
	w.leave("ts001")
	if v = w.tx.View().Task("ts001"); v.Present || v.State != event.Failed {
		t.Fatalf("it is %s, present %t", v.State, v.Present)
	}
}
