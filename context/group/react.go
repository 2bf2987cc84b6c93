package group

import (
	"fmt"
	"time"

	"zmicroservices/context/event"
	"zmicroservices/context/machine"
)

// live finds the task service that an event is about. A word about an
// incarnation that is dead is recorded and changes nothing.
func (t *Transaction) live(r event.Ref, what string) *task {
	k := t.byID[r.Task]
	if k != nil && t.started(k, r.Incarnation) {
		t.catchUp(k)
	}
	if k != nil && k.seen.present && r.Incarnation == k.seen.inc {
		return k
	}
	why := fmt.Sprintf("%s of %s came when there was no such process", what, r)
	c := event.Cause{Origin: event.ByProcess, By: string(r.Task)}
	t.record(k, t.state(r.Task), "ignored", c, why)
	return nil
}

// started says that k's next incarnation is there already: an earlier provider
// made it when the pause was over that this one still waits for. Its keeper tells
// everything at once; the pauses between are not told.
func (t *Transaction) started(k *task, inc event.Incarnation) bool {
	return !k.seen.present && k.want.up && inc == k.seen.inc+1 && (t.resting(k) || k.hold != "")
}

// catchUp ends that pause. The launch makes nothing: the keeper holds the slot until
// its events are acknowledged.
func (t *Transaction) catchUp(k *task) {
	k.restarts.due, k.hold, k.pulled = time.Time{}, "", false
	t.apply(k, machine.StartAsked, k.want.cause)
}

// itself is the cause of what a service does of its own accord. It goes on with
// the chain that started the service.
func (t *Transaction) itself(k *task) event.Cause {
	return event.Cause{
		Origin: event.ByProcess, By: fmt.Sprintf("%s pid %d", k.id, k.seen.pid),
		Parent: k.seen.start, Root: k.seen.root,
	}
}

// wanted is the cause of what follows from what is wanted of k.
func (t *Transaction) wanted(k *task) event.Cause {
	c := k.want.cause
	if !k.seen.ending && k.seen.start != 0 {
		c.Parent, c.Root = k.seen.start, k.seen.root
	}
	return c
}

// isBroken says that k is being ended because it has failed, and nobody has asked for
// its end.
func (t *Transaction) isBroken(k *task) bool {
	s := &k.seen
	return s.ending && s.end == endItself && !s.broke.IsZero() && s.state == event.Failed
}

// ended is the cause of an end: what was asked for, the failure that it is being
// ended for, or the service itself.
func (t *Transaction) ended(k *task) event.Cause {
	if t.isBroken(k) {
		return k.seen.broke
	}
	if k.seen.ending {
		return t.wanted(k)
	}
	return t.itself(k)
}

func (t *Transaction) spawned(e event.Spawned) {
	k := t.live(e.Ref, "birth")
	if k == nil {
		return
	}
	if k.seen.made && k.seen.pid == e.PID {
		k.seen.ticks = e.Ticks
		return // it goes on under another keeper
	}
	k.seen.pid, k.seen.ticks, k.seen.made = e.PID, e.Ticks, true
	t.touch(k)
	if k.seen.spoke && k.seen.state != event.Starting {
		// Its first word was faster than the keeper's, and has moved it on.
		t.record(k, k.seen.state, machine.Spawned.String(), t.wanted(k), "")
		t.watch(k)
		return
	}
	if !t.apply(k, machine.Spawned, t.wanted(k)) || k.seen.state != event.Starting {
		return
	}
	if k.self() {
		t.watch(k)
		t.awaitStarted(k) // from here on: a build before the birth takes its own time
		return
	}
	t.watch(k)
	t.begun(k)
}

func (t *Transaction) spawnFailed(e event.SpawnFailed) {
	k := t.live(e.Ref, "failed birth")
	if k == nil {
		return
	}
	c := event.Cause{Origin: event.ByProvider, By: "spawn", Parent: k.seen.start, Root: k.seen.root, Request: k.want.cause.Request}
	k.seen.present = false
	k.seen.reason = e.Reason
	k.seen.pid = 0
	t.apply(k, machine.SpawnFailed, c)
	t.over(k)
}

func (t *Transaction) exited(e event.Exited) {
	k := t.live(e.Ref, "exit")
	if k == nil {
		return
	}
	exit := e.Exit
	k.seen.exit = &exit
	t.unwatch(k)
	in := machine.ExitedClean
	if !succeeded(k, exit) {
		in = machine.ExitedBadly
	}
	switch {
	case k.seen.state == event.Starting:
		k.seen.reason = describe(exit) + " before it said started"
	case in == machine.ExitedBadly && !k.seen.ending && k.seen.state != event.Failed:
		k.seen.reason = describe(exit)
	}
	t.apply(k, in, t.ended(k))
}

func (t *Transaction) gone(e event.Gone) {
	k := t.live(e.Ref, "end")
	if k == nil {
		return
	}
	c := t.ended(k)
	t.unwatch(k)
	k.seen.present = false
	k.survivors = e.Survivors
	if len(e.Survivors) > 0 {
		k.seen.reason = fmt.Sprintf("processes %v could not be ended", e.Survivors)
	}
	if k.seen.state == event.Starting {
		k.seen.reason = "it ended before it said started"
	}
	t.apply(k, machine.AllGone, c)
	k.seen.ending = false
	if k.seen.state == event.Stopped {
		t.fireExit(k, t.seq, c)
	}
	t.over(k)
}

