package group

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"zmicroservices/conf"
	"zmicroservices/context/event"
)

func expect(t *testing.T, w *world, want ...string) {
	t.Helper()
	if diff := cmp.Diff(want, w.take()); diff != "" {
		t.Errorf("said (-want +got):\n%s", diff)
	}
}

func (w *world) answered(t *testing.T, ok bool, reason string) {
	t.Helper()
	if len(w.answers) == 0 {
		w.tick(w.tx.opts.SettleTime)
	}
	if len(w.answers) != 1 {
		t.Fatalf("%d answers, want one: %+v", len(w.answers), w.answers)
	}
	a := w.answers[0]
	w.answers = nil
	if a.OK != ok || !strings.Contains(a.Reason, reason) {
		t.Errorf("answer %+v, want ok %v and a reason with %q", a, ok, reason)
	}
}

func TestACommandIsStartedAndStopped(t *testing.T) {
	w := newWorld(t, options())
	a := command("ts001")
	w.step(asks(Start, a))
	expect(t, w, "process start ts001")
	w.spawn("ts001")
	expect(t, w, "control started ts001")
	w.answered(t, true, "")
	w.step(asks(Stop, a))
	expect(t, w, "process stop ts001")
	w.exit("ts001", event.Exit{Signal: "SIGTERM"})
	expect(t, w) // stopped only when nothing is left
	w.leave("ts001")
	expect(t, w, "control stopped ts001")
	w.answered(t, true, "")
}

func TestAFirstWordMayBeFasterThanTheKeepers(t *testing.T) {
	w := newWorld(t, options())
	a := service("ts001")
	w.step(asks(Start, a))
	expect(t, w, "process start ts001")
	w.speak("ts001", "started", "success")
	w.spawn("ts001")
	w.answered(t, true, "")
	for _, c := range w.changes {
		if c.Event == "refused" {
			t.Errorf("refused: %+v", c)
		}
	}
	if v := w.tx.View().Task("ts001"); v.State != event.Started || v.PID == 0 {
		t.Errorf("it is %s with pid %d", v.State, v.PID)
	}
}

func TestARestartWaitsForTheOldProcess(t *testing.T) {
	w := newWorld(t, options())
	a := service("ts001")
	w.step(asks(Start, a))
	w.settle()
	w.take()
	w.answers = nil
	w.step(asks(Restart, a))
	expect(t, w, "process stop ts001")
	w.speak("ts001", "stopped", "success")
	w.exit("ts001", event.Exit{})
	expect(t, w, "control stopped ts001")
	w.leave("ts001")
	expect(t, w, "process start ts001")
	w.spawn("ts001")
	w.speak("ts001", "started", "success")
	expect(t, w, "control started ts001")
	w.answered(t, true, "")
}

// SIGKILL does not end a process in uninterruptible sleep: whoever asks hears its pid.
func TestWhoSurvivesTheEndIsNamed(t *testing.T) {
	w := newWorld(t, options())
	a := service("ts001")
	w.step(asks(Start, a))
	w.settle()
	w.take()
	w.answers = nil
	w.step(asks(Stop, a))
	ref := w.procs["ts001"].ref
	delete(w.procs, "ts001") // as far as the keeper can tell
	w.step(event.Gone{Ref: ref, Survivors: []int{4711}})
	w.answered(t, false, "ts001: processes [4711] could not be ended")
	if v := w.tx.View().Task("ts001"); !strings.Contains(v.Reason, "[4711] could not be ended") {
		t.Errorf("it is %s: %q", v.State, v.Reason)
	}
}

func TestARestartOfAnEndedServiceSaysStopAndStart(t *testing.T) {
	w := newWorld(t, options())
	a := service("ts001")
	w.step(asks(Start, a))
	w.spawn("ts001")
	w.speak("ts001", "started", "success")
	w.speak("ts001", "stopped", "success")
	w.exit("ts001", event.Exit{})
	w.leave("ts001")
	w.take()
	w.step(asks(Restart, a))
	expect(t, w, "process stop ts001", "process start ts001")
}

func TestAServiceThatHasSaidStoppedIsNotToldToStopWithAllOthers(t *testing.T) {
	w := newWorld(t, options())
	w.step(asks(Start, service("ts001")))
	w.step(asks(Start, service("ts002")))
	w.settle()
	w.speak("ts001", "stopped", "success") // and has not ended yet
	w.take()
	w.step(Asked{Action: Exit, All: true, Cause: event.Cause{Origin: event.ByShutdown}})
	w.settle()
	expect(t, w, "process stop ts002", "control stopped ts002")
}

