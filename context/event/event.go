package event

import "time"

// An Event is something that happened. Sources make them; a group's Step alone
// decides what follows.
type Event interface {
	// About is the task service that the event is about; "" for the whole group.
	About() TaskID
}

// Exit is how a process ended.
type Exit struct {
	Code   int    `json:"exit_code"`        // exit status; meaningless when Signal is set
	Signal string `json:"signal,omitempty"` // name of the signal that killed it, "SIGKILL"
	Core   bool   `json:"core,omitempty"`   // it dumped core
}

// Clean is an exit with status 0.
func (e Exit) Clean() bool { return e.Signal == "" && e.Code == 0 }

// Spawned is the keeper's word that the process exists.
type Spawned struct {
	Ref
	PID   int
	Ticks uint64 // its start in clock ticks since boot: with that the number is nobody else's
}

// SpawnFailed is the keeper's or the launcher's word that it could not be made.
type SpawnFailed struct {
	Ref
	Reason string
}

// Exited is the end of the leader of a service's process group. Members of the
// group may live on until Gone.
type Exited struct {
	Ref
	Exit Exit
}

// Gone says that nothing of an incarnation is left, or names what could not be ended.
type Gone struct {
	Ref
	Survivors []int
}

// HookEnded is the keeper's word that a hook of a task service is over.
type HookEnded struct {
	Ref
	Turn    string // pre_start, post_start, pre_stop, post_stop; of a second one "pre_start.2"
	Failure string // "" is success
}

// Lost says that an incarnation is gone and that nobody can tell how it ended:
// its keeper died with the knowledge.
type Lost struct {
	Ref
	Reason string
}

// Notice is what a task service says of itself on the control topic.
type Notice struct {
	Ref
	Action string         // started, created, updated, failed, stopped, exited
	Result string         // success, failure; free text in fact
	PID    int            // as the service gave it; 0: it did not
	Reason string         // status.reason, if it is text
	Status map[string]any // the whole content.status
}

// Dropped says how many lines of a task service's output are in no file, all its
// incarnations together.
type Dropped struct {
	Task  TaskID
	Lines uint64
}

// Deadline is a time that passed. A deadline of a dead incarnation, or one that
// was overtaken by events, means nothing.
type Deadline struct {
	Ref
	Kind DeadlineKind
}

// Due is the word of the clock about a task service's schedule: a time has come,
// or the next one is known anew.
type Due struct {
	Task   TaskID
	At     time.Time // the time that has come; zero: none has
	Next   time.Time // the one after it; zero: there is none
	Missed int       // times that passed with nobody to see them
}

// Probed is the verdict of one probe about a process. Only changes of a verdict
// come, those of startup and liveness when there were as many failures as the file allows.
type Probed struct {
	Ref
	Probe  int // its place in the task service's file
	OK     bool
	Reason string // of a failure, about the probe: "timed out 3 times"
}

// Unmet is the word of who judges message flow: a task service does not publish what
// its file expects of it.
type Unmet struct {
	Ref
	Expect int    // its place in the task service's file
	Topic  string // that was judged
	Reason string // a whole clause: "topic frames came 3/s, min 20/s, for 2s"
}

// Exceeded is the word of who measures costs: a process has been beyond a limit of its
// file for as long as that allows.
type Exceeded struct {
	Ref
	Limit  int    // its place in the task service's file
	Reason string // "rss 412 MB > 400 MB for 30s"
}

// Rising is the word of who measures costs: a figure of a process leads to its limit.
type Rising struct {
	Ref
	Reason string // "fds +14/h (confidence 99.9%), limit 1024 in 2.6 days"
}

// Notified is the state of what a service has told its keeper: each holds all that
// it has told so far (sd_notify(3)).
type Notified struct {
	Ref
	Ready    bool          // READY=1
	Stopping bool          // STOPPING=1
	Status   string        // STATUS=
	Overdue  bool          // WATCHDOG=1 did not come in time
	Extend   time.Duration // EXTEND_TIMEOUT_USEC=: it asks for as much time from now
}

// DeadlineKind says what was waited for.
type DeadlineKind string

// The deadlines of a task service.
const (
	StartOverdue DeadlineKind = "start overdue" // neither `started` nor ready within the time allowed
	SignalDue    DeadlineKind = "signal due"    // was told to stop by message; now by signal
	LingerDue    DeadlineKind = "linger due"    // said `stopped` long ago and still has processes
	Settled      DeadlineKind = "settled"       // it has started, and has not ended at once
	RestartDue   DeadlineKind = "restart due"   // the pause of a restart policy is over
	NextStop     DeadlineKind = "next stop"     // the one before it is slow to stop: go on with the next
)

// About implements Event.
func (e Spawned) About() TaskID { return e.Task }

// About implements Event.
func (e SpawnFailed) About() TaskID { return e.Task }

// About implements Event.
func (e Exited) About() TaskID { return e.Task }

// About implements Event.
func (e Gone) About() TaskID { return e.Task }

// About implements Event.
func (e HookEnded) About() TaskID { return e.Task }

// About implements Event.
func (e Lost) About() TaskID { return e.Task }

// About implements Event.
func (e Notice) About() TaskID { return e.Task }

// About implements Event.
func (e Probed) About() TaskID { return e.Task }

// About implements Event.
func (e Unmet) About() TaskID { return e.Task }

// About implements Event.
func (e Exceeded) About() TaskID { return e.Task }

// About implements Event.
func (e Rising) About() TaskID { return e.Task }

// About implements Event.
func (e Notified) About() TaskID { return e.Task }

// About implements Event.
func (e Dropped) About() TaskID { return e.Task }

// About implements Event.
func (e Deadline) About() TaskID { return e.Task }

// About implements Event.
func (e Due) About() TaskID { return e.Task }

// Change is one thing that changed, or was refused. Everything that anyone can
// see of the supervisor is made from Changes.
type Change struct {
	Seq         uint64        `json:"seq"` // grows by one within a transaction
	At          time.Time     `json:"at"`  // wall clock: a label, never an order
	Transaction TransactionID `json:"transaction"`
	Task        TaskID        `json:"task,omitempty"`
	Incarnation Incarnation   `json:"incarnation,omitempty"`
	PID         int           `json:"pid,omitempty"`
	From        State         `json:"from"`
	To          State         `json:"to"`
	Event       string        `json:"event"` // what happened, one of the machine's inputs or "refused"
	Cause       Cause         `json:"cause"`
	Exit        *Exit         `json:"exit,omitempty"`
	Reason      string        `json:"reason,omitempty"`
}
