package group

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"zmicroservices/conf"
	"zmicroservices/context/event"
)

// operation is a request under way.
type operation struct {
	asked   Asked
	above   map[event.TaskID]event.Incarnation // task services still waited for; start, restart: reached by an incarnation above
	failed  map[event.TaskID]string
	queue   []*task // still to be told to stop, in order
	current *task   // the one that the queue waits for
	pace    time.Duration
	file    bool // it names every task service of the provider's file

	replicas map[event.TaskID]bool // named by the id of their task service, not by their own

	open     bool // its task services are still being judged: no answer yet
	answered bool
}

// The longest that the next service of an ordered stop waits for the one before:
// several times the rhythm of the original, bounded for many.
const (
	stopPace      = 500 * time.Millisecond
	stopPaceTotal = 5 * time.Second
)

func (t *Transaction) newOperation(a Asked) *operation {
	o := &operation{asked: a, open: true, above: map[event.TaskID]event.Incarnation{}, failed: map[event.TaskID]string{}, replicas: map[event.TaskID]bool{}}
	maps.Copy(o.failed, a.Refused)
	o.file = a.All || covers(a.Tasks, t.opts.Known)
	return o
}

// covers says that all of the known are among these.
func covers(specs []*conf.Task, known map[event.TaskID]*conf.Task) bool {
	named := map[event.TaskID]bool{}
	for _, spec := range specs {
		if id := event.TaskID(spec.ID); known[id] != nil {
			named[id] = true
		}
	}
	return len(named) == len(known)
}

// await makes the operation wait for a task service.
func (o *operation) await(k *task, above event.Incarnation) {
	o.above[k.id] = above
	k.operations = append(k.operations, o)
}

// leave ends the operation's wait for a task service.
func (o *operation) leave(k *task) {
	delete(o.above, k.id)
	k.operations = slices.DeleteFunc(k.operations, func(x *operation) bool { return x == o })
}

// check asks of every operation that waits for k whether its wait is over.
func (t *Transaction) check(k *task) {
	// A request that is answered here leaves the list.
	for _, o := range slices.Clone(k.operations) {
		above, waiting := o.above[k.id]
		if !waiting {
			continue
		}
		done, reason := o.verdict(t, k, above)
		if !done {
			continue
		}
		o.leave(k)
		if reason != "" {
			o.failed[k.id] = reason
		}
		t.finish(o)
	}
}

// verdict says whether k has reached what the operation asked for, and if it
// cannot any more, why.
func (o *operation) verdict(t *Transaction, k *task, above event.Incarnation) (done bool, reason string) {
	s := &k.seen
	action := o.asked.Action
	if action == Scale && !k.off() {
		action = Start
	}
	switch action {
	case Start, Restart:
		switch {
		case s.inc > above || !s.present && s.state == event.Created:
			switch s.state {
			case event.Started:
				return t.settled(k), ""
			case event.Created:
				return true, ""
			case event.Failed:
				return true, s.reason
			case event.Stopping, event.Stopped:
				if s.reached {
					return true, "" // its work is done already
				}
				if !k.want.up {
					return true, "it was stopped before it had started"
				}
			}
		case !k.want.up && !s.present:
			return true, "a later stop overtook it"
		}
		return false, ""
	default: // Stop, Exit, and Scale of one that is to go
		switch {
		case s.present:
			return false, ""
		case len(k.survivors) > 0:
			return true, fmt.Sprintf("processes %v could not be ended", k.survivors)
		default:
			return true, ""
		}
	}
}

// settled says that a service which has just said started has had the time to
// end at once, if it does: then the answer to its start tells of that, and whoever
// has the answer finds the service as it is. The provider's own word for a command
// comes at its birth and is not waited upon.
func (t *Transaction) settled(k *task) bool {
	return !k.self() || t.now.Sub(k.seen.since) >= t.opts.SettleTime
}

// finish answers the request when nothing is waited for any more.
func (t *Transaction) finish(o *operation) {
	if o.open || o.answered || len(o.above) > 0 || len(o.queue) > 0 {
		return
	}
	o.answered = true
	t.open = slices.DeleteFunc(t.open, func(x *operation) bool { return x == o })
	out := event.Outcome{
		Transaction: t.opts.Transaction, Action: string(o.asked.Action), Request: o.asked.Cause.Request,
		OK: true,
	}
	if len(o.failed) > 0 {
		out.Fail(o.failed)
	}
	t.emit(Answer{out})
}

// advance tells the next task services of an ordered stop. One that announces
// itself is waited for, until it has stopped or its time is over.
func (t *Transaction) advance(o *operation) {
	o.current = nil
	for len(o.queue) > 0 {
		k := o.queue[0]
		o.queue = o.queue[1:]
		if k.gone {
			continue // a replica that has left before it was its turn
		}
		if o.asked.Action == Scale && !k.off() {
			o.leave(k) // scaled up again before it was its turn
			continue
		}
		t.stop(k, o)
		if k.self() && k.seen.present && len(o.queue) > 0 {
			o.current = k
			t.emit(Wake{t.now.Add(o.pace), event.Deadline{Ref: k.ref(t.opts.Transaction), Kind: event.NextStop}})
			return
		}
	}
	t.finish(o)
}

// passed goes on with every ordered stop that waits for k.
func (t *Transaction) passed(k *task) {
	for _, o := range slices.Clone(t.open) {
		if o.current == k {
			t.advance(o)
		}
	}
}
