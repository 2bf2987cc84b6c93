package event

import "time"

// View is the whole of a transaction as it was after the Change with number Seq.
// It is immutable: whoever has one may keep it and share it, and must not write.
type View struct {
	Seq         uint64        `json:"seq"`
	Transaction TransactionID `json:"transaction"`
	ContextName string        `json:"context_name"` // header.service_name of the command that began it
	LogName     string        `json:"log_name"`     // TaskLogName of that command
	Endpoints   Endpoints     `json:"-"`            // as that command gave them
	Began       time.Time     `json:"began"`
	Tasks       []*TaskView   `json:"tasks"` // in order of definition
}

// Endpoints are the four addresses of a context, in the words of its file.
type Endpoints struct {
	FrontEndEndpoint, BackendEndpoint, FrontBind, BackendBind string
}

// TaskView is one task service in a View.
type TaskView struct {
	ID          TaskID      `json:"task"`
	Instance    string      `json:"instance"`
	ServiceName string      `json:"service_name"`
	User        string      `json:"-"` // whom it runs as, if its file says so: a name or a number
	State       State       `json:"state"`
	Incarnation Incarnation `json:"incarnation"`
	PID         int         `json:"pid,omitempty"` // kept after the end; 0: never had one
	Present     bool        `json:"present"`       // something of it may still run
	Wanted      bool        `json:"wanted"`        // it is to be up
	Self        bool        `json:"self"`          // it announces itself
	Completed   bool        `json:"completed"`     // it is stopped because its work is done: it ended by itself, with success
	Since       time.Time   `json:"since"`         // of the state
	Restarts    int         `json:"restarts"`
	Exit        *Exit       `json:"exit,omitempty"`
	Reason      string      `json:"reason,omitempty"`
	Cause       Cause       `json:"cause"` // of the last change

	Ready  bool   `json:"ready"`            // it is started, and its readiness probes agree
	Waits  string `json:"waits,omitempty"`  // it is wanted up, and what it waits for: "waits for ts001 until ready"
	Status string `json:"status,omitempty"` // its own word on what it does (STATUS= of sd_notify(3))

	Replica  int `json:"replica"`  // its number among the replicas of its task service; 1: it is the task service itself
	Replicas int `json:"replicas"` // how many there are to be

	Dropped uint64 `json:"dropped,omitempty"` // lines of its output that are in no file

	Scheduled bool      `json:"scheduled"`     // the times of its schedule run it
	Next      time.Time `json:"next,omitzero"` // the next of them; zero: not known, or none

	MostRSS int64 `json:"-"` // bytes that its file allows, the least that it names; 0: it names none
	MostFDs int   `json:"-"` // descriptors, by a <limit> of it; 0: it names none

	// In the words of the original's context info: the last action on the bus
	// (defined, start, started, created, updated, failed, exited, stop, stopped,
	// restart), success | in_progress | the service's own result, and the last
	// `process` message's task object (nil before the first).
	Action string         `json:"action"`
	Result string         `json:"result"`
	Object map[string]any `json:"-"`
	Told   string         `json:"-"` // the action of that message
}

// Task finds a task service by its id; nil if there is none.
func (v *View) Task(id TaskID) *TaskView {
	for _, t := range v.Tasks {
		if t.ID == id {
			return t
		}
	}
	return nil
}
