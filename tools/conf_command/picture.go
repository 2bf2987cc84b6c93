package main

import (
	"time"

	"zmicroservices/context/event"
)

// picture is a transaction as we show it. Its JSON is a contract: keys are added,
// never taken away. What a source does not know is null.
type picture struct {
	Transaction string     `json:"transaction"`
	ContextName string     `json:"context_name"`
	LogName     string     `json:"log_name"`
	Began       *time.Time `json:"began"`
	Tasks       []service  `json:"tasks"`
}

// service is one task service in a picture.
type service struct {
	Task        string     `json:"task"`
	Instance    string     `json:"instance"`
	ServiceName string     `json:"service_name"`
	State       string     `json:"state"`
	Completed   bool       `json:"completed"` // stopped since its work is done: it ended by itself, with success
	Running     bool       `json:"running"`   // a process of it exists
	PID         *int       `json:"pid"`       // of the last process, also when it has ended
	Restarts    *int       `json:"restarts"`
	Since       *time.Time `json:"since"` // of the state
	ExitCode    *int       `json:"exit_code"`
	Signal      string     `json:"signal,omitempty"`
	Reason      string     `json:"reason,omitempty"`
	Dropped     uint64     `json:"dropped,omitempty"`  // lines of its output that are in no file
	Ready       *bool      `json:"ready"`              // started, and its readiness probes agree
	Waits       string     `json:"waits,omitempty"`    // what its start waits for
	Status      string     `json:"status,omitempty"`   // what it says of itself
	Scheduled   bool       `json:"scheduled"`          // the times of its schedule run it
	Next        *time.Time `json:"next,omitempty"`     // the next of them
	Replica     int        `json:"replica,omitempty"`  // its number; 1: it is the task service itself
	Replicas    int        `json:"replicas,omitempty"` // how many there are to be
}

// up says that a task service runs, or is on its way there or back.
func (s service) up() bool {
	switch s.State {
	case "starting", "created", "started", "stopping":
		return true
	}
	return s.Running
}

// live says that it is up, or will be without anybody's doing.
func (s service) live() bool { return s.up() || s.Waits != "" || s.Scheduled }

func (p picture) live() bool {
	for _, s := range p.Tasks {
		if s.live() {
			return true
		}
	}
	return false
}

func pictureOf(v *event.View) picture {
	p := picture{
		Transaction: string(v.Transaction),
		ContextName: v.ContextName,
		LogName:     v.LogName,
		Began:       known(v.Began),
		Tasks:       make([]service, len(v.Tasks)),
	}
	for i, t := range v.Tasks {
		s := service{
			Task:        string(t.ID),
			Instance:    t.Instance,
			ServiceName: t.ServiceName,
			State:       t.State.String(),
			Completed:   t.Completed,
			Replica:     t.Replica,
			Replicas:    t.Replicas,
			Scheduled:   t.Scheduled,
			Next:        known(t.Next),
			Running:     t.Present,
			PID:         positive(t.PID),
			Restarts:    &t.Restarts,
			Since:       known(t.Since),
			Reason:      t.Reason,
			Dropped:     t.Dropped,
			Ready:       &t.Ready,
			Waits:       t.Waits,
			Status:      t.Status,
		}
		if t.Exit != nil {
			s.Signal = t.Exit.Signal
			if s.Signal == "" {
				s.ExitCode = &t.Exit.Code
			}
		}
		p.Tasks[i] = s
	}
	return p
}

// known is a time, nil if it was never set.
func known(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

func positive(n int) *int {
	if n <= 0 {
		return nil
	}
	return &n
}

// pictureFromBus reads a reply_context: the original's context info, which knows
// neither times nor restarts.
func pictureFromBus(transaction string, content map[string]any) picture {
	p := picture{
		Transaction: transaction,
		ContextName: word(content["contextName"]),
		LogName:     word(content["contextLogName"]),
		Tasks:       []service{},
	}
	list, _ := content["tasks"].([]any)
	for _, v := range list {
		t, ok := v.(map[string]any)
		if !ok {
			continue
		}
		s := service{
			Task:        word(t["service_id"]),
			Instance:    word(t["instance"]),
			ServiceName: word(t["serviceName"]),
			State:       stateAfter(word(t["action"]), word(t["state"])),
			PID:         positive(number(t["pid"])),
		}
		s.Running = s.PID != nil && (s.State == "started" || s.State == "stopping")
		p.Tasks = append(p.Tasks, s)
	}
	return p
}

// stateAfter is the state that an action on the bus, with its result, leads to;
// "" for a word that leads nowhere.
func stateAfter(action, result string) string {
	switch action {
	case "defined":
		return event.Defined.String()
	case "start", "restart":
		return event.Starting.String()
	case "stop":
		return event.Stopping.String()
	case "stopped", "exited":
		return event.Stopped.String()
	case "failed":
		return event.Failed.String()
	case "started", "created":
		if result == "failure" || result == "failed" {
			return event.Failed.String()
		}
		return action
	case "updated":
		return event.Started.String()
	}
	return ""
}
