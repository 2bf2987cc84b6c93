package group

import (
	"fmt"
	"time"

	"zmicroservices/conf"
	"zmicroservices/context/event"
)

// fire does what the task service's transitions say about a trigger. seq is the
// Change that pulled it.
func (t *Transaction) fire(k *task, trigger string, seq uint64, c event.Cause) {
	t.fireFor(k, trigger, nil, seq, c)
}

// fireUpdate fires on_update for what a status says: those transitions that ask for
// something else stay.
func (t *Transaction) fireUpdate(k *task, status map[string]any, seq uint64, c event.Cause) {
	t.fireFor(k, "on_update", status, seq, c)
}

func (t *Transaction) fireFor(k *task, trigger string, status map[string]any, seq uint64, c event.Cause) {
	if t.done {
		return
	}
	for _, tr := range k.spec.Transitions {
		if tr.Trigger == trigger && tr.Fits(status) {
			t.follow(k, tr, seq, c)
		}
	}
}

// fireExit fires on_exit, once an incarnation: when the task service ended by
// itself or an operator stopped this one service, and not as part of a restart, a
// transition's stop, a stop of the whole context or a shutdown.
func (t *Transaction) fireExit(k *task, seq uint64, c event.Cause) {
	if k.seen.exitFired || k.seen.end == endOther {
		return
	}
	k.seen.exitFired = true
	t.fire(k, "on_exit", seq, c)
}

// follow does what one transition says.
func (t *Transaction) follow(k *task, tr conf.Transition, seq uint64, c event.Cause) {
	cause := event.Cause{
		Origin: event.ByTransition, By: fmt.Sprintf("%s of %s", tr.Trigger, k.id),
		Parent: seq, Root: c.Root, Request: c.Request,
	}
	if cause.Root == 0 {
		cause.Root = seq
	}
	targets := t.targets(k, tr.Call)
	if len(targets) == 0 {
		t.record(k, k.seen.state, "refused", cause,
			fmt.Sprintf("%s calls %q, which neither this transaction nor the context file defines", tr.Trigger, tr.Call))
		return
	}
	called := targets[0]
	if called == k && k.seen.end == endOperator && (tr.Action == string(Start) || tr.Action == string(Restart)) {
		t.record(k, k.seen.state, "refused", cause, "an operator stopped it")
		return
	}
	if called == k && tr.Trigger == "on_fail" && tr.Action == string(Restart) && t.joins(k) {
		t.record(k, k.seen.state, "joined", cause, "its restart policy restarts it")
		return
	}
	if !t.storm.allow(cause.Root, t.now) {
		t.storming(called, cause)
		return
	}
	for _, called := range targets {
		t.call(called, Action(tr.Action), cause)
	}
}

// targets finds the task services that a transition of k calls: all replicas of
// one, but of its own only itself.
func (t *Transaction) targets(k *task, id string) []*task {
	called := t.called(id)
	switch {
	case called == nil:
		return nil
	case k.set != nil && called.set == k.set && called.number() == 1, called == k:
		return []*task{k}
	case called.number() > 1:
		return []*task{called}
	case called.count() == 0:
		return []*task{called} // it says that it is off
	}
	return called.all()
}

// call carries out the action of a transition.
func (t *Transaction) call(called *task, action Action, cause event.Cause) {
	switch action {
	case Start:
		if called.active() {
			t.record(called, called.seen.state, "refused", cause, fmt.Sprintf("it is already %s", called.seen.state))
			return
		}
		// A called start runs the service, also one that was never defined to run at once.
		t.run(called, cause)
	case Stop:
		called.want = want{cause: cause}
		called.restarts.forget()
		called.clock.queued = nil
		called.seen.end = endOther
		t.touch(called) // one that waits for its start has nothing else to tell
		t.reconcile(called)
		t.check(called)
	case Restart:
		t.sayProcess(called, Restart, cause)
		t.restart(called, cause)
	default: // a word between services: passed on, as in the original
		t.sayProcess(called, action, cause)
	}
}

// called finds the task service that a transition calls. One that the provider's
// own file defines need not have been started before.
func (t *Transaction) called(id string) *task {
	if k := t.byID[event.TaskID(id)]; k != nil {
		return k
	}
	if spec := t.opts.Known[event.TaskID(id)]; spec != nil {
		return t.define(spec)
	}
	return nil
}

// storming refuses an action and says so, the first time in a window: with the
// answer to the request that began the chain while that is open, since a request
// is answered once, else by itself.
func (t *Transaction) storming(called *task, c event.Cause) {
	why := fmt.Sprintf("transition storm: more than %d actions within %v from one root cause",
		t.opts.Transitions.Intensity, t.opts.Transitions.Window)
	t.record(called, called.seen.state, "refused", c, why)
	if !t.storm.tell(c.Root, t.now) {
		return
	}
	for _, o := range t.open {
		if c.Request != "" && o.asked.Cause.Request == c.Request {
			o.failed[called.id] = why
			return
		}
	}
	said := event.Outcome{Transaction: t.opts.Transaction}
	said.Fail(map[event.TaskID]string{called.id: why})
	t.emit(Answer{said})
}

// storm limits the actions that transitions cause from one root within a window.
type storm struct {
	limit conf.Transitions
	roots map[uint64][]time.Time // times of the actions within the window, oldest first
	told  map[uint64]time.Time
}

func newStorm(limit conf.Transitions) storm {
	return storm{limit: limit, roots: map[uint64][]time.Time{}, told: map[uint64]time.Time{}}
}

// allow counts an action, unless there were too many. Roots without a recent
// action are forgotten, so that memory does not grow with time.
func (s *storm) allow(root uint64, now time.Time) bool {
	for r, times := range s.roots {
		for len(times) > 0 && now.Sub(times[0]) >= s.limit.Window {
			times = times[1:]
		}
		if len(times) == 0 {
			delete(s.roots, r)
			delete(s.told, r)
			continue
		}
		s.roots[r] = times
	}
	if len(s.roots[root]) >= s.limit.Intensity {
		return false
	}
	s.roots[root] = append(s.roots[root], now)
	return true
}

// tell says whether the storm of a root is still to be told.
func (s *storm) tell(root uint64, now time.Time) bool {
	if _, told := s.told[root]; told {
		return false
	}
	s.told[root] = now
	return true
}
