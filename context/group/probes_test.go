package group

import (
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"zmicroservices/conf"
	"zmicroservices/context/event"
)

// with gives a task service probes: "readiness", "liveness notify".
func with(t *conf.Task, probes ...string) *conf.Task {
	for _, p := range probes {
		kind, what, _ := strings.Cut(p, " ")
		t.Process.Probes = append(t.Process.Probes, conf.Probe{Kind: kind, Notify: what == "notify", TCP: "127.0.0.1:1"})
	}
	return t
}

func randomProbes(rt *rapid.T, tasks []*conf.Task) {
	for _, t := range tasks {
		if rapid.Bool().Draw(rt, "probes") {
			continue
		}
		for _, kind := range []string{startup, readiness, readiness, liveness} {
			with(t, rapid.SampledFrom([][]string{nil, {kind}, {kind + " notify"}}).Draw(rt, "probe")...)
		}
	}
}

// watch is a prober: it may only be asked about a process that runs.
func (w *world) watch(e Watch) {
	p := w.procs[e.Ref.Task]
	if p == nil || p.ref != e.Ref || !p.spawned {
		w.t.Fatalf("%s is watched, and there is %+v", e.Ref, p)
	}
	w.watched[e.Ref] = map[int]bool{}
	for _, v := range e.Probes {
		w.watched[e.Ref][v.Probe] = v.OK
	}
}

// verdict is a change of one; a liveness probe that fails must lead to an end.
func (w *world) verdict(id event.TaskID, n int, ok bool) {
	p := w.procs[id]
	if p == nil {
		return
	}
	before, watched := w.watched[p.ref][n]
	if !watched || before == ok && p.task.Process.Probes[n].Kind != startup {
		return
	}
	w.watched[p.ref][n] = ok
	w.step(event.Probed{Ref: p.ref, Probe: n, OK: ok, Reason: "timed out 3 times"})
	kind := p.task.Process.Probes[n].Kind
	if kind == startup && w.tx.byID[id].probed(n) {
		return // a notice was faster than the failure
	}
	if k := w.tx.byID[id]; !ok && kind != readiness && k.seen.inc == p.ref.Incarnation && !k.seen.ending && w.procs[id] == p && !p.exited {
		w.t.Fatalf("its %s probe failed and %s goes on:\n%s", kind, p.ref, w.states())
	}
}

// tell is a notice of its own.
func (w *world) tell(id event.TaskID, n int) {
	p := w.procs[id]
	if p == nil || !p.spawned || p.exited {
		return
	}
	w.step(event.Notified{
		Ref: p.ref, Ready: n%2 == 0, Stopping: n%16 == 0, Status: []string{"", "busy"}[n/2%2], Overdue: n%8 == 7,
		Extend: time.Duration(n%2) * time.Second,
	})
}

// succeed lets what is watched and not well be well.
func (w *world) succeed(r event.Ref) bool {
	for n, ok := range w.watched[r] {
		if !ok {
			w.verdict(r.Task, n, true)
			return true
		}
	}
	return false
}

func TestStartedMeansReady(t *testing.T) {
	w := newWorld(t, options())
	w.ask(asks(Start, with(command("db"), "startup", "readiness", "liveness"), after(command("app"), "db until ready")))
	w.spawn("db")
	w.verdict("db", 1, true) // not asked for yet
	w.verdict("db", 2, false)
	if w.state("db") != event.Starting {
		t.Fatalf("db is %s", w.state("db"))
	}
	w.verdict("db", 0, true)
	if w.state("db") != event.Starting || w.tx.View().Task("db").Ready {
		t.Fatal("it is not ready yet")
	}
	w.verdict("db", 1, true)
	if v := w.tx.View().Task("db"); v.State != event.Started || !v.Ready {
		t.Fatalf("view %+v", v)
	}
	w.spawn("app")
	w.verdict("db", 1, false)
	if v := w.tx.View().Task("db"); v.State != event.Started || v.Ready || v.Reason != "its readiness probe timed out 3 times" {
		t.Errorf("view %+v", v)
	}
	if w.state("app") != event.Started {
		t.Error("who was started goes on")
	}
	w.verdict("db", 1, true)
	if v := w.tx.View().Task("db"); !v.Ready || v.Reason != "" {
		t.Errorf("view %+v", v)
	}
	if got := w.take(); !slices.Equal(got, []string{"process start db", "control started db", "process start app", "control started app"}) {
		t.Errorf("said %v", got)
	}
}

