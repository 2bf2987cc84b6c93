package group

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"zmicroservices/conf"
	"zmicroservices/context/event"
)

// mayStart holds a launch to what it depends on: that has come so far.
func (w *world) mayStart(l Launch) {
	if w.circles {
		return
	}
	for _, d := range l.Task.Process.Depends {
		id := event.TaskID(d.On)
		k := w.tx.byID[id]
		// At the end of the step it may run again: a later effect of the same step.
		done := k != nil && (k.completed() || w.at[id] == event.Stopped)
		started := w.at[id] == event.Started
		switch {
		case d.Until == "completed" && !done, d.Until == "ready" && !started, d.Until == "started" && !started && !done:
			w.t.Fatalf("%s was launched while %s, which it waits for until %s, is %s", l.Ref, id, d.Until, w.at[id])
		}
	}
}

// mayEnd holds an end at an exit to the order: whoever depends on it is gone.
func (w *world) mayEnd(e End) {
	if w.circles || !w.tx.done || e.Cause.Origin != event.ByOperator {
		return
	}
	for id, p := range w.procs {
		for _, d := range p.task.Process.Depends {
			if d.On == string(e.Ref.Task) && w.procs[e.Ref.Task] != nil && !w.procs[e.Ref.Task].dying {
				w.t.Fatalf("%s was told to end before %s, which depends on it, was gone", e.Ref, id)
			}
		}
	}
}

// after makes a task service depend on others: "ts001 until ready".
func after(t *conf.Task, depends ...string) *conf.Task {
	for _, d := range depends {
		on, until, _ := strings.Cut(d, " until ")
		t.Process.Depends = append(t.Process.Depends, conf.Depends{On: on, Until: until})
	}
	return t
}

func TestAStartWaitsForWhatItDependsOn(t *testing.T) {
	w := newWorld(t, options())
	db, app := service("db"), after(command("app"), "db until started")
	w.ask(asks(Start, app, db))
	if w.procs["app"] != nil || w.procs["db"] == nil {
		t.Fatalf("launched %v", w.launchd)
	}
	if v := w.tx.View().Task("app"); v.Waits != "waits for db until started" || v.State != event.Defined || !v.Wanted {
		t.Errorf("view %+v", v)
	}
	if len(w.answers) != 0 {
		t.Errorf("answered while one waits: %+v", w.answers)
	}
	w.spawn("db")
	if w.procs["app"] != nil {
		t.Fatal("it did not wait for the word started")
	}
	w.speak("db", "started", "success")
	w.spawn("app")
	w.tick(time.Second)
	if v := w.tx.View().Task("app"); v.State != event.Started || v.Waits != "" {
		t.Errorf("view %+v", v)
	}
	if len(w.answers) != 1 || !w.answers[0].OK {
		t.Errorf("answers %+v", w.answers)
	}
	if got := w.take(); !slices.Equal(got, []string{"process start db", "control started db", "process start app", "control started app"}) {
		t.Errorf("said %v", got)
	}
}

func TestAStartStartsWhatItDependsOn(t *testing.T) {
	o := options()
	c, b := command("c"), after(command("b"), "c until started")
	o.Known = map[event.TaskID]*conf.Task{"c": c, "b": b}
	w := newWorld(t, o)
	w.ask(asks(Start, after(command("a"), "b until started")))
	w.settle()
	for _, id := range []event.TaskID{"a", "b", "c"} {
		if w.state(id) != event.Started {
			t.Errorf("%s is %s", id, w.state(id))
		}
	}
	if c := w.tx.View().Task("c").Cause; c.Origin != event.ByDependency || c.Parent == 0 || c.Root == 0 || c.Request != "r1" {
		t.Errorf("cause of c: %+v", c)
	}
	if len(w.answers) != 1 || !w.answers[0].OK {
		t.Errorf("answers %+v", w.answers)
	}
}

func TestOneThatWaitsForItsStartIsStartedForAnother(t *testing.T) {
	w := newWorld(t, options())
	w.ask(asks(Start, waiting(command("b")), after(command("a"), "b until started"), after(command("x"), "y until ready"), waiting(service("y"))))
	for range 3 {
		w.spawn("y")
		w.speak("y", "created", "success")
	}
	w.settle()
	for _, id := range []event.TaskID{"a", "b", "x", "y"} {
		if id == "y" || id == "x" {
			w.speak("y", "started", "success")
			w.settle()
		}
		if w.state(id) != event.Started {
			t.Errorf("%s is %s", id, w.state(id))
		}
	}
}

