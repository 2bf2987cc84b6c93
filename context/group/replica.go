package group

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"zmicroservices/conf"
	"zmicroservices/context/event"
)

// set is the replicas of one task service. Replica 1 is the task service itself,
// which is always a member; the others come and go.
type set struct {
	members []*task           // in order of number, those that are about to go included
	count   int               // how many there are to be
	scaled  bool              // by an operator: the file's count changes it no more
	asleep  bool              // it is scaled to 0, and was wanted up
	last    event.Incarnation // the highest of those that have gone: their successors go on from there
}

// number is which replica of its task service k is.
func (k *task) number() int { return max(1, k.spec.Replica) }

// count is how many replicas k's task service is to have.
func (k *task) count() int {
	if k.set == nil {
		return 1
	}
	return k.set.count
}

// surplus says that k is not to be there: there are to be fewer replicas.
func (k *task) surplus() bool { return k.set != nil && k.number() > max(1, k.set.count) }

// off says that k is not to run, however many want it.
func (k *task) off() bool { return k.number() > k.count() }

// whyOff says why a start of k is refused.
func (k *task) whyOff() string {
	return fmt.Sprintf("its task service is scaled to %d replicas", k.count())
}

// refuseOff refuses a start of one that is not to run, and says whether it is one.
func (t *Transaction) refuseOff(k *task, c event.Cause) bool {
	if k.off() {
		t.record(k, k.seen.state, "refused", c, k.whyOff())
		return true
	}
	return false
}

// members are all replicas of k's task service, also those that are about to go.
func (k *task) members() []*task {
	if k.set == nil {
		return []*task{k}
	}
	return k.set.members
}

// all are the replicas of k's task service that are to be there.
func (k *task) all() []*task {
	return slices.DeleteFunc(slices.Clone(k.members()), (*task).surplus)
}

// expand makes of a task service that a request names all of its replicas. Those
// that were not named by themselves are in o.replicas.
func (t *Transaction) expand(o *operation) {
	a := &o.asked
	if a.All || t.done {
		return
	}
	var specs []*conf.Task
	seen := map[string]bool{}
	add := func(spec *conf.Task, named bool) {
		if !seen[spec.ID] {
			seen[spec.ID] = true
			specs = append(specs, spec)
			o.replicas[event.TaskID(spec.ID)] = !named
		}
	}
	for _, spec := range a.Tasks {
		if spec.Replica > 1 && t.byID[event.TaskID(spec.ID)] == nil {
			o.failed[event.TaskID(spec.ID)] = "there is no such replica in this transaction: scale makes more"
			continue
		}
		add(spec, true)
		if a.Action != Stop && spec.Raw != nil {
			t.fileCount(spec, a.Cause)
		}
		for _, more := range t.others(a.Action, spec) {
			add(more, false)
		}
	}
	a.Tasks = specs
}

// others are the replicas beside the one that a request names: of a task service
// named by its own id, all.
func (t *Transaction) others(a Action, spec *conf.Task) []*conf.Task {
	k := t.byID[event.TaskID(spec.ID)]
	if k != nil && k.number() > 1 || k == nil && a == Stop {
		return nil
	}
	var more []*conf.Task
	switch {
	case a == Stop && k.set != nil:
		for _, m := range k.set.members[1:] {
			more = append(more, &conf.Task{ID: string(m.id), Replica: m.number()})
		}
	case a != Stop:
		n := spec.Process.Replicas
		if k != nil && (k.set != nil || spec.Raw == nil) {
			n = k.count()
		}
		for i := 2; i <= n; i++ {
			more = append(more, spec.AsReplica(i))
		}
	}
	return more
}

