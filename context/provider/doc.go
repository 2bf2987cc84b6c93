// Package provider builds and wires: the forwarder, the keeper, the transactions
// and the fronts. It is the only package that knows everyone, and it decides
// nothing: no switch on topics, no message, no life cycle.
//
//	p, err := provider.New(provider.Options{Context: file, …})
//	…
//	err = p.Run(ctx) // until exit is asked for, or ctx ends: then in order
//
// Run returns after every service is gone, the bus is drained and the keeper has
// ended. What was begun first is ended last, and no failing step hides the next.
//
// # The order of things
//
// An exit that the keeper tells reaches its transaction only after the forwarder
// has forwarded what the dead process had still handed to the kernel: a service's
// last words come before its last rites.
//
// # After a crash, its own or the keeper's
//
// A provider that comes after one that died goes on: see recovery.go and the
// README of context. Of a keeper that is killed see hold.go and succession.go, of an
// upgrade upgrade.go.
//
// # Goroutines
//
//	forwarder.Run   the bus                    ends at teardown, after the drain
//	command.Server  the control socket         ends at teardown
//	command.Info    context info               ends at teardown, after a last flush
//	herald          agents, life cycle events  ends at teardown, after the last goodbye
//	wills           last wills that wait       ends at teardown
//	tidy            gives memory back          ends at teardown
//	clockwatch      steps of the clock     ends at teardown
//	dispatch        keeper events to groups    ends with the keeper's event stream
//	journal.Run     writes journal.db          ends at teardown, after what waits
//	sweep           ends what nobody wants     ends when it was told
//	group.Run       one a transaction          ends at teardown
//	launches        one a service being found  ends with its spawn, or its stop
//	impatience      kills at a second signal   ends when every service has
package provider
