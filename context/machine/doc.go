// Package machine is the life cycle of one task service as a table: states ×
// inputs → next state and effects. It decides what an input means in a state and
// nothing else: no process, no clock, no message.
//
//	next, effects, err := machine.Next(event.Started, machine.ExitedBadly)
//	// event.Failed, [Announce]
//
// An input that a state does not know is refused with *RefusedError; that is an
// answer, not an accident. What the table does not hold is who wants what: that
// is the group's, which closes the gap between want and seen with the inputs
// StartAsked and StopAsked.
//
// Fprint prints the table as text and Mermaid draws it; both are made from the
// table itself, so they cannot lag behind it.
//
// Why not a state for every phase of a stop (told, signalled, killed): the
// keeper runs the stop recipe by itself, so that it holds without a provider.
package machine