func TestAFailedDependencyFailsTheStart(t *testing.T) {
	w := newWorld(t, options())
	w.ask(asks(Start, after(command("app", on("on_fail", "start", "other")), "db until ready"), service("db"), waiting(command("other"))))
	w.spawn("db")
	w.dies("db", event.Exit{Code: 3})
	v := w.tx.View().Task("app")
	want := "it depends on db, which failed: exited with code 3 before it said started"
	if v.State != event.Failed || v.Reason != want || v.Wanted || v.Waits != "" {
		t.Errorf("view %+v", v)
	}
	if len(w.answers) != 1 || w.answers[0].OK || w.answers[0].Tasks["app"] != want {
		t.Errorf("answers %+v", w.answers)
	}
	if w.state("other") != event.Starting {
		t.Error("on_fail did not fire")
	}
	if !slices.Contains(w.take(), "control started app") {
		t.Error("a failed start is said as started with result failure")
	}
}

func TestAPolicysRestartsAreWaitedFor(t *testing.T) {
	w := newWorld(t, options())
	w.ask(asks(Start, policy(service("db"), "on-failure"), after(command("app"), "db until ready")))
	for range 3 {
		w.spawn("db")
		w.dies("db", event.Exit{Code: 1})
		if w.state("app") != event.Defined {
			t.Fatalf("app is %s", w.state("app"))
		}
		w.tick(time.Second)
	}
	w.settle()
	if w.state("app") != event.Started {
		t.Errorf("app is %s", w.state("app"))
	}
}

func TestOneShotsComplete(t *testing.T) {
	w := newWorld(t, options())
	w.ask(asks(Start, command("migrate"), after(command("app"), "migrate until completed")))
	w.spawn("migrate")
	if w.state("app") != event.Defined {
		t.Fatal("it did not wait")
	}
	w.dies("migrate", event.Exit{})
	w.settle()
	v := w.tx.View()
	if !v.Task("migrate").Completed || v.Task("migrate").State != event.Stopped || w.state("app") != event.Started {
		t.Errorf("%+v\n%+v", v.Task("migrate"), v.Task("app"))
	}
	w.ask(asks(Start, command("other")))
	w.spawn("other")
	w.ask(asks(Stop, command("other")))
	w.settle()
	if w.tx.View().Task("other").Completed {
		t.Error("what was stopped has not completed")
	}
}

func TestWhatAnOperatorStoppedIsStartedByAnOperatorOnly(t *testing.T) {
	w := newWorld(t, options())
	db, app := command("db"), policy(after(command("app"), "db until started"), "on-failure")
	w.ask(asks(Start, db, app))
	w.settle()
	w.ask(asks(Stop, db))
	w.settle()
	if w.state("app") != event.Started {
		t.Fatal("a stop of one is a stop of one")
	}
	w.dies("app", event.Exit{Code: 1})
	w.settle()
	if v := w.tx.View().Task("app"); v.State != event.Failed || v.Reason != "it depends on db, which an operator stopped" || w.state("db") != event.Stopped {
		t.Errorf("view %+v", v)
	}
	w.ask(asks(Start, app))
	w.settle()
	if w.state("app") != event.Started || w.state("db") != event.Started {
		t.Errorf("app is %s, db %s", w.state("app"), w.state("db"))
	}
}

func TestWhoDependsOnOthersStopsBeforeThem(t *testing.T) {
	for _, all := range []func(...*conf.Task) Asked{
		func(tasks ...*conf.Task) Asked { return asks(Exit) },
		func(tasks ...*conf.Task) Asked { return asks(Stop, tasks...) },
	} {
		w := newWorld(t, options())
		tasks := []*conf.Task{
			command("a"), after(service("b"), "a until started"), after(command("c"), "b until started", "a until started"),
			after(service("d"), "a until started"),
		}
		w.ask(asks(Start, tasks...))
		w.settle()
		w.take()
		w.ask(all(tasks...))
		var order []string
		for range 100 {
			for _, id := range w.ids() {
				if p := w.procs[id]; p.dying || p.spoke && w.tx.byID[id].seen.ending {
					w.dies(id, event.Exit{})
					order = append(order, string(id))
				}
			}
			w.tick(100 * time.Millisecond)
		}
		at := func(id string) int { return slices.Index(order, id) }
		if len(order) != 4 || at("a") != 3 || at("c") > at("b") {
			t.Errorf("order %v", order)
		}
		if last := w.answers[len(w.answers)-1]; !last.OK {
			t.Errorf("answer %+v", last)
		}
	}
}

