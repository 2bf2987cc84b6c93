package watchdog

import (
	"fmt"

	"zmicroservices/taskservice/hippodamia"
)

// Input is what the watchdog makes of a message, or of a silence, before it asks the table.
type Input uint8

// The inputs.
const (
	Requested  Input = iota // a start of it that is new to us has asked to be onboarded
	AskedAgain              // the start that we know has asked again
	Stored                  // its row is on the disk
	Heard                   // the start that we know has given a sign of life
	Goodbye                 // it has said that it ends, or its last will has
	FellSilent              // nothing came for inactive_after intervals
	StaySilent              // nothing came for terminated_after intervals
	Expired                 // it has been terminated for end_after
	numInputs
)

var inputNames = [numInputs]string{
	"requested", "asked again", "stored", "heard", "goodbye", "fell silent", "stayed silent", "expired",
}

func (i Input) String() string {
	if i < numInputs {
		return inputNames[i]
	}
	return fmt.Sprintf("Input(%d)", uint8(i))
}

// Effect is what there is to do after a step of the table.
type Effect uint8

// The effects.
const (
	Keep    Effect = iota // store its row, and say Stored when the disk has it
	Respond               // publish the response with its gid
	Alarm                 // give notice of the new state
	Welcome               // give notice that it is back, if an Alarm went before
	numEffects
)

var effectNames = [numEffects]string{"keep", "respond", "alarm", "welcome"}

func (e Effect) String() string {
	if e < numEffects {
		return effectNames[e]
	}
	return fmt.Sprintf("Effect(%d)", uint8(e))
}

type edge struct {
	to      hippodamia.State
	effects []Effect
}

func to(s hippodamia.State, effects ...Effect) *edge { return &edge{s, effects} }

// table is the life of a microservice. A nil edge is a refusal.
//
// Initialize lasts from the request until the disk has the row: the response that
// follows is a promise. One that is found there after a restart is on the disk, and gets
// its response, perhaps a second time.
var table = map[hippodamia.State]*[numInputs]*edge{
	hippodamia.Initialize: {
		Requested:  to(hippodamia.Initialize, Keep),
		AskedAgain: to(hippodamia.Initialize, Keep),
		Stored:     to(hippodamia.Onboarding, Respond),
		Goodbye:    to(hippodamia.Terminated, Alarm),
		FellSilent: to(hippodamia.Inactive, Alarm),
	},
	hippodamia.Onboarding: {
		Requested:  to(hippodamia.Initialize, Keep),
		AskedAgain: to(hippodamia.Onboarding, Keep), // the response was lost
		Stored:     to(hippodamia.Onboarding, Respond),
		Heard:      to(hippodamia.Active, Welcome),
		Goodbye:    to(hippodamia.Terminated, Alarm),
		FellSilent: to(hippodamia.Inactive, Alarm),
	},
	hippodamia.Active: {
		Requested:  to(hippodamia.Initialize, Keep),
		AskedAgain: to(hippodamia.Active, Keep),
		Stored:     to(hippodamia.Active, Respond),
		Heard:      to(hippodamia.Active),
		Goodbye:    to(hippodamia.Terminated, Alarm),
		FellSilent: to(hippodamia.Inactive, Alarm),
	},
	hippodamia.Inactive: {
		Requested:  to(hippodamia.Initialize, Keep),
		AskedAgain: to(hippodamia.Initialize, Keep),
		Heard:      to(hippodamia.Active, Welcome),
		Goodbye:    to(hippodamia.Terminated, Alarm),
		StaySilent: to(hippodamia.Terminated, Alarm),
	},
	hippodamia.Terminated: {
		Requested:  to(hippodamia.Initialize, Keep),
		AskedAgain: to(hippodamia.Initialize, Keep),
		Heard:      to(hippodamia.Active, Welcome), // its will was executed, and it lives
		Goodbye:    to(hippodamia.Terminated),      // and its last will after it
		Expired:    to(hippodamia.Ended),
	},
	hippodamia.Ended: { // it is to onboard before it is heard
		Requested:  to(hippodamia.Initialize, Keep),
		AskedAgain: to(hippodamia.Initialize, Keep),
	},
}

// RefusedError says that a state does not know an input.
type RefusedError struct {
	State hippodamia.State
	Input Input
}

func (e *RefusedError) Error() string {
	return fmt.Sprintf("%s: refused while %s", e.Input, e.State)
}

// Next gives the state and the effects that follow an input. The slice of effects
// belongs to the table and must not be written.
func Next(s hippodamia.State, in Input) (hippodamia.State, []Effect, error) {
	row := table[s]
	if row == nil || in >= numInputs || row[in] == nil {
		return s, nil, &RefusedError{s, in}
	}
	return row[in].to, row[in].effects, nil
}

// ParseInput is the inverse of Input.String.
func ParseInput(name string) (Input, error) {
	for in := range numInputs {
		if inputNames[in] == name {
			return in, nil
		}
	}
	return 0, fmt.Errorf("no input is called %q", name)
}
