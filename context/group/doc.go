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
// A start is held back until what it depends on has come so far (depends.go), and what
// is down of that is started for it; a stop waits in the same way for those that depend on
// the service and go, too. Probes are asked for by effects and their verdicts are
// events like others (probes.go): Ready, for a service that does not announce itself,
// is the moment when startup and readiness have succeeded. From then on what a service
// publishes is held against its file's expectations in the same way (expect.go).
//
// Why not a state "waiting": nothing has happened to a task service that is held, and on the
// bus it is what it was. It is wanted up, and the View says what it waits for.
//
// Why does a stop of one service leave those that depend on it alone: who stops a database
// for a moment does not ask for an outage of all that can wait for it. Who wants them
// down names them.
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
