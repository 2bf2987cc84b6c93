package watchdog

import (
	"context"
	"time"
)

// Store is where the watchdog keeps what it sees. Package storetest holds what every
// one must do; sqlite and postgres are two.
//
// Times are kept to the microsecond, in UTC.
type Store interface {
	// Run writes until ctx ends, then what waits, and returns. Before it and after it
	// nothing is written.
	Run(ctx context.Context) error

	// Append queues an entry; entries are written in the order of the calls. It never
	// blocks: while the database does not write, entries wait in a ring of a hundred
	// thousand; when that runs over the oldest messages and changes are lost, and
	// counted. Rows of microservices are not lost so: of each the latest is kept.
	//
	// The store takes the entry and must not be given one that changes afterwards.
	Append(e Entry)

	// Durable asks for the moment when all that was appended before is on the disk and
	// outlives a power cut. done is called once: with nil, or with why that will not be.
	// It waits through a failing database. done runs on a goroutine of the store's and
	// must not block.
	Durable(done func(error))

	// Load gives the rows of all microservices, by first_seen.
	Load(ctx context.Context) ([]Microservice, error)

	// Messages gives the latest messages of a gid, "" of everyone, oldest first, at most
	// limit. Changes gives the latest changes. Both see what Durable has told of.
	Messages(ctx context.Context, gid string, limit int) ([]Message, error)
	Changes(ctx context.Context, gid string, limit int) ([]Change, error)

	// Retain removes what is too much, queued as an entry is; it may take several
	// commits, so as not to hold up others.
	Retain(r Retention)

	// Stats gives figures since Open.
	Stats() StoreStats

	// Close takes nothing any more, writes what waits, in one attempt, and closes. Run
	// returns.
	Close(ctx context.Context) error
}

// Retention is what a store is to keep. Of microservices only those are removed that are
// in the state end since Before: the others are observed.
type Retention struct {
	Before time.Time // messages, changes and ended microservices before are removed
	Rows   int       // of messages, and of changes, only the latest so many stay; 0: all
	Size   int64     // bytes: the oldest messages beyond are removed, as the database counts; 0: none
}

// StoreStats are figures of a store.
type StoreStats struct {
	Written uint64 // writes that are in the database; an entry is one or two
	Lost    uint64 // writes that were pushed out of the ring, or left at the end
	Refused uint64 // writes that the database would not take, for what they hold
	Waiting int    // writes that are not in the database yet
	Failing string // why the last attempt to write failed; "": it did not
}