func TestAKilledServiceFailsAtOnceAndItsTransitionRestartsIt(t *testing.T) {
	w := newWorld(t, options())
	a := service("ts001", on("on_fail", "restart", "ts001"))
	w.step(asks(Start, a))
	w.settle()
	w.take()
	w.exit("ts001", event.Exit{Signal: "SIGKILL"})
	expect(t, w, "control failed ts001", "process restart ts001", "process stop ts001")
	w.leave("ts001")
	expect(t, w, "process start ts001")
	w.settle()
	if s := w.state("ts001"); s != event.Started {
		t.Errorf("it is %s", s)
	}
}

func TestAFailedStartIsSaidAndFiresOnFail(t *testing.T) {
	w := newWorld(t, options())
	a := command("ts001", on("on_fail", "start", "ts002"))
	b := command("ts002")
	w.step(asks(Start, waiting(b)))
	w.take()
	w.answers = nil
	w.step(asks(Start, a))
	w.refuseSpawn("ts001")
	expect(t, w, "process start ts001", "control started ts001", "process start ts002")
	w.answered(t, false, "no such file")
}

func TestEveryTransitionFires(t *testing.T) {
	for trigger, pull := range map[string]func(*world){
		"on_start":  func(*world) {},
		"on_update": func(w *world) { w.speak("ts001", "updated", "success") },
		"on_fail":   func(w *world) { w.speak("ts001", "failed", "success") },
		"on_exit": func(w *world) {
			w.exit("ts001", event.Exit{})
			w.leave("ts001")
		},
	} {
		t.Run(trigger, func(t *testing.T) {
			w := newWorld(t, options())
			b := waiting(command("ts002"))
			w.step(asks(Start, service("ts001", on(trigger, "start", "ts002")), b))
			w.spawn("ts001")
			w.speak("ts001", "started", "success")
			if trigger != "on_start" && w.state("ts002") != event.Created {
				t.Fatalf("ts002 is %s before the trigger", w.state("ts002"))
			}
			pull(w)
			w.spawn("ts002")
			if s := w.state("ts002"); s != event.Started {
				t.Errorf("ts002 is %s", s)
			}
		})
	}
}

// As the watchdog gives notice of task services that fell silent.
func TestAnUpdateFiresWhereItHoldsWhatIsAskedFor(t *testing.T) {
	when := func(task string) conf.Transition {
		tr := on("on_update", "start", task)
		tr.When = "device_action=inactive result=success"
		return tr
	}
	for name, c := range map[string]struct {
		status map[string]any
		fires  []event.TaskID
	}{
		"nothing":             {nil, nil},
		"another word":        {map[string]any{"device_action": "active", "result": "success"}, nil},
		"one of two":          {map[string]any{"device_action": "inactive"}, nil},
		"both, about nobody":  {map[string]any{"device_action": "inactive", "result": "success"}, []event.TaskID{"ts002", "ts003"}},
		"both, about one":     {map[string]any{"device_action": "inactive", "result": "success", "task_id": "ts003"}, []event.TaskID{"ts003"}},
		"both, about another": {map[string]any{"device_action": "inactive", "result": "success", "task_id": "ts009"}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, options())
			w.step(asks(Start, service("ts001", when("ts002"), when("ts003")), waiting(command("ts002")), waiting(command("ts003"))))
			w.spawn("ts001")
			w.speak("ts001", "started", "success")
			w.step(event.Notice{Ref: w.procs["ts001"].ref, Action: "updated", Result: "success", Status: c.status})
			for _, id := range []event.TaskID{"ts002", "ts003"} {
				if fired := w.state(id) != event.Created; fired != slices.Contains(c.fires, id) {
					t.Errorf("%s is %s", id, w.state(id))
				}
			}
		})
	}
}

func TestOnExitFires(t *testing.T) {
	a := func() *conf.Task { return service("ts001", on("on_exit", "start", "ts002")) }
	b := waiting(command("ts002"))
	for name, c := range map[string]struct {
		end   func(*world)
		fires bool
	}{
		"at its own end":             {func(w *world) { w.exit("ts001", event.Exit{}) }, true},
		"at an operator's stop":      {func(w *world) { w.step(asks(Stop, a())) }, true},
		"not at a restart":           {func(w *world) { w.step(asks(Restart, a())) }, false},
		"not at a stop of the whole": {func(w *world) { w.step(asks(Stop)) }, false},
		"not at an exit":             {func(w *world) { w.step(asks(Exit)) }, false},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, options())
			w.step(asks(Start, a(), b, command("ts003")))
			w.settle()
			c.end(w)
			w.settle()
			if fired := w.state("ts002") == event.Started; fired != c.fires {
				t.Errorf("ts002 is %s", w.state("ts002"))
			}
		})
	}
}

