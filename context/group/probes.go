package group

import (
	"fmt"
	"slices"
	"time"

	"zmicroservices/conf"
	"zmicroservices/context/event"
	"zmicroservices/context/machine"
)

// Watch asks for the verdicts of some probes of a process, as event.Probed, in
// place of those that were asked for before. Only changes of a verdict are wanted,
// beginning with what Probes say.
type Watch struct {
	Ref    event.Ref
	Task   *conf.Task
	Probes []Verdict
	Object map[string]any // as the service was told it
	Cause  event.Cause
	Began  time.Time // of the process, wall clock: lines of its log before are another's
}

// Verdict is how a probe stands: its place in Task.Process.Probes.
type Verdict struct {
	Probe int
	OK    bool
}

// Unwatch asks for no more verdicts about a process, neither of probes nor of what it
// publishes.
type Unwatch struct{ Ref event.Ref }

func (Watch) effect()   {}
func (Unwatch) effect() {}

// watching is how far the probes of an incarnation have come.
type watching uint8

const (
	watchNone    watching = iota
	watchStartup          // only these: a service that is slow to start is neither ready nor hung
	watchAll              // readiness and liveness
)

// The kinds of probe, as in the file.
const (
	startup   = "startup"
	readiness = "readiness"
	liveness  = "liveness"
)

// passed says that all probes of a kind agree; true if there are none.
func (k *task) passed(kind string) bool {
	for i, p := range k.spec.Process.Probes {
		if p.Kind == kind && !k.probed(i) {
			return false
		}
	}
	return true
}

func (k *task) probed(i int) bool { return i < len(k.seen.probes) && k.seen.probes[i] }

// judge notes a verdict. The slice is another one: the last is in a Save.
func (k *task) judge(i int, ok bool) {
	probes := make([]bool, len(k.spec.Process.Probes))
	copy(probes, k.seen.probes)
	probes[i] = ok
	k.seen.probes = probes
}

// ready says that it is started, and fit for what depends on it.
func (k *task) ready() bool {
	return k.seen.state == event.Started && k.passed(startup) && k.passed(readiness) && !k.seen.leaves
}

// probing says that verdicts about the process mean something.
func (k *task) probing() bool {
	return len(k.spec.Process.Probes) > 0 && k.judged()
}

// judged says that there is a process of which something is wanted.
func (k *task) judged() bool {
	s := &k.seen
	return s.present && s.made && !s.ending && s.exit == nil && !s.leaves && !s.saidStopped
}

// watch begins what is due of k's probes: those of startup with the process, the
// rest when they have succeeded. Of a service that announces itself the rest begins
// with its word `started`.
func (t *Transaction) watch(k *task) {
	t.expect(k)
	t.limit(k)
	if !k.probing() {
		return
	}
	s := &k.seen
	switch {
	case !k.passed(startup):
		if s.watching == watchNone {
			s.watching = watchStartup
			t.emitWatch(k, startup)
		}
	case s.watching != watchAll && (!k.self() || s.state == event.Started):
		s.watching = watchAll
		t.emitWatch(k, readiness, liveness)
		if s.state == event.Starting && !k.passed(readiness) {
			t.wake(k, t.opts.StartTimeout, event.StartOverdue) // a startup probe is how to ask for more
		}
	}
}

func (t *Transaction) emitWatch(k *task, kinds ...string) {
	w := Watch{Ref: k.ref(t.opts.Transaction), Task: k.spec, Object: k.seen.object, Cause: k.want.cause, Began: k.seen.began}
	for i, p := range k.spec.Process.Probes {
		if slices.Contains(kinds, p.Kind) && (p.Kind != startup || !k.probed(i)) {
			w.Probes = append(w.Probes, Verdict{i, k.probed(i) || p.Kind == liveness})
		}
	}
	t.emit(w)
}

func (t *Transaction) unwatch(k *task) {
	if k.seen.watching != watchNone || k.seen.owing || k.seen.limited {
		k.seen.watching, k.seen.owing, k.seen.limited = watchNone, false, false
		t.emit(Unwatch{k.ref(t.opts.Transaction)})
	}
}

// unstarted says what has not come of a start.
func (k *task) unstarted() string {
	switch {
	case k.seen.leaves:
		return "it said that it stops, had not started, and did not end"
	case k.self():
		return "it did not say started"
	default:
		return "it was not ready"
	}
}

// begun says started in the name of a service that does not announce itself, as
// soon as it is ready.
func (t *Transaction) begun(k *task) {
	if k.seen.state == event.Starting && k.seen.made && !k.self() && k.passed(startup) && k.passed(readiness) {
		t.apply(k, machine.Ready, t.wanted(k))
	}
}

// probed takes the verdict of a probe. One that comes late means nothing.
func (t *Transaction) probed(e event.Probed) {
	k := t.byID[e.Task]
	if k == nil || e.Incarnation != k.seen.inc || !k.probing() || e.Probe < 0 || e.Probe >= len(k.spec.Process.Probes) {
		return
	}
	kind := k.spec.Process.Probes[e.Probe].Kind
	s := &k.seen
	c := event.Cause{Origin: event.ByProbe, By: kind, Parent: s.start, Root: s.root}
	if e.OK {
		if kind == liveness || k.probed(e.Probe) {
			return
		}
		k.judge(e.Probe, true)
		if s.state != event.Failed {
			s.reason = ""
		}
		t.record(k, s.state, "probe succeeded", c, "its "+kind+" probe succeeded")
		t.watch(k)
		t.begun(k)
		return
	}
	why := "its " + kind + " probe " + orElse(e.Reason, "failed")
	switch {
	case kind != readiness:
		if kind == startup && k.probed(e.Probe) {
			return // it has succeeded meanwhile
		}
		s.reason = why
		t.apply(k, machine.ProbeFailed, c)
	case k.probed(e.Probe):
		k.judge(e.Probe, false)
		s.reason = why
		t.record(k, s.state, "not ready", c, why)
	}
}

// notified takes what a service has told its keeper (sd_notify(3)).
func (t *Transaction) notified(e event.Notified) {
	k := t.byID[e.Task]
	if k == nil || e.Incarnation != k.seen.inc || !k.seen.present {
		return
	}
	s := &k.seen
	if e.Status != s.status {
		s.status = e.Status
		t.touch(k)
	}
	if until := t.now.Add(e.Extend); e.Extend > 0 && until.After(s.extended) {
		s.extended = until
	}
	if e.Stopping && !s.leaves && s.exit == nil {
		t.unwatch(k)
		s.leaves = true
		t.record(k, s.state, "said stopping", t.itself(k), "")
		if s.state == event.Starting { // nobody asks its probes any more
			t.wake(k, t.opts.StartTimeout, event.StartOverdue)
		}
		return
	}
	for i, p := range k.spec.Process.Probes {
		switch {
		case !p.Notify:
		case e.Overdue && p.Kind == liveness:
			t.probed(event.Probed{Ref: e.Ref, Probe: i, Reason: fmt.Sprintf("timed out %d times: no WATCHDOG=1", p.Failures)})
		case e.Ready && p.Kind != liveness:
			t.probed(event.Probed{Ref: e.Ref, Probe: i, OK: true})
		}
	}
}
