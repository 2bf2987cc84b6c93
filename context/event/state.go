package event

import "fmt"

// State is where a task service stands in its life cycle.
type State uint8

// The states. Their names are the words of the bus where the bus has one.
const (
	Defined  State = iota // known to the transaction, never run
	Starting              // a process was asked for; not yet said started
	Created               // ready, but its task waits for a start
	Started               // its task runs
	Stopping              // its end is under way
	Stopped               // nothing of it is left; it ended well or was asked to
	Failed                // it ended badly, or said so itself
	NumStates
)

var stateNames = [NumStates]string{"defined", "starting", "created", "started", "stopping", "stopped", "failed"}

func (s State) String() string {
	if s < NumStates {
		return stateNames[s]
	}
	return fmt.Sprintf("State(%d)", uint8(s))
}

// MarshalText gives the name, so that JSON shows words and not numbers.
func (s State) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText reads what MarshalText wrote.
func (s *State) UnmarshalText(text []byte) error {
	for i, name := range stateNames {
		if name == string(text) {
			*s = State(i)
			return nil
		}
	}
	return fmt.Errorf("parse state %q: no such state", text)
}

// Ended says that the task service neither runs nor is about to.
func (s State) Ended() bool { return s == Stopped || s == Failed }
