package group

import (
	"fmt"
	"slices"

	"zmicroservices/conf"
	"zmicroservices/context/event"
	"zmicroservices/context/machine"
)

// links are who depends on whom, by the specs in force.
type links struct {
	depth      map[event.TaskID]int     // the longest way to one that depends on nobody
	dependents map[event.TaskID][]*task // who depends on it
	named      map[event.TaskID]bool    // every task service that somebody depends on, known or not
}

// linked gives the links, made anew when a spec has changed them.
//
// A file with a circle is refused, but a transaction may hold specs of two
// versions of a file. An edge that would close a circle has no depth to go down and is passed over,
// so that nobody waits for himself.
func (t *Transaction) linked() *links {
	if t.links != nil {
		return t.links
	}
	l := &links{depth: map[event.TaskID]int{}, dependents: map[event.TaskID][]*task{}, named: map[event.TaskID]bool{}}
	onPath := map[event.TaskID]bool{}
	var visit func(k *task) int
	visit = func(k *task) int {
		if depth, known := l.depth[k.id]; known {
			return depth
		}
		onPath[k.id] = true
		depth := 0
		for _, d := range k.spec.Process.Depends {
			id := event.TaskID(d.On)
			l.named[id] = true
			if on := t.byID[id]; on != nil && !onPath[id] {
				depth = max(depth, visit(on)+1)
			}
		}
		onPath[k.id] = false
		l.depth[k.id] = depth
		return depth
	}
	for _, k := range t.tasks {
		visit(k)
	}
	t.links = l
	for _, k := range t.tasks {
		for _, d := range k.spec.Process.Depends {
			on := t.byID[event.TaskID(d.On)]
			if on == nil || !t.below(on, k) {
				continue
			}
			for _, m := range on.members() {
				if !slices.Contains(l.dependents[m.id], k) {
					l.dependents[m.id] = append(l.dependents[m.id], k)
				}
			}
		}
	}
	return l
}

// below says that an edge from k to on counts.
func (t *Transaction) below(on, k *task) bool {
	l := t.linked()
	return l.depth[on.id] < l.depth[k.id]
}

// relink forgets the links if a new spec in place of an old one, nil if there was
// none, can have changed them. Most have not: making them anew looks at everybody.
func (t *Transaction) relink(id event.TaskID, before, now *conf.Task) {
	switch {
	case t.links == nil:
	case before == nil:
		if t.links.named[id] || len(now.Process.Depends) > 0 {
			t.links = nil
		}
	case !slices.EqualFunc(before.Process.Depends, now.Process.Depends, func(a, b conf.Depends) bool { return a.On == b.On }):
		t.links = nil
	}
}

// rank orders the stops of a keeper that is left alone: the lowest first, so that
// whoever depends on others goes before them.
func (t *Transaction) rank(k *task) int { return -t.linked().depth[k.id] }

// reachedUntil says that k has come as far as a dependency asks. What is about to go
// has not: a service that is restarted with those that depend on it is waited for.
func (k *task) reachedUntil(until string) bool {
	switch {
	case until == "completed":
		return k.completed()
	case until == "started" && k.completed():
		return true
	default:
		return k.seen.state == event.Started && !k.leaving() && (until != "ready" || k.ready())
	}
}

// completed says that k ran and ended by itself, with success.
func (k *task) completed() bool { return k.seen.state == event.Stopped && k.seen.completed }

// leaving says that what there is of k is not what is wanted.
func (k *task) leaving() bool { return k.seen.present && (!k.want.up || k.seen.inc <= k.want.above) }

// isHeld says that k is to be started and waits for others.
func (k *task) isHeld() bool { return k.hold != "" && k.want.up && !k.seen.present }

// unmet gives the first dependency that has not come so far, nil if all have. Of
// several replicas the first has to have come so far, and none may be about to go.
func (t *Transaction) unmet(k *task) *conf.Depends {
	for i, d := range k.spec.Process.Depends {
		on := t.byID[event.TaskID(d.On)]
		if on == nil || t.below(on, k) && (!on.reachedUntil(d.Until) || slices.ContainsFunc(on.members(), (*task).leaving)) {
			return &k.spec.Process.Depends[i]
		}
	}
	return nil
}

// held says whether the start of k has to wait for others, and records for what.
// What follows from it is settle's, when all of a request is known: what k waits
// for may be about to be started anyway.
func (t *Transaction) held(k *task) bool {
	d := t.unmet(k)
	if d == nil {
		k.hold, k.pulled = "", false
		return false
	}
	if waits := fmt.Sprintf("waits for %s until %s", d.On, d.Until); k.hold != waits {
		k.hold = waits
		t.record(k, k.seen.state, "held", k.want.cause, waits)
	}
	return true
}