func TestAServiceThatAnnouncesItselfIsReadyBesideItsWord(t *testing.T) {
	w := newWorld(t, options())
	w.ask(asks(Start, with(service("db"), "readiness notify"), after(command("app"), "db until ready")))
	w.spawn("db")
	w.speak("db", "started", "success")
	if v := w.tx.View().Task("db"); v.State != event.Started || v.Ready {
		t.Fatalf("view %+v", v)
	}
	if v := w.tx.View().Task("app"); v.Waits != "waits for db until ready" {
		t.Fatalf("view %+v", v)
	}
	w.tell("db", 4)
	w.spawn("app")
	if w.state("app") != event.Started {
		t.Errorf("app is %s", w.state("app"))
	}
}

func TestAFailedLivenessProbeIsAFailureOfTheService(t *testing.T) {
	for _, policyName := range []string{"never", "on-failure"} {
		w := newWorld(t, options())
		w.ask(asks(Start, policy(with(command("frames", on("on_fail", "restart", "frames")), "liveness"), policyName)))
		w.spawn("frames")
		w.verdict("frames", 0, false)
		v := w.tx.View().Task("frames")
		if v.State != event.Failed || v.Reason != "its liveness probe timed out 3 times" || !w.procs["frames"].dying {
			t.Fatalf("view %+v", v)
		}
		if c := w.changes[len(w.changes)-1]; policyName != "never" && c.Event != "joined" {
			t.Errorf("on_fail did not join the policy: %+v", c)
		}
		w.dies("frames", event.Exit{Signal: "SIGTERM"})
		w.spawn("frames")
		v = w.tx.View().Task("frames")
		if v.State != event.Started || v.Incarnation != 2 || v.Reason != "" {
			t.Errorf("%s: view %+v", policyName, v)
		}
		if len(w.watched) != 1 {
			t.Errorf("%d are watched", len(w.watched))
		}
		if !w.leadsTo(v.Cause, event.ByProbe) {
			t.Errorf("no probe behind %+v", v.Cause)
		}
	}
}

// leadsTo says whether a chain of causes has one of an origin.
func (w *world) leadsTo(c event.Cause, origin event.Origin) bool {
	for c.Origin != origin {
		at := slices.IndexFunc(w.changes, func(x event.Change) bool { return x.Seq == c.Parent })
		if at < 0 {
			return false
		}
		c = w.changes[at].Cause
	}
	return true
}

func TestAFailedStartupProbeIsAFailedStart(t *testing.T) {
	w := newWorld(t, options())
	w.ask(asks(Start, with(command("db"), "startup")))
	w.spawn("db")
	w.verdict("db", 0, false)
	w.dies("db", event.Exit{Signal: "SIGTERM"})
	if len(w.answers) != 1 || w.answers[0].Tasks["db"] != "its startup probe timed out 3 times" {
		t.Errorf("answers %+v", w.answers)
	}
	if got := w.take(); !slices.Equal(got, []string{"process start db", "control started db", "process stop db"}) {
		t.Errorf("said %v", got)
	}
}

func TestReadinessOutlivesAProvider(t *testing.T) {
	w := newWorld(t, options())
	w.ask(asks(Start, with(command("db"), "startup", "readiness", "liveness")))
	w.settle()
	w.crash()
	if v := w.tx.View().Task("db"); !v.Ready {
		t.Errorf("view %+v", v)
	}
	if watched := w.watched[event.Ref{Transaction: w.tx.opts.Transaction, Task: "db", Incarnation: 1}]; len(watched) != 2 || !watched[1] {
		t.Errorf("watched %v", watched)
	}
}