func TestARestartOfAllIsInOrderToo(t *testing.T) {
	w := newWorld(t, options())
	tasks := []*conf.Task{command("db"), after(command("app"), "db until started")}
	w.ask(asks(Start, tasks...))
	w.settle()
	w.ask(asks(Restart, tasks...))
	if w.procs["db"].dying || !w.procs["app"].dying {
		t.Fatal("db was told to end while app is there")
	}
	w.dies("app", event.Exit{Signal: "SIGTERM"})
	if !w.procs["db"].dying || w.procs["app"] != nil {
		t.Fatal("app came back before db")
	}
	w.settle()
	for _, id := range []event.TaskID{"db", "app"} {
		if v := w.tx.View().Task(id); v.State != event.Started || v.Incarnation != 2 {
			t.Errorf("view %+v", v)
		}
	}
}

func TestACircleOfTwoVersionsOfAFileHoldsNobodyForEver(t *testing.T) {
	w := newWorld(t, options())
	w.circles = true
	w.ask(asks(Start, after(command("a"), "b until started"), after(command("b"), "a until started"), after(command("c"), "c until ready")))
	w.settle()
	for _, id := range []event.TaskID{"a", "b", "c"} {
		if w.state(id) != event.Started {
			t.Errorf("%s is %s: %+v", id, w.state(id), w.tx.View().Task(id))
		}
	}
	w.ask(asks(Exit))
	w.settle()
	if !w.tx.Quiet() {
		t.Error("they hold each other")
	}
}

func TestAnUnknownDependencyIsNamed(t *testing.T) {
	w := newWorld(t, options())
	w.ask(asks(Start, after(command("a"), "ghost until started")))
	if v := w.tx.View().Task("a"); v.State != event.Failed || !strings.Contains(v.Reason, "ghost, which neither") {
		t.Errorf("view %+v", v)
	}
}

func TestALongChainStartsAndStops(t *testing.T) {
	w := newWorld(t, options())
	const n = 1000
	var tasks []*conf.Task
	for i := range n {
		task := command(fmt.Sprintf("ts%d", i))
		if i > 0 {
			after(task, fmt.Sprintf("ts%d until started", i-1))
		}
		tasks = append(tasks, task)
	}
	slices.Reverse(tasks)
	for _, e := range []Asked{asks(Start, tasks...), asks(Exit)} {
		effects := w.tx.Step(w.now, e)
		for len(effects) > 0 {
			var next []Effect
			for _, x := range effects {
				switch x := x.(type) {
				case Launch:
					next = append(next, w.tx.Step(w.now, event.Spawned{Ref: x.Ref, PID: 1})...)
				case End:
					next = append(next, w.tx.Step(w.now, event.Exited{Ref: x.Ref, Exit: event.Exit{}})...)
					next = append(next, w.tx.Step(w.now, event.Gone{Ref: x.Ref})...)
				case Answer:
					w.answers = append(w.answers, x.Outcome)
				}
			}
			effects = next
		}
	}
	if len(w.answers) != 2 || !w.answers[0].OK || !w.answers[1].OK || !w.tx.Quiet() {
		t.Errorf("%d answers", len(w.answers))
	}
}

// completeAll lets one-shots that others wait for end with success. What is
// started again each time it ends never completes: who waits for that is stopped.
func (w *world) completeAll() {
	for round := range 20 {
		busy := false
		for _, k := range w.tx.tasks {
			d := w.tx.unmet(k)
			if d == nil || !k.isHeld() || d.Until != "completed" {
				continue
			}
			busy = true
			if p := w.procs[event.TaskID(d.On)]; p != nil && p.spawned && round < 10 {
				w.dies(p.ref.Task, event.Exit{})
			} else {
				w.ask(asks(Stop, k.spec))
			}
			w.settle()
		}
		if !busy {
			return
		}
	}
}

func TestAKeeperThatIsAloneIsToldTheOrder(t *testing.T) {
	w := newWorld(t, options())
	ranks := map[string]int{}
	tasks := []*conf.Task{after(command("app"), "db until started"), command("db"), after(command("shell"), "app until started", "db until started"), command("other")}
	effects := w.tx.Step(w.now, asks(Start, tasks...))
	for len(effects) > 0 {
		var next []Effect
		for _, e := range effects {
			if l, ok := e.(Launch); ok {
				ranks[l.Task.ID] = l.Rank
				next = append(next, w.tx.Step(w.now, event.Spawned{Ref: l.Ref, PID: 1})...)
			}
		}
		effects = next
	}
	if len(ranks) != 4 || ranks["shell"] >= ranks["app"] || ranks["app"] >= ranks["db"] || ranks["other"] != ranks["db"] {
		t.Errorf("ranks %v: the lowest is stopped first", ranks)
	}
}