// fileCount takes the count of a new spec, unless an operator has scaled.
func (t *Transaction) fileCount(spec *conf.Task, c event.Cause) {
	k := t.byID[event.TaskID(spec.ID)]
	if k == nil || k.number() > 1 || k.set != nil && k.set.scaled || k.count() == max(1, spec.Process.Replicas) {
		return
	}
	t.setOf(k).count = max(1, spec.Process.Replicas)
	t.resized(k)
	for _, m := range k.set.members {
		if m.surplus() {
			t.quit(m, c)
		}
	}
}

// setOf is k's set, made if it has none yet.
func (t *Transaction) setOf(k *task) *set {
	if k.set == nil {
		k.set = &set{members: []*task{k}, count: 1}
	}
	return k.set
}

// enter gives a new task its place in the transaction. One that is to have
// replicas brings them.
func (t *Transaction) enter(k *task) {
	if k.spec.Replica > 1 {
		t.join(k)
		k.seen.inc = k.set.last
		return
	}
	t.tasks = append(t.tasks, k)
	n := k.spec.Process.Replicas
	if n > 1 {
		t.setOf(k).count = n
	}
	for i := 2; i <= n; i++ {
		t.define(k.spec.AsReplica(i))
	}
}

// join makes a replica a member of its task service's set, behind the one before
// it. The first is there: nobody asks for a replica of nothing.
func (t *Transaction) join(k *task) {
	base, _, _ := conf.SplitReplica(string(k.id))
	first := t.byID[event.TaskID(base)]
	s := t.setOf(first)
	at, _ := slices.BinarySearchFunc(s.members, k.number(), func(m *task, n int) int { return m.number() - n })
	before := s.members[at-1]
	s.members = slices.Insert(s.members, at, k)
	k.set = s
	t.tasks = slices.Insert(t.tasks, slices.Index(t.tasks, before)+1, k)
	t.links = nil
	t.resized(first)
}

// resized shows all members anew: each tells how many they are.
func (t *Transaction) resized(k *task) {
	for _, m := range k.members() {
		t.touch(m)
	}
}

// askScale changes how many replicas there are to be. New ones are started if the
// task service is wanted up; the highest numbers go first, in order.
func (t *Transaction) askScale(o *operation) {
	for _, id := range slices.Sorted(maps.Keys(o.asked.Scale)) {
		n := o.asked.Scale[id]
		k, why := t.scalable(id, n)
		if why != "" {
			t.record(k, t.state(id), "refused", o.asked.Cause, why)
			o.failed[id] = why
			continue
		}
		t.scale(o, k, n)
	}
	o.pace = stopPace
	if n := len(o.queue); n > 0 {
		o.pace = min(stopPace, stopPaceTotal/time.Duration(n))
	}
	t.advance(o)
}

// scalable finds what is to be scaled, and says why it cannot be.
func (t *Transaction) scalable(id event.TaskID, n int) (k *task, why string) {
	k = t.byID[id]
	switch {
	case t.done:
		return k, "the context is ending"
	case n < 0 || n > conf.MaxReplicas:
		return k, fmt.Sprintf("%d replicas: there may be 0 to %d", n, conf.MaxReplicas)
	case k == nil && t.opts.Known[id] == nil:
		return k, fmt.Sprintf("there is no such task service in transaction %s", t.opts.Transaction)
	case k != nil && k.number() > 1:
		return k, fmt.Sprintf("it is replica %d of a task service: scale that", k.number())
	}
	for i := 2; i <= n; i++ {
		other := t.byID[event.TaskID(conf.ReplicaID(string(id), i))]
		if other != nil && other.number() != i {
			return k, fmt.Sprintf("%s is a task service of its own", other.id)
		}
	}
	have := 1
	if k != nil {
		have = k.count()
	}
	if len(t.tasks)+n-have > conf.MaxTasks {
		return k, fmt.Sprintf("%d replicas would make more than %d task services", n, conf.MaxTasks)
	}
	if k == nil {
		k = t.define(t.opts.Known[id])
	}
	return k, ""
}

