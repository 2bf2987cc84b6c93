package agent

import "fmt"

// State is where an agent is in its life.
type State uint8

// The states.
const (
	Uninitialized State = iota
	Initialized
	Onboarding
	Active
	Terminating
	NumStates
)

var stateNames = [NumStates]string{"uninitialized", "initialized", "onboarding", "active", "terminating"}

func (s State) String() string {
	if s < NumStates {
		return stateNames[s]
	}
	return fmt.Sprintf("State(%d)", uint8(s))
}

// Input is what Step makes of an event before it asks the table.
type Input uint8

// The inputs.
const (
	BeginDue      Input = iota // the time to begin has come
	Listening                  // the subscriptions have taken effect
	Answered                   // the response to our request
	RetryDue                   // a request has waited long enough for its response
	PingDue                    // the time for a ping has come
	RuntimeDue                 // the time for runtime information has come
	ConfigChanged              // the microservice has another configuration
	Called                     // a command for somebody else
	PingAsked                  // command.ping for us
	RuntimeAsked               // command.runtime for us
	ConfigAsked                // command.config for us
	OnboardAsked               // command.onboarding for us
	BusBack                    // the bus was away and is there again
	EndAsked                   // the microservice ends
	NumInputs
)

var inputNames = [NumInputs]string{
	"begin due", "listening", "answered", "retry due", "ping due", "runtime due", "config changed",
	"called", "ping asked", "runtime asked", "config asked", "onboard asked", "bus back", "end asked",
}

func (i Input) String() string {
	if i < NumInputs {
		return inputNames[i]
	}
	return fmt.Sprintf("Input(%d)", uint8(i))
}

// Act is a step's consequence, in the terms of the table.
type Act uint8

// The acts.
const (
	Renew         Act = iota // take a new uuid, and begin
	RenewLater               // take a new uuid, and begin after a splay
	Listen                   // subscribe to the topic of the uuid, and to commands
	Unlisten                 // unsubscribe from the topic of the uuid
	Request                  // ask to be onboarded, and again after a while
	RequestLater             // ask after a splay
	SayPing                  // and after the interval again
	SayRuntime               // and after its interval again
	SayConfig                // once
	SayEnd                   // goodbye
	RegisterWill             // what is to be said if the connection breaks
	WithdrawWill             // nothing is
	UnlistenToAll            // unsubscribe from commands
	numActs
)

var actNames = [numActs]string{
	"renew", "renew later", "listen", "unlisten", "request", "request later", "ping", "runtime", "config",
	"end", "register will", "withdraw will", "unlisten to all",
}

func (a Act) String() string {
	if a < numActs {
		return actNames[a]
	}
	return fmt.Sprintf("Act(%d)", uint8(a))
}

type edge struct {
	to   State
	acts []Act
}

func to(s State, acts ...Act) *edge { return &edge{s, acts} }

// table is the life of an agent. A nil edge is an input that means nothing in its
// state, and changes nothing.
var table = [NumStates][NumInputs]*edge{
	Uninitialized: {
		BeginDue: to(Initialized, Listen),
		EndAsked: to(Terminating, UnlistenToAll),
	},
	Initialized: {
		Listening: to(Onboarding, Request),
		EndAsked:  to(Terminating, Unlisten, UnlistenToAll),
	},
	Onboarding: {
		Answered: to(Active, Unlisten, RegisterWill, SayPing, SayRuntime, SayConfig),
		RetryDue: to(Onboarding, Request),
		// Whatever is asked of whomever: somebody is there to answer.
		Called:       to(Onboarding, Request),
		PingAsked:    to(Onboarding, Request),
		RuntimeAsked: to(Onboarding, Request),
		ConfigAsked:  to(Onboarding, Request),
		OnboardAsked: to(Onboarding, Request),
		BusBack:      to(Onboarding, RequestLater),
		EndAsked:     to(Terminating, Unlisten, UnlistenToAll),
	},
	Active: {
		PingDue:       to(Active, SayPing),
		RuntimeDue:    to(Active, SayRuntime),
		ConfigChanged: to(Active, SayConfig),
		PingAsked:     to(Active, SayPing),
		RuntimeAsked:  to(Active, SayRuntime),
		ConfigAsked:   to(Active, SayConfig),
		OnboardAsked:  to(Uninitialized, Renew),
		BusBack:       to(Uninitialized, RenewLater),
		// The will goes last: until then it says the same.
		EndAsked: to(Terminating, SayEnd, WithdrawWill, UnlistenToAll),
	},
	Terminating: {},
}

// Next gives the state and the acts that follow an input; known is false if the state
// does not know the input, which then changes nothing. The acts belong to the table.
func Next(s State, in Input) (next State, acts []Act, known bool) {
	if s >= NumStates || in >= NumInputs || table[s][in] == nil {
		return s, nil, false
	}
	e := table[s][in]
	return e.to, e.acts, true
}
