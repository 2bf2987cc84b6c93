// Package agent is the part of a microservice that a watchdog talks to: it has the
// microservice onboarded, says that it lives, how it is and how it is configured,
// answers commands, and says goodbye.
//
// The core is a table and nothing else, states × inputs → next state and acts (Next,
// Fprint, Mermaid). An Agent puts messages and times around it: Step takes what has
// happened at what time, and returns what is to be done about it:
//
//	a := agent.New(agent.Options{Type: "modbus", Name: "pump", Host: "edge7"})
//	for _, e := range a.Step(now, agent.Event{Kind: agent.Begin}) {
//		switch e.Do {
//		case agent.Subscribe:   // subscribe to e.Topic, then Step(now, Subscribed)
//		case agent.Unsubscribe: // from e.Topic
//		case agent.Publish:     // e.Payload on e.Topic, without waiting
//		case agent.Arm:         // Step(now, Tick) at e.At; it replaces the Arm before
//		case agent.Enter:       // the agent is in e.State now
//		}
//	}
//
// An Agent has no goroutine, no clock and no socket, so one program drives thousands.
// A Crew does so over a bus, with one goroutine for all; Run is a crew of one, for a
// process that speaks no protocol at all.
//
// # The life of an agent
//
//	uninitialized  has just started, or was told to begin anew; has a new uuid
//	initialized    subscribes to the topic of its uuid
//	onboarding     has said who it is, says so again until it is answered
//	active         pings; tells runtime and configuration; does as commands ask
//	terminating    has said goodbye; deaf from now on
//
// Unanswered requests are repeated after 2 s, and twice as long each time up to 60 s,
// all with jitter. A command, whoever is meant, shows that a watchdog is there: then
// the request is said again at once. A lost and found bus is a reason to be onboarded
// anew, since its forwarder may have lost what was said.
//
// # What it never does
//
// It waits for nobody: what finds no room on the bus is dropped, and said again in
// time. It opens no file but those of /proc, and it never says a secret: Mask looks at
// all that it says of a configuration.
//
// # Why not a library that reads /proc
//
// An agent is in every task service, hundreds on a machine. Six numbers from three
// files cost 50 µs; see Process.
package agent
