package group

import (
	"zmicroservices/conf"
	"zmicroservices/context/event"
)

// Limit asks for the judgement of what a process costs, as event.Exceeded. It comes
// with the process; Unwatch ends it.
type Limit struct {
	Ref  event.Ref
	Task *conf.Task
}

func (Limit) effect() {}

// limit begins the judgement with the process: what it may cost while it starts is said
// by how long a limit may be exceeded.
func (t *Transaction) limit(k *task) {
	if len(k.spec.Limits) > 0 && !k.seen.limited && k.judged() {
		k.seen.limited = true
		t.emit(Limit{k.ref(t.opts.Transaction), k.spec})
	}
}

// exceeded takes the word that a service is beyond a limit of its file, and does what
// that says. One that comes late means nothing. As for transitions there is a bound to
// what one root cause may lead to: a limit below what a service needs restarts it again
// and again.
func (t *Transaction) exceeded(e event.Exceeded) {
	k := t.byID[e.Task]
	if k == nil || e.Incarnation != k.seen.inc || !k.seen.limited || !k.judged() || t.done || e.Limit >= len(k.spec.Limits) {
		return
	}
	s := &k.seen
	c := event.Cause{Origin: event.ByLimit, By: e.Reason, Parent: s.start, Root: s.root}
	c.Parent = t.record(k, s.state, "limit exceeded", c, e.Reason)
	if c.Root == 0 {
		c.Root = c.Parent
	}
	action := Action(k.spec.Limits[e.Limit].Action)
	if action != Stop && action != Restart {
		t.tell(k, "limit_exceeded", e.Reason, c)
		return
	}
	if !t.storm.allow(c.Root, t.now) {
		t.storming(k, c)
		return
	}
	t.call(k, action, c)
}

// rising takes the word that what a service costs leads to a limit, which nobody has
// asked to be told: it is said, and for transitions to use. Nobody hears of an update of
// what has not started.
func (t *Transaction) rising(e event.Rising) {
	k := t.byID[e.Task]
	if k == nil || e.Incarnation != k.seen.inc || k.seen.state != event.Started || !k.judged() || t.done {
		return
	}
	s := &k.seen
	c := event.Cause{Origin: event.ByLimit, By: e.Reason, Parent: s.start, Root: s.root}
	c.Parent = t.record(k, s.state, "trend", c, e.Reason)
	if c.Root == 0 {
		c.Root = c.Parent
	}
	t.tell(k, "trend", e.Reason, c)
}

// tell says in k's name, as an update, what its costs have come to, and fires on_update.
func (t *Transaction) tell(k *task, what, why string, c event.Cause) {
	status := map[string]any{"device_action": what, "result": "success", "reason": why, "pid": k.seen.pid}
	t.emit(SayControl{Task: k.spec, Action: "updated", Status: status, Cause: c, Subject: k.ref(t.opts.Transaction), Ours: true})
	t.fireUpdate(k, status, c.Parent, c)
}

// most is what the file of a task service allows it in memory (bytes) and descriptors,
// the least that it names; 0: it names none. What only an rlimit says is not in it.
func most(spec *conf.Task) (rss int64, fds int) {
	rss = spec.Process.Limits.Memory
	for _, l := range spec.Limits {
		switch {
		case l.Measure == conf.RSS && (rss == 0 || l.RSS < rss):
			rss = l.RSS
		case l.Measure == conf.FDs && (fds == 0 || l.FDs < fds):
			fds = l.FDs
		}
	}
	return rss, fds
}
