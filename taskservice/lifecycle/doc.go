// Package lifecycle makes, reads, publishes and receives life cycle events, as
// Choria defines them: small JSON documents by which a program says that it has
// started, still lives, was provisioned or upgraded, or ends.
//
//	event, err := lifecycle.New(lifecycle.Startup,
//		lifecycle.Identity("my.identity"), lifecycle.Component("my_app"), lifecycle.Version("0.0.1"))
//	if err != nil {
//		return err
//	}
//	err = lifecycle.PublishEvent(event, conn) // on choria.lifecycle.event.startup.my_app
//
// What each type requires, and what New refuses to do without:
//
//	Startup      Identity, Component, Version
//	Shutdown     Identity, Component
//	Provisioned  Identity, Component
//	Alive        Identity, Component, Version
//	Upgraded     Identity, Component, Version, NewVersion
//
// conn is whatever has PublishRaw. NewConn makes one of a bus.Bus, where an event
// is framed as everything is: "topic @@@ {compact JSON}". Before a program exits it
// calls Close, or its Shutdown may never leave it.
//
// Subscribe gives what others say, by type and component:
//
//	s, err := lifecycle.Subscribe(ctx, b, lifecycle.Filter{Type: lifecycle.Startup, Component: "server"})
//	…
//	e, err := s.Next(ctx)
//
// The package keeps no state, starts no goroutine but that of QueueSubscribe, and
// never decides when something is to be said.
//
// # What is read
//
// The type of an event is in its protocol field, io.choria.lifecycle.v1.startup or
// the older choria:lifecycle:startup:1, and never taken from a topic. The document
// may be the data of a CloudEvent 1.0 whose source is io.choria.lifecycle. It has to
// say who speaks, identity and component; versions, id and timestamp are left empty
// where a sender left them out.
//
// # Why not an error for an option that a type does not have
//
// Version given to Shutdown is left out, as by Choria: a program keeps one list of
// options and makes all its events with it.
package lifecycle
