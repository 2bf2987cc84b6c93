package group

import (
	"fmt"
	"time"

	"zmicroservices/conf"
	"zmicroservices/context/event"
	"zmicroservices/context/machine"
)

// asked judges a request, per task service, and sets the wants.
func (t *Transaction) asked(a Asked) {
	o := t.newOperation(a)
	t.open = append(t.open, o)
	t.expand(o)
	a = o.asked
	for id, why := range a.Refused {
		t.record(t.byID[id], t.state(id), "refused", a.Cause, why)
	}
	switch a.Action {
	case Start:
		for _, spec := range a.Tasks {
			if k := t.byID[event.TaskID(spec.ID)]; !t.done && (k == nil || !k.active()) {
				t.define(spec) // all of them before the first starts: they may depend on each other
			}
		}
		for _, spec := range a.Tasks {
			t.askStart(o, spec)
		}
	case Restart:
		for _, k := range t.dependentsFirst(t.named(o)) {
			t.askRestart(o, k)
		}
	case Stop, Exit:
		t.done = t.done || a.Action == Exit
		named := t.named(o)
		for _, k := range named {
			o.await(k, k.seen.inc)
		}
		o.queue = t.dependentsFirst(named)
		o.pace = stopPace
		if n := len(named); n > 0 {
			o.pace = min(stopPace, stopPaceTotal/time.Duration(n))
		}
		t.advance(o)
	case Scale:
		t.askScale(o)
	default:
		o.failed["context"] = fmt.Sprintf("action %q is none of start, stop, restart, scale, exit", a.Action)
	}
	o.open = false
	t.finish(o)
}

func (t *Transaction) state(id event.TaskID) event.State {
	if k := t.byID[id]; k != nil {
		return k.seen.state
	}
	return event.Defined
}

// define adds a task service or, when nothing of it runs, takes its new spec.
func (t *Transaction) define(spec *conf.Task) *task {
	id := event.TaskID(spec.ID)
	k := t.byID[id]
	if k == nil {
		k = newTask(spec, t.now)
		t.relink(id, nil, spec)
		t.byID[id] = k
		t.enter(k)
		t.touch(k)
		return k
	}
	switch {
	case spec.Raw == nil: // named, not described
	case k.seen.present:
		k.next = spec
	default:
		t.relink(id, k.spec, spec)
		k.spec = spec
	}
	t.touch(k)
	return k
}

// askStart wants a task service up. One that runs already is refused.
func (t *Transaction) askStart(o *operation, spec *conf.Task) {
	c := o.asked.Cause
	if t.done {
		o.failed[event.TaskID(spec.ID)] = "the context is ending"
		return
	}
	if k := t.byID[event.TaskID(spec.ID)]; k != nil && t.refuseOff(k, c) {
		o.failed[k.id] = k.whyOff()
		return
	}
	if k := t.byID[event.TaskID(spec.ID)]; k != nil && k.active() {
		why := fmt.Sprintf("it is already %s", k.seen.state)
		t.record(k, k.seen.state, "refused", c, why)
		o.failed[k.id] = why
		if k.seen.state == event.Starting {
			o.await(k, k.seen.inc-1) // answered when it is known what becomes of that start
		}
		return
	}
	k := t.define(spec)
	if t.arms(o, k) {
		return
	}
	above := k.seen.inc
	if k.waits() {
		above-- // the process that is there will do
	}
	o.await(k, above)
	t.start(k, c)
}

// start wants k up. The first start of a task service obeys its entry; every
// later one runs it.
func (t *Transaction) start(k *task, c event.Cause) {
	if t.refuseOff(k, c) {
		return
	}
	s := &k.seen
	w := want{up: true, run: k.spec.RunsAtStart() || s.state != event.Defined, cause: c}
	if s.present && !k.waits() {
		w.above = s.inc // what is left of it has to go first
	}
	k.want = w
	k.restarts.forget()
	t.take(k)
	t.reconcile(k)
}

// askRestart wants a new incarnation of a task service.
func (t *Transaction) askRestart(o *operation, k *task) {
	if t.done {
		o.failed[k.id] = "the context is ending"
		return
	}
	if t.refuseOff(k, o.asked.Cause) {
		o.failed[k.id] = k.whyOff()
		return
	}
	if t.arms(o, k) {
		return
	}
	above := k.seen.inc
	o.await(k, above)
	t.restart(k, o.asked.Cause)
}

// restart ends what there is of k and wants a new incarnation. As in the
// original the stop is said even to one that is gone.
func (t *Transaction) restart(k *task, c event.Cause) {
	if t.refuseOff(k, c) {
		return
	}
	s := &k.seen
	run := k.spec.RunsAtStart() || s.state != event.Defined && s.state != event.Created
	k.want = want{up: true, above: s.inc, run: run, cause: c}
	k.restarts.forget()
	s.end = endOther
	if s.state != event.Defined && (!s.present || s.exit != nil) {
		t.sayProcess(k, Stop, c)
	}
	t.take(k)
	if !s.present && s.state == event.Created { // a command that waits: it is made ready anew
		t.create(k)
		return
	}
	t.reconcile(k)
}

// take lets k have the spec that came while it ran.
func (t *Transaction) take(k *task) {
	if k.next != nil && !k.seen.present {
		t.relink(k.id, k.spec, k.next)
		k.spec, k.next = k.next, nil
	}
}

// stop wants k down. It is told even when it is gone, or has said its last word
// and is on its way, as in the original, but only if it was asked for by name.
func (t *Transaction) stop(k *task, o *operation) {
	c := o.asked.Cause
	s := &k.seen
	k.want = want{cause: c}
	k.restarts.forget()
	t.disarm(k)
	s.end = endOther
	if o.asked.Action == Stop && !o.whole(t) {
		s.end = endOperator
	}
	switch {
	case s.present:
		k.told = o.asked.Told && !o.replicas[k.id] || o.asked.All && s.saidStopped
		t.reconcile(k)
		k.told = k.told && !s.ending && s.exit == nil && t.kept(k) // it is told later, and was
	case s.state == event.Created:
		t.sayProcess(k, Stop, c)
		t.apply(k, machine.DropAsked, c)
	default:
		if !o.asked.All && s.state != event.Defined {
			t.sayProcess(k, Stop, c)
		}
		t.apply(k, machine.DropAsked, c)
	}
	t.check(k)
}

// whole says that the request is about the whole transaction, not about some of
// its services.
func (o *operation) whole(t *Transaction) bool {
	if o.asked.All || len(o.asked.Tasks) < len(t.tasks) {
		return o.asked.All
	}
	named := 0
	for _, spec := range o.asked.Tasks {
		if !o.replicas[event.TaskID(spec.ID)] {
			named++
		}
	}
	return named > 1
}

// named gives the task services that a request is about, in order of
// definition; restart defines those that are new.
func (t *Transaction) named(o *operation) []*task {
	a := &o.asked
	if a.All {
		var all []*task
		for _, k := range t.tasks {
			if k.seen.present || k.seen.state == event.Created || k.want.up || k.clock.armed() {
				all = append(all, k)
			}
		}
		return all
	}
	var some []*task
	for _, spec := range a.Tasks {
		k := t.byID[event.TaskID(spec.ID)]
		switch {
		case a.Action == Restart:
			k = t.define(spec)
		case k == nil && t.opts.Known[event.TaskID(spec.ID)] != nil:
			continue // the file's, never started here: there is nothing to stop
		case k == nil:
			o.failed[event.TaskID(spec.ID)] = fmt.Sprintf("there is no such task service in transaction %s", t.opts.Transaction)
			continue
		}
		some = append(some, k)
	}
	return some
}
