package group

import (
	"fmt"
	"time"

	"zmicroservices/conf"
	"zmicroservices/context/event"
)

// clock is what has become of a task service's schedule. The times themselves
// come from outside, as event.Due, from when Arm was emitted until Disarm is.
type clock struct {
	schedule *conf.Schedule // nil: not armed
	since    time.Time      // when it was armed: an interval counts from here
	told     time.Time      // up to here every time was told
	next     time.Time      // zero: not known
	queued   *event.Cause   // of a run that waits for the end of the one before; nil: none does
}

func (c *clock) armed() bool { return c.schedule != nil }

// Arm asks for the times of a schedule, as event.Due, in place of those that were
// asked for before. The ones between After and now were missed.
type Arm struct {
	Ref          event.Ref
	Schedule     *conf.Schedule
	Since, After time.Time
}

// Disarm asks for no more of them.
type Disarm struct{ Ref event.Ref }

func (Arm) effect()    {}
func (Disarm) effect() {}

// busy says for k's schedule that the run before is not over. One that waits
// between two restarts of its policy is not over, either.
func (k *task) busy() bool {
	return k.seen.present && !k.waits() || k.want.up && k.want.run
}

// idle says that k is ready for the times of its schedule, without a process.
func (k *task) idle() bool { return k.clock.armed() && !k.want.run }

// arms lets the schedule of k begin, if it has one, and says whether that is all
// that a request asks for. One for the whole file is about the schedules; one
// that names some task services runs them at once.
func (t *Transaction) arms(o *operation, k *task) bool {
	spec := k.spec
	if k.next != nil {
		spec = k.next
	}
	s := spec.Process.Schedule
	if s == nil {
		t.disarm(k)
		return false
	}
	whole := o.file
	if k.clock.armed() && len(t.opts.Known) == 1 {
		whole = false // the file has no other: it was named
	}
	if !k.clock.armed() || !sameTimes(k.clock.schedule, s) {
		t.arm(k, s, o.asked.Cause)
	}
	if !whole || k.busy() {
		return false
	}
	if k.seen.state == event.Defined {
		k.want = want{up: true, cause: o.asked.Cause}
		t.reconcile(k) // it is created, and waits
	}
	return true
}

func (t *Transaction) arm(k *task, s *conf.Schedule, c event.Cause) {
	k.clock = clock{schedule: s, since: t.now, told: t.now, queued: k.clock.queued}
	t.record(k, k.seen.state, "scheduled", c, timesOf(s))
	t.emit(Arm{k.ref(t.opts.Transaction), s, t.now, t.now})
}

// disarm ends the schedule of k, until somebody starts it again.
func (t *Transaction) disarm(k *task) {
	if !k.clock.armed() {
		return
	}
	k.clock = clock{}
	t.touch(k)
	t.emit(Disarm{k.ref(t.opts.Transaction)})
}

// due takes the word of the clock: a time has come, or times were missed.
func (t *Transaction) due(e event.Due) {
	k := t.byID[e.Task]
	if k == nil || !k.clock.armed() || t.done {
		return // disarmed while it was on its way
	}
	l := &k.clock
	l.next, l.told = e.Next, t.now
	t.touch(k)
	c := event.Cause{Origin: event.BySchedule, By: fmt.Sprintf("%s of %s", timesOf(l.schedule), k.id)}
	if e.Missed > 0 {
		t.record(k, k.seen.state, "missed", c, fmt.Sprintf("%d times of its schedule passed unseen, and are not made up", e.Missed))
	}
	if e.At.IsZero() {
		return
	}
	// What follows has this row for its parent.
	follows := func(what, why string) event.Cause {
		c.Parent = t.record(k, k.seen.state, what, c, why)
		c.Root = c.Parent
		return c
	}
	switch {
	case !k.busy():
		t.run(k, follows("due", ""))
	case l.schedule.Overlap == "kill":
		c = follows("due", "the run before is ended")
		t.restart(k, c)
		k.want.run = true
		t.reconcile(k)
	case l.schedule.Overlap == "queue" && l.queued == nil:
		c = follows("queued", "the run before is not over")
		l.queued = &c
	case l.schedule.Overlap == "queue":
		follows("skipped", "the run before is not over, and one waits already")
	default:
		follows("skipped", "the run before is not over")
	}
}

// run starts k's task, whatever its entry says.
func (t *Transaction) run(k *task, c event.Cause) {
	t.start(k, c)
	if !k.off() {
		k.want.run = true
		t.reconcile(k)
	}
}

// unqueue starts the run that waits for the end of the one before.
func (t *Transaction) unqueue(k *task) {
	if k.clock.queued == nil || k.busy() || t.done {
		return
	}
	c := *k.clock.queued
	k.clock.queued = nil
	t.run(k, c)
}

// timesOf is a schedule in words.
func timesOf(s *conf.Schedule) string {
	text := fmt.Sprintf("every %v", s.Every)
	if s.Cron != "" {
		text = fmt.Sprintf("cron %q", s.Cron)
	}
	if s.Zone != "" {
		text += " " + s.Zone
	}
	return text
}

func sameTimes(a, b *conf.Schedule) bool {
	return a.Cron == b.Cron && a.Every == b.Every && a.Zone == b.Zone && a.Overlap == b.Overlap
}

// SavedClock is what is kept of a schedule that is armed.
type SavedClock struct {
	Schedule *conf.Schedule `json:"schedule"`
	Since    time.Time      `json:"since"`
	Told     time.Time      `json:"told"`
	Queued   *event.Cause   `json:"queued,omitempty"`
}

func (c *clock) saved() *SavedClock {
	if !c.armed() {
		return nil
	}
	return &SavedClock{c.schedule, c.since, c.told, c.queued}
}

func (s *SavedClock) clock() clock {
	if s == nil {
		return clock{}
	}
	return clock{schedule: s.Schedule, since: s.Since, told: s.Told, queued: s.Queued}
}

// rearm goes on with the schedule of an earlier provider's.
func (t *Transaction) rearm(k *task) {
	if !k.clock.armed() {
		return
	}
	t.emit(Arm{k.ref(t.opts.Transaction), k.clock.schedule, k.clock.since, k.clock.told})
	t.unqueue(k)
}
