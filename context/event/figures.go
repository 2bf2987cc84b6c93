package event

import (
	"maps"
	"time"
)

// Figures is what a provider knows, at one moment, of what it runs and of itself: the
// value behind the metrics page, `conf_command top` and every other picture of cost.
// Like a View it is immutable. Its JSON is a contract: keys are added, never taken away;
// sizes are in bytes, times in seconds.
type Figures struct {
	At       time.Time        `json:"at"`
	Context  string           `json:"context"` // ContextID
	Version  string           `json:"version"` // of the provider
	Began    time.Time        `json:"began"`   // of the provider
	Services []ServiceFigures `json:"services"`
	Self     []SelfFigures    `json:"self"` // provider and keeper
	Bus      BusFigures       `json:"bus"`
	Journal  JournalFigures   `json:"journal"`
	Queues   QueueFigures     `json:"queues"`
	Output   OutputFigures    `json:"output"`
}

// ServiceFigures is one task service in one transaction.
type ServiceFigures struct {
	Transaction TransactionID `json:"transaction"`
	*TaskView
	Uptime float64 `json:"uptime_s"`       // seconds since it was started; 0: it is not
	Cost   *Cost   `json:"cost,omitempty"` // of its latest process; nil: nobody has looked
}

// Cost is what the processes of a task service cost when somebody looked: its own, and
// all that descend from it.
type Cost struct {
	At time.Time `json:"at"`
	ProcessCost
	Children []ProcessCost `json:"children,omitempty"` // all descendants, not its children alone
	Error    string        `json:"error,omitempty"`    // what could not be read, and why
}

// ProcessCost is what one process costs.
type ProcessCost struct {
	PID         int            `json:"pid"`
	Parent      int            `json:"parent,omitempty"` // pid
	Name        string         `json:"name,omitempty"`
	RSS         int64          `json:"rss_bytes"`
	VMS         int64          `json:"vms_bytes"`
	Memory      float64        `json:"memory_percent"` // RSS of physical memory
	CPU         float64        `json:"cpu_percent"`    // 100 is one core
	FDs         int            `json:"fds"`
	Threads     int            `json:"threads"`
	Age         float64        `json:"age_s"`                 // seconds since its start
	Connections map[string]int `json:"connections,omitempty"` // number by status, TCP: ESTABLISHED, LISTEN, …, UDP: NONE; nil: nobody asked
}

// Total adds up all processes. Memory that they share counts for each.
func (c *Cost) Total() ProcessCost {
	sum := c.ProcessCost
	sum.Connections = maps.Clone(sum.Connections)
	for _, p := range c.Children {
		sum.RSS += p.RSS
		sum.VMS += p.VMS
		sum.Memory += p.Memory
		sum.CPU += p.CPU
		sum.FDs += p.FDs
		sum.Threads += p.Threads
		for status, n := range p.Connections {
			if sum.Connections == nil {
				sum.Connections = map[string]int{}
			}
			sum.Connections[status] += n
		}
	}
	return sum
}

// Sockets is the number of connections of every status.
func (p ProcessCost) Sockets() int {
	n := 0
	for _, of := range p.Connections {
		n += of
	}
	return n
}

// SelfFigures is what a process of ours costs.
type SelfFigures struct {
	Process    string  `json:"process"` // provider or keeper
	PID        int     `json:"pid"`
	RSS        int64   `json:"rss_bytes"`
	CPUSeconds float64 `json:"cpu_seconds"` // since its start, user and system
	CPU        float64 `json:"cpu_percent"` // since somebody looked before; 100 is one core
	FDs        int     `json:"fds"`
	Threads    int     `json:"threads"`
	Goroutines int     `json:"goroutines"`
}

// BusFigures is what the forwarder has done since it began, and has in hand.
type BusFigures struct {
	Connections int    `json:"connections"`
	Shaking     int    `json:"shaking"` // of those, in their handshake
	Publishers  int    `json:"publishers"`
	Subscribers int    `json:"subscribers"`
	Prefixes    int    `json:"prefixes"` // subscriptions
	Accepted    uint64 `json:"accepted"`
	Refused     uint64 `json:"refused"` // peers whose handshake failed
	Shed        uint64 `json:"shed"`    // connections beyond a limit

	In      Traffic `json:"in"`  // from publishers
	Out     Traffic `json:"out"` // taken for subscribers, once for each
	Dropped Traffic `json:"dropped"`
	Denied  uint64  `json:"denied"` // messages that a rule refused

	Memory         int64 `json:"memory_bytes"`           // in queues and buffers
	QueuedMessages int   `json:"queued_messages"`        // for all subscribers
	QueuedBytes    int64 `json:"queued_bytes"`           //
	LongestQueue   int   `json:"longest_queue_messages"` // of one subscriber
}

// Traffic counts messages and their bytes on the wire.
type Traffic struct {
	Messages uint64 `json:"messages"`
	Bytes    uint64 `json:"bytes"`
}

// JournalFigures is how the journal keeps up.
type JournalFigures struct {
	Written uint64    `json:"written"` // rows in the file
	Commits uint64    `json:"commits"`
	Lost    uint64    `json:"lost"`    // rows that could not be kept until the disk was well
	Refused uint64    `json:"refused"` // rows that were wrong
	Waiting int       `json:"waiting"` // rows on their way
	Failing string    `json:"failing,omitempty"`
	Since   time.Time `json:"since,omitzero"` // of the failure
	Stalled bool      `json:"stalled,omitempty"`
}

// QueueFigures is what waits inside the provider and its keeper.
type QueueFigures struct {
	Notices int `json:"notices"` // words of services that their transactions have not read
	Events  int `json:"events"`  // of the keeper that are not in the journal
	Slots   int `json:"slots"`   // processes that the keeper holds
}

// OutputFigures is about what task services print.
type OutputFigures struct {
	Dropped uint64 `json:"dropped_lines"` // that are in no file, since the keeper began
	Bytes   int64  `json:"log_bytes"`     // of all log files, cut and compressed ones too
}