// kept says whether the stop of k has to wait: whoever depends on it and goes
// too goes first. Every end is bounded by its recipe, so that this one comes.
func (t *Transaction) kept(k *task) bool {
	for _, x := range t.linked().dependents[k.id] {
		if x.leaving() {
			return true
		}
	}
	return false
}

// settle goes on with those that a change may have let go on, until nothing
// follows any more.
func (t *Transaction) settle() {
	for len(t.stirred) > 0 {
		k := t.stirred[0]
		t.stirred = t.stirred[1:]
		k.stirred = false
		if k.hold != "" && !k.isHeld() {
			k.hold, k.pulled = "", false
			t.touch(k)
		}
		if k.isHeld() && !k.pulled {
			t.pull(k)
		}
		for _, x := range t.linked().dependents[k.id] {
			if x.isHeld() && x.pulled {
				t.goOn(x)
			}
		}
		if k.seen.present {
			continue
		}
		for _, d := range k.spec.Process.Depends {
			on := t.byID[event.TaskID(d.On)]
			if on == nil {
				continue
			}
			for _, m := range on.members() {
				if m.leaving() {
					t.reconcile(m)
				}
			}
		}
	}
}

// pull starts what k waits for and nobody has asked for yet, once for each start
// of k. What an operator stopped, only an operator's start starts again.
func (t *Transaction) pull(k *task) {
	k.pulled = true
	c := event.Cause{Origin: event.ByDependency, By: string(k.id), Parent: k.seq, Root: k.want.cause.Root, Request: k.want.cause.Request}
	if c.Root == 0 {
		c.Root = k.seq
	}
	for _, d := range k.spec.Process.Depends {
		on := t.called(d.On)
		if on == nil {
			t.forsake(k, d.On, nil, "which neither this transaction nor the context file defines")
			return
		}
		if !t.below(on, k) || on.reachedUntil(d.Until) || t.done {
			continue
		}
		switch k.want.cause.Origin {
		case event.ByTransition, event.ByPolicy, event.ByProvider:
			if !on.want.up && on.seen.end == endOperator {
				t.forsake(k, d.On, on, "which an operator stopped")
				return
			}
		}
		switch {
		case !on.want.up:
			for _, m := range on.all() {
				if !m.want.up {
					t.run(m, c)
				}
			}
		case !on.want.run && !on.spec.RunsAtStart(): // it waits for a start; this is one
			on.want.run, on.want.cause = true, c
			t.reconcile(on)
		}
	}
	if k.isHeld() {
		t.goOn(k)
	}
}

// goOn looks at one that is held: its start may be due, or hopeless.
func (t *Transaction) goOn(k *task) {
	for _, d := range k.spec.Process.Depends {
		on := t.byID[event.TaskID(d.On)]
		if on == nil || !t.below(on, k) || on.reachedUntil(d.Until) {
			continue
		}
		if why := on.hopeless(); why != "" {
			t.forsake(k, d.On, on, why)
			return
		}
	}
	t.reconcile(k)
}

// hopeless says why k will not come any further by itself; "" if it may. One whose
// policy restarts it is waited for, however long it rests.
func (k *task) hopeless() string {
	s := &k.seen
	switch {
	case s.present && (s.state != event.Failed || s.exit != nil || s.ending || k.leaving()):
		return ""
	case !s.present && k.want.up:
		return ""
	case s.state == event.Failed:
		return "which failed: " + orElse(s.reason, "it ended")
	case k.completed():
		return "which has completed"
	default:
		return "which is stopped"
	}
}

// forsake gives up the start of k, which is answered as one that failed. on is nil
// if there is no such task service.
func (t *Transaction) forsake(k *task, id string, on *task, why string) {
	c := event.Cause{Origin: event.ByDependency, By: id, Root: k.want.cause.Root, Request: k.want.cause.Request}
	if on != nil {
		c.Parent = on.seq
	}
	s := &k.seen
	k.want.up, k.hold, k.pulled = false, "", false
	*s = seen{
		state: s.state, since: s.since, inc: s.inc + 1, starts: s.starts, // it had its try
		action: s.action, result: s.result, object: s.object, told: s.told,
	}
	s.reason = fmt.Sprintf("it depends on %s, %s", id, why)
	t.apply(k, machine.DependencyFailed, c)
}

// dependentsFirst puts whoever depends on others before them, and leaves the order
// of the rest.
func (t *Transaction) dependentsFirst(tasks []*task) []*task {
	out := slices.Clone(tasks)
	slices.SortStableFunc(out, func(a, b *task) int { return t.rank(a) - t.rank(b) })
	return out
}
