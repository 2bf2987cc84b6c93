package hippodamia

import "slices"

// State is where a microservice is in the eyes of its watchdog.
type State string

// The states of a microservice.
const (
	Initialize State = "initialize" // it has asked to be onboarded
	Onboarding State = "onboarding" // it was answered, and is awaited on the regular topics
	Active     State = "active"     // it says regularly that it lives
	Inactive   State = "inactive"   // it has said nothing for a while
	Terminated State = "terminated" // it has said goodbye, or nothing for long
	Ended      State = "end"        // it is observed no more
)

// States are all of them, in the order of a life.
func States() []State { return []State{Initialize, Onboarding, Active, Inactive, Terminated, Ended} }

// Known says whether s is one of them.
func (s State) Known() bool { return slices.Contains(States(), s) }