func (t *Transaction) scale(o *operation, k *task, n int) {
	s, c := t.setOf(k), o.asked.Cause
	up := s.asleep || slices.ContainsFunc(k.all(), func(m *task) bool { return m.want.up })
	t.record(k, k.seen.state, "scaled", c, fmt.Sprintf("to %d replicas, from %d", n, s.count))
	// Who was off, or will be made, starts; who runs is left alone.
	rise := max(s.count, 0) + 1
	s.count, s.scaled, s.asleep = n, true, n == 0 && up
	for i := rise; i <= n; i++ {
		m := t.byID[event.TaskID(conf.ReplicaID(string(k.id), i))]
		if m == nil {
			m = t.define(k.spec.AsReplica(i))
		}
		if up {
			t.rise(o, k, m)
		}
	}
	for _, m := range slices.Backward(s.members) {
		if m.off() {
			o.await(m, m.seen.inc)
			o.queue = append(o.queue, m)
		}
	}
	t.resized(k)
}

// rise starts a replica as the first of its set is: by its schedule, or now.
func (t *Transaction) rise(o *operation, first, m *task) {
	c := o.asked.Cause
	if first.clock.armed() && m != first {
		t.arm(m, first.clock.schedule, c)
		if m.seen.state == event.Defined && !m.want.up {
			m.want = want{up: true, cause: c}
			t.reconcile(m)
		}
		return
	}
	if m.active() {
		return // it was not yet told to go
	}
	above := m.seen.inc
	if m.waits() {
		above--
	}
	o.await(m, above)
	t.start(m, c)
	if first.want.run && !m.want.run {
		m.want.run = true // it was called after its entry had let it wait
		t.reconcile(m)
	}
}

// quit ends a replica that is not to be there.
func (t *Transaction) quit(k *task, c event.Cause) {
	k.want = want{cause: c}
	k.restarts.forget()
	t.disarm(k)
	k.seen.end = endOther
	t.touch(k)
	t.reconcile(k)
	t.check(k)
}

// sweep lets the replicas that are not to be there leave the transaction, once
// nothing of them is left and nobody waits for them.
func (t *Transaction) sweep() {
	for _, k := range t.touched {
		if !k.surplus() || k.seen.present || k.want.up || len(k.operations) > 0 {
			continue
		}
		s := k.set
		s.last = max(s.last, k.seen.inc)
		s.members = slices.DeleteFunc(s.members, func(m *task) bool { return m == k })
		t.tasks = slices.DeleteFunc(t.tasks, func(m *task) bool { return m == k })
		delete(t.byID, k.id)
		k.gone = true
		t.links, t.view = nil, nil
		t.touch(s.members[0])
	}
}

// SavedSet is what is kept of the replicas of a task service, with the first.
type SavedSet struct {
	Count  int               `json:"count"`
	Scaled bool              `json:"scaled,omitempty"`
	Asleep bool              `json:"asleep,omitempty"`
	Last   event.Incarnation `json:"last,omitempty"`
}

func (k *task) savedSet() *SavedSet {
	if k.set == nil || k.number() > 1 {
		return nil
	}
	return &SavedSet{k.set.count, k.set.scaled, k.set.asleep, k.set.last}
}

// regroup finds the sets of an earlier provider's. What that had not yet told to
// go is told now, and not in order.
func (t *Transaction) regroup(saved []Saved) {
	tasks := t.tasks
	t.tasks = nil
	for i, k := range tasks {
		if x := saved[i].Set; x != nil {
			k.set = &set{members: []*task{k}, count: x.Count, scaled: x.Scaled, asleep: x.Asleep, last: x.Last}
		}
		if k.spec.Replica < 2 {
			t.tasks = append(t.tasks, k)
		}
	}
	for _, k := range tasks {
		if k.spec.Replica >= 2 {
			t.join(k)
		}
	}
	for _, k := range tasks {
		if k.off() {
			k.want = want{cause: k.want.cause}
			k.restarts.forget()
			t.disarm(k)
			t.touch(k)
		}
	}
}
