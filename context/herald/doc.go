// Package herald says in the name of task services what they do not say themselves: to
// the watchdog that they live, how they are and that they have ended, and to everybody
// the events of their life cycle.
//
//	h, err := herald.New(herald.Options{Host: host, Bus: voice, View: view, Views: views, …})
//	…
//	h.Record(change)                  // every Change of every transaction, in order
//	h.Subscribed(prefix)              // somebody has subscribed
//	h.Heard(topic, frame, owner)      // what came on one of Topics
//	err = h.Run(ctx)
//
// A task service that the provider announces (a program by <command>) has an agent here,
// of package agent, and life cycle events: startup when it is ready, provisioned when its
// agent was onboarded, alive at an interval, shutdown. One that announces itself says all
// that with its own agent; of it the provider only says what it could not: a service that
// has died without goodbye has one, and a shutdown. Its last wills, where it has laid down
// some, come first, and what they say is not said twice.
//
// Nothing is made while nobody listens: an agent begins when somebody has subscribed to
// where it would be onboarded, and an event is written when somebody wants it.
//
// It is a reader of Changes. It decides nothing about task services, and what they are,
// ready, ended, died, is what their transactions say.
//
// # Whose words count
//
// An onboarding counts as a task service's when it comes by a connection of its process,
// as the kernel knows it, and is about that process: a gateway asks for others. What it
// says of its gid is its own: whoever may publish on the watchdog's topics may claim one.
//
// # Goroutines
//
//	Run       ends with its context, after what waits was said   lives, and when alive events are due
//	the crew  ends with Run                                      the agents and their times
//
// Record, Subscribed and Heard wait for nothing but a lock, and are called by groups and
// publishers.
//
// # Why not an agent process beside each service
//
// It would cost megabytes for a message a minute, and die of its own.
//
// # Why not in the group
//
// A transaction decides what is to run. What is said of that to a watchdog is one more
// reading of its Changes, and thousands of agents share one goroutine over all transactions.
package herald
