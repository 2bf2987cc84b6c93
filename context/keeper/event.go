package keeper

import (
	"syscall"
	"time"
)

// Kind says what happened to a slot. A reader ignores kinds that it does not
// know: a newer keeper may have more.
type Kind string

// The order for one ID is Spawned, Exited, Gone; or SpawnFailed alone. Of a slot that
// was adopted it is Adopted, Exited, Gone, without Adopted if its leader was dead.
const (
	// Spawned: the program runs, execve(2) has succeeded.
	Spawned Kind = "spawned"
	// SpawnFailed: there was no process, and Err says why. The last event of its ID.
	SpawnFailed Kind = "spawn_failed"
	// Exited: the leader is dead; members of its group may live.
	Exited Kind = "exited"
	// Gone: the whole tree is gone and its last output is in the file, or Survivors
	// are named. The last event of its ID.
	Gone Kind = "gone"
	// Adopted: the program runs, and was spawned by a keeper that is dead.
	Adopted Kind = "adopted"
	// Noticed: the service has told something of itself, see Event.Notice. Between
	// Spawned and Exited, and no second one before the first is acknowledged.
	Noticed Kind = "noticed"
	// Refused: a request named a slot that the keeper does not hold.
	Refused Kind = "refused"
)

// Event is one entry of the keeper's single ordered stream.
type Event struct {
	Seq   uint64   `json:"seq"` // grows by one
	Kind  Kind     `json:"kind"`
	ID    ID       `json:"id"`
	PID   int      `json:"pid,omitempty"`
	Start Identity `json:"start,omitzero"`

	// Of the leader, with Exited and Gone. Signal is 0 unless it was killed. Code is -1
	// if it is lost.
	Code   int            `json:"code,omitempty"`
	Signal syscall.Signal `json:"signal,omitempty"`
	Core   bool           `json:"core,omitempty"`
	// Asked: its provider had asked for the end, by Stop or Kill, before it came.
	Asked bool `json:"asked,omitempty"`
	// Lost is what cannot be told, of an adopted slot: LostExitCode and others.
	Lost []string `json:"lost,omitempty"`

	// Survivors of Gone are pids that SIGKILL did not end in time (a process in
	// uninterruptible sleep). If the leader is among them no Exited came before.
	Survivors []int `json:"survivors,omitempty"`

	Notice *Notice   `json:"notice,omitempty"` // of Noticed
	Err    string    `json:"err,omitempty"`    // of SpawnFailed, Refused; Gone with Survivors; Exited of a hook that took too long
	Output string    `json:"output,omitempty"` // Exited: the tail that Output.Tail asked for
	At     time.Time `json:"at"`               // a label: never compute with it
	Mono   int64     `json:"mono"`             // CLOCK_MONOTONIC, nanoseconds
}

// State is where a slot stands between its events.
type State string

// The states of a slot.
const (
	Spawning State = "spawning" // asked for, not yet executed
	Running  State = "running"
	Stopping State = "stopping" // the stop recipe runs; the leader may be dead already
	Over     State = "over"     // SpawnFailed or Gone was told and not yet acknowledged
)

// Status is one slot as List shows it: all that a provider that comes back needs
// to go on with it.
type Status struct {
	ID    ID       `json:"id"`
	State State    `json:"state"`
	PID   int      `json:"pid,omitempty"`
	Start Identity `json:"start,omitzero"`
	// Since is when it was spawned, a label; Mono the same on CLOCK_MONOTONIC,
	// nanoseconds: how long it has run is the difference to now.
	Since time.Time `json:"since,omitzero"`
	Mono  int64     `json:"mono,omitempty"`

	Exited    bool     `json:"exited,omitempty"` // the leader is dead
	Code      int      `json:"code,omitempty"`
	Signal    int      `json:"signal,omitempty"`
	Core      bool     `json:"core,omitempty"`
	Err       string   `json:"err,omitempty"`       // of SpawnFailed or Gone
	Survivors []int    `json:"survivors,omitempty"` // of Gone
	Adopted   bool     `json:"adopted,omitempty"`   // it was spawned by a keeper that is dead
	Lost      []string `json:"lost,omitempty"`      // as in Event
	Last      uint64   `json:"last,omitempty"`      // Seq of the last event, when Over: what to acknowledge

	Stop   Recipe  `json:"stop"` // its own
	Ending *Ending `json:"ending,omitempty"`
	Log    string  `json:"log,omitempty"`    // its own, as asked for
	Notify string  `json:"notify,omitempty"` // as in Spec
}

// Ending is a stop under way.
type Ending struct {
	Recipe  Recipe `json:"recipe"`            // in force
	Due     int64  `json:"due,omitempty"`     // when the grace ends, CLOCK_MONOTONIC, nanoseconds
	Killing bool   `json:"killing,omitempty"` // the grace is over
	Asked   bool   `json:"asked,omitempty"`   // by a provider; else its leader has left it behind, or everything ends
}

// Stats is what the keeper costs and holds.
type Stats struct {
	PID          int    `json:"pid"`
	RSS          int64  `json:"rss"` // bytes
	Goroutines   int    `json:"goroutines"`
	Threads      int    `json:"threads"`
	FDs          int    `json:"fds"`
	Slots        int    `json:"slots"`         // told Gone but not acknowledged ones included
	Live         int    `json:"live"`          // slots with a process
	Orphans      int    `json:"orphans"`       // adopted processes, of known and unknown slots
	Events       int    `json:"events"`        // kept until acknowledged
	DroppedLines uint64 `json:"dropped_lines"` // of output, all slots since the start
	LostNotes    uint64 `json:"lost_notes"`    // of the keeper's own log, while nobody listened
	Descriptors  int    `json:"descriptors"`   // kept for the provider
	Cgroup       string `json:"cgroup"`        // directory of the services' cgroups, or why there is none; "" until one was asked for
}
