package group

import (
	"time"

	"zmicroservices/conf"
	"zmicroservices/context/event"
	"zmicroservices/context/machine"
)

// Expect asks for the judgement of what a process publishes, as event.Unmet. It comes
// when the process is ready first; Unwatch ends it.
type Expect struct {
	Ref   event.Ref
	Task  *conf.Task
	Began time.Time // of the process, wall clock
}

func (Expect) effect() {}

// expect begins the judgement with readiness: a service that warms up owes nothing.
func (t *Transaction) expect(k *task) {
	if len(k.spec.Expects) > 0 && !k.seen.owing && k.judged() && k.ready() {
		k.seen.owing = true
		t.emit(Expect{k.ref(t.opts.Transaction), k.spec, k.seen.began})
	}
}

// missed takes the word that a service does not publish what is expected of it. One
// that comes late means nothing.
func (t *Transaction) missed(e event.Unmet) {
	k := t.byID[e.Task]
	if k == nil || e.Incarnation != k.seen.inc || !k.seen.owing || !k.judged() {
		return
	}
	s := &k.seen
	s.reason = orElse(e.Reason, "topic "+e.Topic+" did not come as expected")
	t.apply(k, machine.FlowFailed, event.Cause{Origin: event.ByFlow, By: "topic " + e.Topic, Parent: s.start, Root: s.root})
}
