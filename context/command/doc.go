// Package command is what an operator can ask: it takes requests from every
// front (the bus, the control socket, later HTTP), judges them, hands them to the
// transactions and turns Views into answers. There is one set of handlers for all
// fronts, so that they cannot differ.
//
//	h, err := command.New(command.Options{Own: file, Transactions: provider, Bus: forwarder, …})
//	…
//	h.Deliver(peer, "context", frame) // from the forwarder's tap
//
// A message asks; only our own files say what may run: every task service in a
// message passes conf.Admit, and each refusal is answered with the rule and its
// remedy. Nothing is refused in silence: what has no transaction to answer for it
// is answered here, as a command_result on the control topic.
//
// Server and Client are the two ends of the control socket: JSON lines over a
// unix socket in the runtime directory, request and reply and streams, for whoever
// the socket's mode (0600) and the peer's credentials let in. A command given there
// appears on the bus like any other, so that observers miss nothing.
//
// Why not REQ/REP over ZeroMQ: the original has no such socket for clients to
// find, a unix socket knows its peer's uid from the kernel, and "nobody there" is
// known at once and not after a timeout.
package command
