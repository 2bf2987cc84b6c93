package group

import (
	"zmicroservices/conf"
	"zmicroservices/context/event"
)

// Action is what an operator asks for or a transition calls.
type Action string

// The actions. A transition may call any other word: it is passed on to the
// called service, as the original does, and means nothing to us.
const (
	Start   Action = "start"
	Stop    Action = "stop"
	Restart Action = "restart"
	Exit    Action = "exit"  // stop everything; the provider ends
	Scale   Action = "scale" // other numbers of replicas
)

// Asked is an operator's request to a transaction. It is judged per task
// service, and answered once, by an event.Outcome.
type Asked struct {
	Action  Action
	Tasks   []*conf.Task            // start, restart: what to run; stop: only the ids count. One without Raw is the one that is known
	All     bool                    // stop, restart, exit: every task service of the transaction
	Scale   map[event.TaskID]int    // scale: how many replicas of each there are to be
	Refused map[event.TaskID]string // task services that were refused before: why
	Told    bool                    // the request was itself a `process` message, which the service has heard
	Cause   event.Cause
}

// About implements event.Event: a request is about the whole group.
func (Asked) About() event.TaskID { return "" }
