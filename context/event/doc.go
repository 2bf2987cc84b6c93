// Package event is the vocabulary of the supervisor: who a task service is
// (Ref), what can happen to it (Event), why (Cause), what that changed (Change)
// and what everybody may see of it (View).
//
// It is pure: values only, no goroutine, no clock, no I/O. Every package of
// context may import it and it imports none of ours, so that sources of events
// (the keeper's exits, deadlines, the bus, operators) and readers of changes
// (bus, log, journal, screens) never have to know each other.
//
//	e := event.Exited{Ref: ref, Exit: event.Exit{Signal: "SIGKILL"}}
//	…
//	for _, c := range changes {
//		fmt.Println(c.Task, c.From, "->", c.To, "because", c.Cause)
//	}
//
// Why not one struct with a kind and optional fields: a reader could not tell
// which fields an event has. Why not a closed interface: a new source may live
// in a package of its own; the machine's table stays closed by its Input type.
package event