func TestAnOperatorsStopIsNotUndoneByOnExit(t *testing.T) {
	w := newWorld(t, options())
	a := service("ts001", on("on_exit", "start", "ts001"))
	w.step(asks(Start, a))
	w.settle()
	w.step(asks(Stop, a))
	w.settle()
	if s := w.state("ts001"); s != event.Stopped {
		t.Errorf("it is %s", s)
	}
}

func TestAServiceThatWaitsIsRunByALaterStart(t *testing.T) {
	w := newWorld(t, options())
	a := waiting(service("ts001"))
	w.step(asks(Start, a))
	w.spawn("ts001")
	w.speak("ts001", "created", "success")
	w.answered(t, true, "")
	w.take()
	w.step(asks(Start, a))
	expect(t, w, "process start ts001")
	w.speak("ts001", "started", "success")
	w.answered(t, true, "")
	if len(w.launchd) != 1 {
		t.Errorf("launched %v, want one process", w.launchd)
	}
}

func TestAStartOfARunningServiceIsRefusedAndItsNeighbourRuns(t *testing.T) {
	w := newWorld(t, options())
	a, b := command("ts001"), command("ts002")
	w.step(asks(Start, a))
	w.settle()
	w.answers = nil
	w.step(asks(Start, a, b))
	w.settle()
	w.answered(t, false, "ts001: it is already started")
	if s := w.state("ts002"); s != event.Started {
		t.Errorf("ts002 is %s", s)
	}
}

func TestServicesStopOneAfterTheOtherAndASlowOneDoesNotHoldTheRest(t *testing.T) {
	w := newWorld(t, options())
	a, b, c := service("ts001"), service("ts002"), service("ts003")
	w.step(asks(Start, a, b, c))
	w.settle()
	w.take()
	w.step(asks(Exit))
	expect(t, w, "process stop ts001")
	w.speak("ts001", "stopped", "success")
	expect(t, w, "control stopped ts001", "process stop ts002")
	w.tick(stopPace) // ts002 says nothing
	expect(t, w, "process stop ts003")
}

func TestCommandsStopTogether(t *testing.T) {
	w := newWorld(t, options())
	w.step(asks(Start, command("ts001"), command("ts002")))
	w.settle()
	w.take()
	w.step(asks(Exit))
	expect(t, w, "process stop ts001", "process stop ts002")
}

func TestAServiceThatNeverSaysStartedIsAFailedStart(t *testing.T) {
	w := newWorld(t, options())
	w.step(asks(Start, service("ts001")))
	w.spawn("ts001")
	w.take()
	w.tick(30 * time.Second)
	expect(t, w, "control started ts001", "process stop ts001")
	w.answered(t, false, "within 30s")
	if v := w.tx.View().Task("ts001"); v.Action != "stop" || v.State != event.Failed {
		t.Errorf("the view says %s %s", v.Action, v.State)
	}
}

func TestAServiceThatHearsTheBusIsSignalledLater(t *testing.T) {
	w := newWorld(t, options())
	a := service("ts001")
	w.step(asks(Start, a))
	w.spawn("ts001")
	w.speak("ts001", "started", "success")
	w.step(asks(Stop, a))
	if w.procs["ts001"].dying {
		t.Fatal("signalled at once")
	}
	w.tick(500 * time.Millisecond)
	if !w.procs["ts001"].dying {
		t.Fatal("never signalled")
	}
}

func TestAStormEnds(t *testing.T) {
	o := options()
	o.Transitions = conf.Transitions{Intensity: 5, Window: 10 * time.Second}
	w := newWorld(t, o)
	a := command("ts001", on("on_exit", "start", "ts002"))
	b := command("ts002", on("on_exit", "start", "ts001"))
	w.step(asks(Start, a))
	w.step(asks(Start, b))
	w.settle()
	w.answers, w.launchd = nil, nil
	w.step(asks(Stop, b)) // its on_exit finds ts001 running
	w.settle()
	w.answers = nil
	for range 100 {
		for _, id := range w.ids() {
			w.exit(id, event.Exit{})
			w.leave(id)
		}
		for _, id := range w.ids() {
			w.spawn(id)
		}
		w.now = w.now.Add(time.Millisecond)
	}
	if n := len(w.launchd); n == 0 || n > 5 {
		t.Errorf("%d launches", n)
	}
	w.answered(t, false, "transition storm")
}

