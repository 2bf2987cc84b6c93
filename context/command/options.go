package command

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"zmicroservices/conf"
	"zmicroservices/context/event"
	"zmicroservices/taskservice/hippodamia"
)

// Peer is who a message came from, as far as is known.
type Peer struct {
	Conn uint64 // identifies the connection; 0 for ourselves
	UID  int    // -1: unknown
	Name string // for causes: "uid 0 from 127.0.0.1:4711"
	Self bool   // ourselves

	Loopback bool   // on this machine
	PID      int    // 0: unknown
	Inode    uint64 // of its socket, as in /proc/PID/fd; 0: unknown

	// Of a peer that has proved a key; Role is as in package keys.
	Key, Role string
	Services  []string // ids of the task services that it may speak for
}

// Request is a judged command on its way to a transaction.
type Request struct {
	Transaction event.TransactionID
	Action      string // start, stop, restart, scale
	Tasks       []*conf.Task
	All         bool
	Scale       map[event.TaskID]int // scale: how many replicas of each
	Refused     map[event.TaskID]string
	Told        bool // it was a `process` message: the service has heard it
	Cause       event.Cause

	// of the command, for a transaction that it begins
	ContextName, LogName string
	Endpoints            event.Endpoints
}

// Transactions is what the handlers need of whoever owns the transactions. Its
// methods may be called from many goroutines.
type Transactions interface {
	// Ask hands a request on; start and restart begin a transaction that is new.
	// The answer comes as an Outcome on the bus and to the front that asked.
	Ask(r Request) error
	// Exit ends everything; the provider's Run returns afterwards. The outcome is
	// said in the name of the transaction that was named, if any.
	Exit(id event.TransactionID, c event.Cause)
	// Notice hands on a service's own word. It blocks while the transaction has
	// too many unread.
	Notice(ctx context.Context, n event.Notice) error
	// View gives the latest picture of one transaction, nil if there is none.
	View(id event.TransactionID) *event.View
	// Views gives all of them, in order of their beginning.
	Views() []*event.View
	// Watch begins to read the Changes of one transaction.
	Watch(id event.TransactionID) (Stream, error)
}

// Stream is one reader of a transaction: a View, then every Change after it.
type Stream interface {
	View() *event.View
	// Next gives ErrLagged when Changes were lost: Resync gives the View to go on from.
	Next(ctx context.Context) (event.Change, error)
	Resync() *event.View
	Close()
}

// Journal answers what happened and why.
type Journal interface {
	// Why gives the chain of causes of a task service's latest change of state;
	// an empty transaction is the latest that has the task.
	Why(ctx context.Context, id event.TransactionID, task event.TaskID) (Why, error)
	// History gives rows in the order of the journal.
	History(ctx context.Context, q HistoryQuery) ([]Entry, error)
}

// Logs answers what task services have printed.
type Logs interface {
	// Read gives the lines that fit, in the order of their times; with Follow then those
	// that come, until ctx ends, which is no error. What it gives is each's to keep.
	Read(ctx context.Context, q LogQuery, each func([]LogLine) error) error
}

// Why is a chain of causes, the latest first, and the sentence that tells it.
type Why struct {
	Text  string         `json:"text"`
	Chain []event.Change `json:"chain"`
}

// HistoryQuery chooses rows of the journal; what is zero chooses all.
type HistoryQuery struct {
	Transaction event.TransactionID `json:"transaction,omitempty"`
	Task        event.TaskID        `json:"task,omitempty"`
	Since       time.Time           `json:"since,omitzero"`
	Until       time.Time           `json:"until,omitzero"`
	Limit       int                 `json:"limit,omitempty"`
}

// Entry is a row of the journal: a change of a task service, or a note.
type Entry struct {
	Row    int64         `json:"row"`
	Change *event.Change `json:"change,omitempty"`
	Note   *Note         `json:"note,omitempty"`
}

// Note is a row that is no change: the provider began, a clock stepped.
type Note struct {
	At          time.Time           `json:"at"`
	Event       string              `json:"event"`
	Transaction event.TransactionID `json:"transaction,omitempty"`
	Task        event.TaskID        `json:"task,omitempty"`
	Cause       event.Cause         `json:"cause,omitzero"`
	Reason      string              `json:"reason,omitempty"`
}

// Bus takes what the handlers say.
type Bus interface {
	// Publish says something in our own name.
	Publish(frame []byte) error
	// Wanted says whether anybody would get what is said on a topic.
	Wanted(topic string) bool
	// Inject takes a message from a front as if its peer had published it.
	Inject(p Peer, frame []byte) error
}

// Options are what a Handler works with.
type Options struct {
	Own          *conf.Context // the provider's own file: what may run
	Allow        conf.Allowance
	Transactions Transactions
	Journal      Journal
	Logs         Logs
	Bus          Bus
	Upgrader     Upgrader    // nil: nothing is upgraded in place
	Figures      Figures     // nil: nothing is told of costs
	Tape         Tape        // nil: nothing is recorded or played back
	BusReporter  BusReporter // nil: nothing is told of the bus
	Meter        Meter       // nil: nothing is measured
	Past         Past        // nil: nothing is told of what was
	Logger       *slog.Logger
	// UIDOf gives the uid of a <user>; nil knows nobody.
	UIDOf    func(user string) (uid int, known bool)
	Original bool   // say nothing on the bus that the original did not, but for outcomes
	Keys     bool   // peers may have keys, and are heard as their roles say
	Agents   string // prefix of the topics of the watchdog and its agents, with a dot; "" is hippodamia.
	Insecure bool   // peers beyond loopback, whom nobody vouches for, are heard too
}

func (o *Options) validate() error {
	if o.Own == nil || o.Transactions == nil || o.Journal == nil || o.Logs == nil || o.Bus == nil || o.Logger == nil {
		return errors.New("command: Own, Transactions, Journal, Logs, Bus and Logger are required")
	}
	if o.Agents == "" {
		o.Agents = hippodamia.Prefix
	}
	return nil
}