// lost takes the end of an incarnation that nobody saw. What is wanted stands: it
// is made again.
func (t *Transaction) lost(e event.Lost) {
	k := t.live(e.Ref, "loss")
	if k == nil {
		return
	}
	c := event.Cause{Origin: event.ByProvider, By: "recovery", Parent: k.seen.start, Root: k.seen.root}
	t.unwatch(k)
	k.seen.present, k.seen.ending, k.seen.exit, k.seen.reason = false, false, nil, e.Reason
	if k.want.up && k.want.above < k.seen.inc {
		k.want.above, k.want.run, k.want.cause = k.seen.inc, k.seen.reached || k.want.run, c
	}
	t.apply(k, machine.AllGone, c)
	t.over(k)
}

// over goes on after the last of an incarnation: an ordered stop with its next,
// a pending restart with a new one. An end that nobody asked to mend is final.
func (t *Transaction) over(k *task) {
	t.passed(k)
	if k.want.up && k.want.above < k.seen.inc && !t.again(k, t.seq) {
		k.want.up = false
		k.seen.completed = finished(k)
		t.touch(k)
	}
	t.take(k)
	t.check(k)
	t.reconcile(k)
	t.unqueue(k)
}

// finished says that k has done its work: what depends on that may go on, and
// nobody starts it again by himself.
func finished(k *task) bool {
	s := &k.seen
	return s.state == event.Stopped && s.end == endItself && s.exit != nil && succeeded(k, *s.exit)
}

// notice takes a service's own word.
func (t *Transaction) notice(e event.Notice) {
	if e.Incarnation == 0 {
		if k := t.byID[e.Task]; k != nil {
			e.Incarnation = k.seen.inc
		}
	}
	k := t.live(e.Ref, e.Action)
	if k == nil {
		return
	}
	s := &k.seen
	s.spoke = true
	s.action, s.result = e.Action, e.Result
	if e.PID > 0 {
		s.pid = e.PID
	}
	t.touch(k)
	c := t.itself(k)
	if t.isBroken(k) {
		// It is being ended for a failure. That it stops politely, or has started after
		// all, mends nothing.
		t.apply(k, machine.SaidUpdated, c)
		return
	}
	switch e.Action {
	case "started":
		if e.Result == "failure" || e.Result == "failed" {
			s.reason = orElse(e.Reason, "it said that it could not start")
			t.apply(k, machine.SaidStartFail, c)
			return
		}
		t.apply(k, machine.Ready, t.wanted(k))
	case "created":
		if t.apply(k, machine.SaidCreated, t.wanted(k)) && k.want.run {
			t.reconcile(k) // it waits, but is wanted to run
		}
	case "failed":
		s.reason = orElse(e.Reason, "it said failed")
		t.apply(k, machine.SaidFailed, c)
	case "stopped", "exited":
		s.saidStopped = true
		t.unwatch(k)
		if t.apply(k, machine.SaidStopped, c) {
			if !s.ending {
				t.wake(k, t.opts.LingerAfter, event.LingerDue)
			}
			t.fireExit(k, t.seq, c)
		}
		t.passed(k)
	default:
		if t.apply(k, machine.SaidUpdated, c) && e.Action == "updated" {
			t.fireUpdate(k, e.Status, t.seq, c)
		}
	}
}

// deadline takes a time that passed. One that was overtaken means nothing.
func (t *Transaction) deadline(e event.Deadline) {
	k := t.byID[e.Task]
	if k == nil {
		return
	}
	if e.Kind == event.RestartDue {
		t.restartDue(k, e.Incarnation)
		return
	}
	if !k.seen.present || e.Incarnation != k.seen.inc {
		return
	}
	s := &k.seen
	c := event.Cause{
		Origin: event.ByDeadline, By: string(e.Kind), Parent: s.start, Root: s.root, Request: k.want.cause.Request,
	}
	switch e.Kind {
	case event.StartOverdue:
		if left := s.extended.Sub(t.now); left > 0 {
			t.wake(k, left, event.StartOverdue) // it had asked for more time
			return
		}
		if s.state == event.Starting {
			s.reason = fmt.Sprintf("%s within %v", k.unstarted(), t.opts.StartTimeout)
			t.apply(k, machine.StartIsOverdue, c)
		}
	case event.SignalDue:
		t.emit(End{k.ref(t.opts.Transaction), k.spec.Process.Stop, k.want.cause})
	case event.LingerDue:
		if !s.ending {
			s.ending = true
			t.emit(End{k.ref(t.opts.Transaction), k.spec.Process.Stop, c})
		}
	case event.NextStop:
		t.passed(k)
	case event.Settled:
		t.check(k)
	}
}

func orElse(s, other string) string {
	if s == "" {
		return other
	}
	return s
}

// dropped takes a count. Nothing follows from it: what is missing of the output is no
// fault of the service.
func (t *Transaction) dropped(e event.Dropped) {
	if k := t.byID[e.Task]; k != nil && k.dropped != e.Lines {
		k.dropped = e.Lines
		t.touch(k)
	}
}