func TestAWordOfItsOwn(t *testing.T) {
	w := newWorld(t, options())
	w.ask(asks(Start, with(command("db"), "liveness notify")))
	w.settle()
	w.step(event.Notified{Ref: w.procs["db"].ref, Status: "indexing"})
	if v := w.tx.View().Task("db"); v.Status != "indexing" || !v.Ready {
		t.Errorf("view %+v", v)
	}
	w.step(event.Notified{Ref: w.procs["db"].ref, Stopping: true, Overdue: true})
	if v := w.tx.View().Task("db"); v.Ready || v.State != event.Started || len(w.watched) != 0 {
		t.Errorf("view %+v", v)
	}
	w.dies("db", event.Exit{Code: 1})
	if w.state("db") != event.Failed {
		t.Error("that it was about to stop makes no success of a failure")
	}
}

func TestAServiceMayAskForMoreTimeToStart(t *testing.T) {
	w := newWorld(t, options())
	w.ask(asks(Start, service("late")))
	w.spawn("late")
	w.step(event.Notified{Ref: w.procs["late"].ref, Extend: time.Minute})
	w.tick(40 * time.Second)
	if w.state("late") != event.Starting {
		t.Error("it had asked for more time")
	}
	w.tick(40 * time.Second)
	if w.state("late") != event.Failed {
		t.Error("its time is over")
	}
}

func TestAServiceThatIsEndedForAFailureHasFailedHoweverItEnds(t *testing.T) {
	w := newWorld(t, options())
	w.ask(asks(Start, policy(with(service("frames"), "liveness"), "on-failure")))
	w.spawn("frames")
	w.speak("frames", "started", "success")
	w.verdict("frames", 0, false)
	w.speak("frames", "stopped", "success") // it hears the stop, and obeys
	if w.state("frames") != event.Failed {
		t.Fatalf("it is %s", w.state("frames"))
	}
	w.dies("frames", event.Exit{})
	w.spawn("frames")
	if v := w.tx.View().Task("frames"); v.Incarnation != 2 || v.State != event.Starting || !w.leadsTo(v.Cause, event.ByProbe) {
		t.Errorf("view %+v", v)
	}
}

// Whoever is never ready, and whoever said that it stops before it had started, does not
// stay in its start for ever.
func TestAStartThatNothingIsHeardOfIsOverdue(t *testing.T) {
	for name, c := range map[string]struct {
		probes []string
		before func(w *world)
		reason string
	}{
		"never ready":                 {[]string{"readiness", "liveness"}, func(*world) {}, "it was not ready within 30s"},
		"up, and never ready":         {[]string{"startup", "readiness"}, func(w *world) { w.verdict("db", 0, true) }, "it was not ready within 30s"},
		"stopping before it was up":   {[]string{"startup notify"}, stopping, "it said that it stops, had not started, and did not end within 30s"},
		"stopping before it is ready": {[]string{"readiness notify"}, stopping, "it said that it stops, had not started, and did not end within 30s"},
	} {
		for _, crash := range []bool{false, true} {
			w := newWorld(t, options())
			w.ask(asks(Start, with(command("db"), c.probes...)))
			w.spawn("db")
			c.before(w)
			if crash {
				w.crash()
			}
			if w.state("db") != event.Starting {
				t.Fatalf("%s: it is %s", name, w.state("db"))
			}
			w.tick(31 * time.Second)
			if v := w.tx.View().Task("db"); v.State != event.Failed || v.Reason != c.reason {
				t.Errorf("%s, crash %v: %s, %q", name, crash, v.State, v.Reason)
			}
		}
	}
	// A startup probe takes its own time.
	w := newWorld(t, options())
	w.ask(asks(Start, with(command("db"), "startup", "readiness")))
	w.spawn("db")
	w.tick(time.Minute)
	if w.state("db") != event.Starting {
		t.Errorf("it is %s", w.state("db"))
	}
}

func stopping(w *world) {
	w.step(event.Notified{Ref: w.procs["db"].ref, Stopping: true})
}
