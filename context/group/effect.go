package group

import (
	"time"

	"zmicroservices/conf"
	"zmicroservices/context/event"
)

// An Effect is something that Step wants done. Effects are performed in order.
type Effect interface{ effect() }

// SayProcess publishes a task service's object on the process topic.
type SayProcess struct {
	Task   *conf.Task
	Object map[string]any // the task object, header not yet filled in
	Action Action
	Cause  event.Cause
}

// SayControl publishes a state on the control topic in a service's name.
type SayControl struct {
	Task    *conf.Task
	Action  string // started, created, failed, stopped
	Status  map[string]any
	Cause   event.Cause
	Subject event.Ref
	Ours    bool // not on a wire that is the original's
}

// Launch makes a process for a task service. Its outcome comes back as
// event.Spawned or event.SpawnFailed with the same Ref.
type Launch struct {
	Ref      event.Ref
	Task     *conf.Task
	Object   map[string]any
	Cause    event.Cause
	Rank     int // of its stop, when a keeper ends all alone: the lowest first
	Replica  int // which one it is
	Replicas int // of how many, when it is launched
}

// Hook has the post_start hooks of a task service run: it has started.
type Hook struct{ Ref event.Ref }

// End runs a stop recipe: signal, grace, KILL, until event.Gone.
type End struct {
	Ref   event.Ref
	Stop  conf.Stop
	Cause event.Cause
}

// Wake asks for an event at a time, unless the group has ended by then.
type Wake struct {
	At    time.Time
	Event event.Deadline
}

// Record is a Change for the readers.
type Record struct{ Change event.Change }

// Answer is the answer to a request.
type Answer struct{ Outcome event.Outcome }

func (SayProcess) effect() {}
func (SayControl) effect() {}
func (Launch) effect()     {}
func (Hook) effect()       {}
func (End) effect()        {}
func (Wake) effect()       {}
func (Record) effect()     {}
func (Answer) effect()     {}
