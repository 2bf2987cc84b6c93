// Package engine is the scheduler itself: who is known, when they are called, and what is
// made of what they say.
//
//	e, err := engine.New(engine.Options{Registry: r, Transport: t, Logger: log, Interval: time.Minute})
//	…
//	err = e.Run(ctx)                       // leads, if nobody else does on that registry
//	answer, err := e.Hear(ctx, call, from) // what POST /sync is answered with
//	e.Moved("10.0.0.9")                    // our address has changed: producers are told at once
//
// # A round
//
// Once an interval everybody who is known is called: first the peers of the
// configuration, who know most, then all others that were known when the round began.
// Who answers is available, and is told of us by the call; who does not is unavailable.
// Whom an answer names and we did not know is called from the next round on. Of two words
// on a peer's address the one with the later last_seen counts, and our own sight of it is
// now.
//
// Rounds do not overlap: one that takes longer than the interval delays the next.
//
// # What is said of what is known
//
// A call carries the digest of what the caller knows. Who knows exactly the same answers
// without the list, so that in a network at rest a call costs some hundred bytes and not
// some hundred for each peer there is.
//
// # When the registry is away
//
// All that is known is in memory too. A round under way goes on, calls are answered, and
// what was learned is written when the registry is back. A lease that cannot be renewed
// runs out, and no round begins then.
//
// # What it never does
//
// It opens no socket (Transport does) and keeps no file (the registry does). It never
// learns of itself, of more peers than Most, or of a loopback address from another host.
//
// # Why not gossip
//
// Calling a few at random spreads a word as fast and costs far less, but whether each
// peer can be reached from here would be hearsay: here it is what we saw within the last
// interval. What that costs for how many is in the README; beyond, let the bus go
// through NATS.
package engine