func TestAServiceThatHasRecoveredHasNoReasonToHaveFailed(t *testing.T) {
	w := newWorld(t, options())
	w.step(asks(Start, service("ts001")))
	w.spawn("ts001")
	w.speak("ts001", "started", "success")
	w.speak("ts001", "failed", "failure")
	if v := w.tx.View().Task("ts001"); v.State != event.Failed || v.Reason == "" {
		t.Fatalf("%+v", v)
	}
	w.speak("ts001", "started", "success")
	if v := w.tx.View().Task("ts001"); v.State != event.Started || v.Reason != "" {
		t.Errorf("%+v", v)
	}
}

func TestADeadIncarnationChangesNothing(t *testing.T) {
	w := newWorld(t, options())
	a := command("ts001")
	w.step(asks(Start, a))
	w.settle()
	dead := w.launchd[0]
	w.step(asks(Restart, a))
	w.settle()
	before := w.tx.View().Task("ts001")
	w.take()
	for _, e := range []event.Event{
		event.Exited{Ref: dead, Exit: event.Exit{Code: 1}}, event.Gone{Ref: dead},
		event.Notice{Ref: dead, Action: "failed"}, event.Spawned{Ref: dead, PID: 3},
		event.Deadline{Ref: dead, Kind: event.SignalDue},
	} {
		w.step(e)
	}
	expect(t, w)
	if after := w.tx.View().Task("ts001"); after.State != before.State || after.PID != before.PID {
		t.Errorf("%+v became %+v", before, after)
	}
	if c := w.changes[len(w.changes)-1]; c.Event != "ignored" || c.Reason == "" {
		t.Errorf("the late word was not recorded: %+v", c)
	}
}

func TestAStopOvertakesAPendingRestart(t *testing.T) {
	w := newWorld(t, options())
	a := command("ts001")
	w.step(asks(Start, a))
	w.settle()
	w.answers = nil
	w.step(asks(Restart, a))
	w.step(asks(Stop, a))
	w.settle()
	if s := w.state("ts001"); s != event.Stopped {
		t.Errorf("it is %s", s)
	}
	if len(w.answers) != 2 || w.answers[0].OK == w.answers[1].OK {
		t.Errorf("answers %+v", w.answers)
	}
}

func TestATransitionMayCallWhatTheFileDefines(t *testing.T) {
	o := options()
	o.Known = map[event.TaskID]*conf.Task{"ts002": waiting(service("ts002"))}
	w := newWorld(t, o)
	w.step(asks(Start, service("ts001", on("on_exit", "start", "ts002"))))
	w.spawn("ts001")
	w.speak("ts001", "started", "success")
	w.speak("ts001", "stopped", "success")
	expect(t, w, "process start ts001", "control started ts001", "control stopped ts001", "process start ts002")
	w.spawn("ts002")
	w.speak("ts002", "started", "success")
	if s := w.state("ts002"); s != event.Started {
		t.Errorf("ts002 is %s", s)
	}
}

func TestAServiceThatEndsAtOnceIsToldByTheAnswer(t *testing.T) {
	for name, c := range map[string]struct {
		end    func(*world)
		ok     bool
		reason string
	}{
		"its work is done": {func(w *world) {
			w.speak("ts001", "stopped", "success")
			w.exit("ts001", event.Exit{})
		}, true, ""},
		"it dies": {func(w *world) { w.exit("ts001", event.Exit{Code: 3}) }, false, "exited with code 3"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, options())
			w.step(asks(Start, service("ts001")))
			w.spawn("ts001")
			w.speak("ts001", "started", "success")
			if len(w.answers) > 0 {
				t.Fatalf("answered at once: %+v", w.answers)
			}
			c.end(w)
			w.answered(t, c.ok, c.reason)
		})
	}
}

func TestTheRefusalOfAStartUnderWayComesWhenThatIsOver(t *testing.T) {
	w := newWorld(t, options())
	a := service("ts001")
	w.ask(asks(Start, a))
	w.ask(asks(Start, a))
	if len(w.answers) > 0 {
		t.Fatalf("answered at once: %+v", w.answers)
	}
	w.spawn("ts001")
	w.speak("ts001", "started", "success")
	w.tick(w.tx.opts.SettleTime)
	if len(w.answers) != 2 || !w.answers[0].OK || w.answers[1].OK {
		t.Errorf("answers %+v", w.answers)
	}
}
