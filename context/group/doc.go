// Package group owns one transaction: the task services that run together under
// one identifier.
//
// Two halves, and the line between them is the design. Transaction is data and
// Step, a pure function: what happened goes in (event.Event), what is to be done
// comes out ([]Effect). It decides everything and does nothing, so that tests,
// simulation and recovery drive the very code that runs. Group is the loop that
// feeds it: it takes events from an inbox, steps, and performs the effects on a
// Bus and a Launcher, which are small interfaces of its own.
//
//	t := group.NewTransaction(group.Options{Transaction: "5HGA…", ContextID: "context001"})
//	effects := t.Step(now, group.Asked{Action: group.Start, Tasks: tasks, Cause: cause})
//	// Say{process start ts001}, Launch{…/ts001/1}, …
//
// Every task service has a want (up or down, and above which incarnation) and a
// seen (state of the machine, incarnation, what is there). Requests, transitions
// and policies change the want; one function, reconcile, closes the gap.
//
// A goroutine other than Run never touches a Transaction. Readers get Views,
// which are immutable, and Changes, which are values.
//
// Why not one goroutine a task service: an on_fail that restarts a neighbour, a
// storm limit and an ordered stop look at several services at once; with one
// owner they are plain code, with many they are protocols.
//
// Why the next of several SDK services is told to stop only when the one before
// has stopped (or after a short while): clients of the original rely on the order
// stop, stopped, stop, stopped. Services by <command> have no such clients and
// are ended together.
package group
