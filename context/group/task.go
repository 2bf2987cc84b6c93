package group

import (
	"fmt"
	"time"

	"zmicroservices/conf"
	"zmicroservices/context/event"
)

// task is what a transaction knows of one task service.
type task struct {
	id   event.TaskID
	spec *conf.Task
	next *conf.Task // a newer spec, taken when nothing of this one is left
	want want
	seen seen

	restarts   restarts
	clock      clock        // of its schedule
	set        *set         // its replicas, itself among them; nil: there are no others
	gone       bool         // a replica that has left the transaction
	told       bool         // a stop under way was itself the message that tells the service
	survivors  []int        // pids of the last incarnation that could not be ended
	operations []*operation // requests that wait for this task service
	hold       string       // what its start waits for; "" nothing
	dropped    uint64       // lines of its output, as the keeper counts them
	pulled     bool         // what it waits for was started
	seq        uint64       // of its last change
	view       *event.TaskView
	touched    bool // it is in Transaction.touched
	stirred    bool // it is in Transaction.stirred
}

// want is what should be. It changes by requests, transitions and policies only.
type want struct {
	up    bool
	above event.Incarnation // only an incarnation above this one will do: a restart
	run   bool              // run its task even if its entry says that it waits
	cause event.Cause
}

// seen is what is, as far as events have told.
type seen struct {
	state   event.State
	inc     event.Incarnation
	present bool // a process was asked for and AllGone has not come
	pid     int
	ticks   uint64 // of its start, see event.Spawned
	since   time.Time
	exit    *event.Exit
	reason  string
	cause   event.Cause // of the last change
	starts  int

	// of this incarnation
	began       time.Time   // when it was asked for
	start       uint64      // Seq of the change that started it
	root        uint64      // of the chain that started it
	made        bool        // Spawned has come
	reached     bool        // it has been created or started: a failure now is no failed start
	spoke       bool        // it has said something itself: it hears the bus
	saidStopped bool        // it said `stopped` or `exited` itself
	ending      bool        // its stop recipe was asked for
	broke       event.Cause // of the failure that it is being ended for
	end         endKind     // who wanted its end
	exitFired   bool        // on_exit was fired
	completed   bool        // it ended by itself, with success, and nothing wants it again
	watching    watching    // which probes were asked for
	owing       bool        // what it publishes is judged
	limited     bool        // what it costs is judged
	probes      []bool      // their verdicts; never written, replaced
	leaves      bool        // it said STOPPING=1
	status      string      // its STATUS=
	extended    time.Time   // it asked for time to start until then
	object      map[string]any

	// context info's words
	action, result string
	told           string // the action of the last process message
}

// endKind says who wanted the end of an incarnation: on_exit depends on it.
type endKind uint8

const (
	endItself   endKind = iota // nobody: it ended by itself
	endOperator                // an operator stopped this one service
	endOther                   // a restart, a transition, a stop of the whole context, a shutdown
)

func newTask(spec *conf.Task, now time.Time) *task {
	return &task{
		id:   event.TaskID(spec.ID),
		spec: spec,
		seen: seen{since: now, action: "defined", result: "success"},
	}
}

func (k *task) self() bool { return k.spec.Announce() == "self" }

func (k *task) ref(t event.TransactionID) event.Ref {
	return event.Ref{Transaction: t, Task: k.id, Incarnation: k.seen.inc}
}

// active says that it runs, or is about to, and nobody has asked for its end.
func (k *task) active() bool {
	return !k.seen.ending && (k.seen.state == event.Started || k.seen.state == event.Starting && k.want.run)
}

// waits says that there is a process whose task waits for a start, or is about to.
// One that is to go, and is kept for whoever goes first, waits for its end.
func (k *task) waits() bool {
	s := &k.seen
	return s.present && !s.ending && !k.leaving() && (s.state == event.Created || s.state == event.Starting && !k.want.run)
}

// snapshot makes the immutable picture of the task service for a View.
func (k *task) snapshot() *event.TaskView {
	s := &k.seen
	waits := ""
	if k.isHeld() {
		waits = k.hold
	}
	rss, fds := most(k.spec)
	return &event.TaskView{
		MostRSS: rss, MostFDs: fds,
		ID: k.id, Instance: k.spec.Instance, ServiceName: k.spec.ServiceName, User: k.spec.Process.User,
		State: s.state, Incarnation: s.inc, PID: s.pid, Present: s.present, Wanted: k.want.up, Self: k.self(), Completed: s.completed,
		Since: s.since, Restarts: max(0, s.starts-1), Exit: s.exit, Reason: s.reason, Cause: s.cause,
		Replica: k.number(), Replicas: k.count(), Scheduled: k.clock.armed(), Next: k.clock.next,
		Ready: k.ready(), Waits: waits, Status: s.status, Dropped: k.dropped,
		Action: s.action, Result: s.result, Object: s.object, Told: s.told,
	}
}

// describe says how it ended, for a reason.
func describe(e event.Exit) string {
	switch {
	case e.Signal != "" && e.Core:
		return "killed by " + e.Signal + ", core dumped"
	case e.Signal != "":
		return "killed by " + e.Signal
	default:
		return fmt.Sprintf("exited with code %d", e.Code)
	}
}
