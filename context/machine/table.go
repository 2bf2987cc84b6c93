package machine

import (
	"fmt"

	"zmicroservices/context/event"
)

// Input is what the group makes of an event before it asks the table.
type Input uint8

// The inputs.
const (
	StartAsked       Input = iota // run it in a new process
	CreateAsked                   // make it ready without a process: a command that waits for its start
	RunAsked                      // let a created one, which has a process, run its task
	StopAsked                     // end it; something of it runs
	DropAsked                     // end it; nothing of it runs
	Spawned                       // its process exists
	SpawnFailed                   // its process could not be made
	Ready                         // it has started, by the word of whoever announces it
	SaidCreated                   // it said created
	SaidStartFail                 // it said started with result failure
	SaidUpdated                   // it said updated, or another word that changes nothing
	SaidFailed                    // it said failed
	SaidStopped                   // it said stopped or exited
	ExitedClean                   // its leader ended with status 0
	ExitedBadly                   // its leader ended with another status, or by a signal
	AllGone                       // nothing of it is left
	StartIsOverdue                // no started within the time allowed
	ProbeFailed                   // its startup or liveness probe has failed
	DependencyFailed              // what it waits for will not come
	FlowFailed                    // it does not publish what is expected of it
	NumInputs
)

var inputNames = [NumInputs]string{
	"start asked", "create asked", "run asked", "stop asked", "drop asked",
	"spawned", "spawn failed", "ready", "said created", "said start failed", "said updated",
	"said failed", "said stopped", "exited clean", "exited badly", "all gone", "start overdue",
	"probe failed", "dependency failed", "flow failed",
}

func (i Input) String() string {
	if i < NumInputs {
		return inputNames[i]
	}
	return fmt.Sprintf("Input(%d)", uint8(i))
}

// Effect is what the group has to do after a step of the table.
type Effect uint8

// The effects.
const (
	Spawn    Effect = iota // say process start and make a process
	Run                    // say process start to the process that is there
	End                    // say process stop and run the stop recipe
	Announce               // say the new state on the control topic, unless the service said it
	numEffects
)

var effectNames = [numEffects]string{"spawn", "run", "end", "announce"}

func (e Effect) String() string {
	if e < numEffects {
		return effectNames[e]
	}
	return fmt.Sprintf("Effect(%d)", uint8(e))
}

type edge struct {
	to      event.State
	effects []Effect
}

func to(s event.State, effects ...Effect) *edge { return &edge{s, effects} }

// table is the life cycle. A nil edge is a refusal. `failed` is said as soon as
// the leader has ended; `stopped` only when nothing is left, so a clean exit
// passes through Stopping.
var table = [event.NumStates][NumInputs]*edge{
	event.Defined: {
		StartAsked:  to(event.Starting, Spawn),
		CreateAsked: to(event.Created, Announce),
		DropAsked:   to(event.Stopped),

		DependencyFailed: to(event.Failed, Announce), // a start that failed, without a process
	},
	event.Starting: {
		StopAsked:      to(event.Stopping, End),
		Spawned:        to(event.Starting),
		SpawnFailed:    to(event.Failed, Announce),
		Ready:          to(event.Started, Announce),
		SaidCreated:    to(event.Created),
		SaidStartFail:  to(event.Failed, End),
		SaidUpdated:    to(event.Starting),
		SaidFailed:     to(event.Failed),
		SaidStopped:    to(event.Stopping),
		ExitedClean:    to(event.Failed, Announce), // a death before `started` is a failed start, whatever the status
		ExitedBadly:    to(event.Failed, Announce),
		AllGone:        to(event.Failed, Announce),
		StartIsOverdue: to(event.Failed, Announce, End),
		ProbeFailed:    to(event.Failed, Announce, End),
	},
	event.Created: {
		StartAsked:    to(event.Starting, Spawn),
		CreateAsked:   to(event.Created, Announce), // restarted before it ever ran
		RunAsked:      to(event.Starting, Run),
		StopAsked:     to(event.Stopping, End),
		DropAsked:     to(event.Stopped, Announce),
		Ready:         to(event.Started, Announce),
		SaidCreated:   to(event.Created), // repeated after a reconnect
		SaidStartFail: to(event.Failed, End),
		SaidUpdated:   to(event.Created),
		SaidFailed:    to(event.Failed),
		SaidStopped:   to(event.Stopping),
		ExitedClean:   to(event.Stopping),
		ExitedBadly:   to(event.Failed, Announce),
		AllGone:       to(event.Stopped, Announce),
		ProbeFailed:   to(event.Failed, Announce, End),

		DependencyFailed: to(event.Failed, Announce),
	},
	event.Started: {
		StopAsked:     to(event.Stopping, End),
		Ready:         to(event.Started), // repeated after a reconnect
		SaidCreated:   to(event.Started),
		SaidStartFail: to(event.Failed, End),
		SaidUpdated:   to(event.Started),
		SaidFailed:    to(event.Failed),
		SaidStopped:   to(event.Stopping),
		ExitedClean:   to(event.Stopping),
		ExitedBadly:   to(event.Failed, Announce),
		AllGone:       to(event.Stopped, Announce),
		ProbeFailed:   to(event.Failed, Announce, End),
		FlowFailed:    to(event.Failed, Announce, End),
	},
	event.Stopping: {
		StopAsked:   to(event.Stopping, End), // its own slow end becomes an asked one
		Spawned:     to(event.Stopping),
		SpawnFailed: to(event.Stopped, Announce),
		Ready:       to(event.Stopping),
		SaidCreated: to(event.Stopping),
		SaidUpdated: to(event.Stopping),
		SaidFailed:  to(event.Stopping),
		SaidStopped: to(event.Stopping),
		ExitedClean: to(event.Stopping),
		ExitedBadly: to(event.Stopping),
		AllGone:     to(event.Stopped, Announce),
	},
	event.Stopped: {
		StartAsked: to(event.Starting, Spawn),
		DropAsked:  to(event.Stopped),

		DependencyFailed: to(event.Failed, Announce),
	},
	event.Failed: {
		StartAsked:  to(event.Starting, Spawn), // only when nothing of it is left
		StopAsked:   to(event.Stopping, End),
		DropAsked:   to(event.Stopped),
		Spawned:     to(event.Failed, End), // it was given up before it existed
		SpawnFailed: to(event.Failed),
		Ready:       to(event.Started, Announce), // it lives and has recovered, or has come after all
		SaidCreated: to(event.Created),
		SaidUpdated: to(event.Failed),
		SaidFailed:  to(event.Failed),
		SaidStopped: to(event.Stopping),
		ExitedClean: to(event.Failed),
		ExitedBadly: to(event.Failed),
		AllGone:     to(event.Failed),
		ProbeFailed: to(event.Failed, End), // it had said failed, and lived on
		FlowFailed:  to(event.Failed, End),

		DependencyFailed: to(event.Failed, Announce),
	},
}

// RefusedError says that a state does not know an input.
type RefusedError struct {
	State event.State
	Input Input
}

func (e *RefusedError) Error() string {
	return fmt.Sprintf("%s: refused while %s", e.Input, e.State)
}

// Next gives the state and the effects that follow an input. The slice of
// effects belongs to the table and must not be written.
func Next(s event.State, in Input) (event.State, []Effect, error) {
	if s >= event.NumStates || in >= NumInputs || table[s][in] == nil {
		return s, nil, &RefusedError{s, in}
	}
	e := table[s][in]
	return e.to, e.effects, nil
}
