// Package taskservice is what an author of a task service imports.
//
// A task service is one program that does one job under the supervision of a
// context. The author writes the job, a Task, and a Factory that makes it from
// its configuration; Main does everything else: it joins the bus, says
// created, started, failed and stopped, obeys start and stop, comes back when
// the bus was away, and drains what was said before the process ends.
//
//	package main
//
//	import (
//		"context"
//		"time"
//
//		"zmicroservices/taskservice"
//	)
//
//	func main() { taskservice.Main("echo_action", newEcho) }
//
//	func newEcho(c taskservice.Config) (taskservice.Task, error) {
//		every, err := c.Duration("every", time.Second)
//		if err != nil {
//			return nil, err // published as a failed start, with this reason
//		}
//		words := c.String("words")
//		return taskservice.Looped(every, func(ctx context.Context, s *taskservice.Session) error {
//			return s.Updated(map[string]any{"echo": words})
//		}), nil
//	}
//
// # The life of a task service
//
// Which words are said, and when, is one table:
//
//	state type on_start, start_now      started, then the task runs
//	any other state type                created; started by a `process start`
//	the factory fails or panics         started with result failure; exit 1
//	Run returns nil                     stopped; exit 0
//	Run returns an error or panics      failed with the reason, unless the task said
//	                                    so itself; exit 1
//	`process stop`, SIGTERM, SIGINT     ctx ends; once Run has returned, stopped; exit 0
//	  Run does not return in time       nothing is said; exit 1
//	the bus is away and back            the last of these words, again
//
// All of them are said by one goroutine, each once, and a task's own notices
// lie between its started and its last word.
//
// A task that does not return after its ctx has ended gets no stopped: that
// word promises that the work is over. The process exits all the same, and the
// provider, who asked for the stop, says stopped when it is gone.
//
// # What is told beside the words
//
// Every service has an agent (package agent), which a watchdog onboards and asks how
// the service is, and says its life cycle events (package lifecycle): startup after
// started, alive at intervals, provisioned once it is onboarded, shutdown and the
// agent's goodbye before its last word. Nobody has to write a line for it. It is all on
// the service's own connection, in one order with its words, waits for nobody, and a
// service neither slows down nor fails for it. Watch says when; ZMS_WIRE=original is
// without.
//
// # What it never does
//
// It opens no port, starts no process, reads no file but the key that ZMS_CURVE
// names on a bus with CURVE, and keeps no state. It does not obey `process
// restart`: stopping the old process and starting a new one is the provider's job.
//
// # Why not a connection of the task's own
//
// Session has Publish and Subscribe, since a second connection would have an
// order of its own: an observer could see stopped before the last result.
package taskservice
