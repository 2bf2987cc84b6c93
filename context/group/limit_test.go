package group

import (
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"zmicroservices/conf"
	"zmicroservices/context/event"
)

// limited gives a task service a limit for each action.
func limited(t *conf.Task) *conf.Task {
	for _, action := range []string{"restart", "stop", "notify"} {
		t.Limits = append(t.Limits, conf.Limit{Measure: conf.RSS, RSS: 4e8, Action: action})
	}
	return t
}

const (
	toRestart = iota
	toStop
	toNotify
)

func randomLimits(rt *rapid.T, tasks []*conf.Task) {
	for _, t := range tasks {
		if rapid.IntRange(0, 2).Draw(rt, "limits") == 0 {
			limited(t)
		}
	}
}

// judged is the judge of costs: it may only be asked about a process that runs, once.
func (w *world) judged(e Limit) {
	p := w.procs[e.Ref.Task]
	if p == nil || p.ref != e.Ref || !p.spawned || w.limited[e.Ref] || len(e.Task.Limits) == 0 {
		w.t.Fatalf("%s is judged, and there is %+v", e.Ref, p)
	}
	w.limited[e.Ref] = true
}

// exceed is the judgement that one is beyond a limit.
func (w *world) exceed(id event.TaskID, limit int) {
	if p := w.procs[id]; p != nil && w.limited[p.ref] {
		w.step(event.Exceeded{Ref: p.ref, Limit: limit, Reason: beyond})
	}
}

const beyond = "rss 412 MB > 400 MB for 30s"

func TestAServiceBeyondItsLimitIsRestarted(t *testing.T) {
	w := newWorld(t, options())
	w.ask(asks(Start, limited(command("leak"))))
	if len(w.limited) != 0 {
		t.Fatal("there is nothing to judge yet")
	}
	w.spawn("leak")
	w.take()
	first := w.procs["leak"].ref
	w.exceed("leak", toRestart)
	if len(w.limited) != 0 {
		t.Error("it is to end, and is judged on")
	}
	w.step(event.Exceeded{Ref: first, Limit: toRestart, Reason: beyond}) // too late
	w.dies("leak", event.Exit{Signal: "SIGTERM"})
	w.spawn("leak")
	v := w.tx.View().Task("leak")
	if v.State != event.Started || v.Incarnation != 2 || v.Restarts != 1 || v.Cause.Origin != event.ByLimit || v.Cause.By != beyond {
		t.Errorf("view %+v", v)
	}
	if got := strings.Join(w.take(), ", "); got != "process restart leak, process stop leak, control stopped leak, process start leak, control started leak" {
		t.Errorf("said %s", got)
	}
	if n := slices.IndexFunc(w.changes, func(c event.Change) bool { return c.Event == "limit exceeded" && c.Reason == beyond }); n < 0 {
		t.Errorf("no change tells of it: %+v", w.changes)
	}
}

func TestAServiceBeyondItsLimitIsStoppedAndStaysDown(t *testing.T) {
	w := newWorld(t, options())
	w.ask(asks(Start, limited(policy(command("leak"), "always"))))
	w.spawn("leak")
	w.exceed("leak", toStop)
	w.dies("leak", event.Exit{Signal: "SIGTERM"})
	w.settle()
	if v := w.tx.View().Task("leak"); v.State != event.Stopped || v.Wanted || v.Cause.By != beyond {
		t.Errorf("view %+v", v)
	}
}

func TestAServiceBeyondItsLimitIsAnUpdateThatTransitionsCanUse(t *testing.T) {
	w := newWorld(t, options())
	w.ask(asks(Start, limited(command("leak", on("on_update", "start", "helper"))), command("helper")))
	w.spawn("leak")
	w.spawn("helper")
	w.ask(asks(Stop, command("helper")))
	w.dies("helper", event.Exit{})
	w.take()
	w.exceed("leak", toNotify)
	w.spawn("helper")
	if got := strings.Join(w.take(), ", "); got != "control updated leak, process start helper, control started helper" {
		t.Errorf("said %s", got)
	}
	if v := w.tx.View().Task("leak"); v.State != event.Started || v.Incarnation != 1 {
		t.Errorf("view %+v", v)
	}
	if v := w.tx.View().Task("helper"); !w.leadsTo(v.Cause, event.ByLimit) {
		t.Errorf("cause of the helper: %+v", v.Cause)
	}
}

func TestALimitThatCannotBeKeptIsAStorm(t *testing.T) {
	o := options()
	o.Transitions.Intensity = 3
	w := newWorld(t, o)
	w.ask(asks(Start, limited(command("leak"))))
	w.spawn("leak")
	for range 5 {
		if w.exceed("leak", toRestart); w.procs["leak"].dying {
			w.dies("leak", event.Exit{})
			w.spawn("leak")
		}
	}
	if v := w.tx.View().Task("leak"); v.Restarts != 3 || v.State != event.Started {
		t.Errorf("view %+v", v)
	}
}

func TestCostsAreJudgedOnByTheNextProvider(t *testing.T) {
	w := newWorld(t, options())
	w.ask(asks(Start, limited(command("leak"))))
	w.settle()
	w.crash()
	if len(w.limited) != 1 {
		t.Error("nobody judges them")
	}
}
