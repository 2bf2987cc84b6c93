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
		t.tell(k, e.Reason, c)
		return
	}
	if !t.storm.allow(c.Root, t.now) {
		t.storming(k, c)
		return
	}
	t.call(k, action, c)
}

// tell says in k's name that it is beyond a limit, as an update, and fires on_update.
func (t *Transaction) tell(k *task, why string, c event.Cause) {
	status := map[string]any{"device_action": "limit_exceeded", "result": "success", "reason": why, "pid": k.seen.pid}
	t.emit(SayControl{Task: k.spec, Action: "updated", Status: status, Cause: c, Subject: k.ref(t.opts.Transaction), Ours: true})
	t.fire(k, "on_update", c.Parent, c)
}
