package screen

import (
	"time"

	"zmicroservices/context/event"
)

// Key is a task service in a transaction.
type Key struct {
	Transaction event.TransactionID
	Task        event.TaskID
}

// Order is something to be done to a task service.
type Order struct {
	Action string // start, stop, restart
	Key
}

// The messages that a Screen is fed with.
type (
	// Figures are the latest.
	Figures struct{ *event.Figures }
	// Lines were printed by a task service; those of one that is not followed are
	// passed over.
	Lines struct {
		Key
		Lines []Line
	}
	// Causes tell why a task service is as it is, and what came before, the oldest
	// first.
	Causes struct {
		Key
		Why     string
		Changes []event.Change
	}
	// Done is the outcome of an order; "" is success.
	Done struct {
		Order
		Reason string
	}
	// Lost says that nobody answers any more; the next Figures say that somebody does.
	Lost struct{ Err error }
)

// Line is a line of output.
type Line struct {
	At     time.Time
	Stream string // out or err
	Text   string
}

// settled is sent when the cursor has stood on a task service for a moment: who leafs
// through a hundred follows the log of the last.
type settled struct{ Key }
