package main

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
)

// showServices prints the task services of a transaction.
func showServices(w io.Writer, colour bool, services []service) error {
	t := newTable(colour, "TASK", "INSTANCE", "STATE", "PID", "RESTARTS", "SINCE", "REASON")
	for _, s := range services {
		pid := ""
		if s.PID != nil && s.up() {
			pid = strconv.Itoa(*s.PID) // that of a dead one may be another's by now
		}
		restarts := ""
		if s.Restarts != nil {
			restarts = strconv.Itoa(*s.Restarts)
		}
		since := ""
		if s.Since != nil {
			since = s.Since.Local().Format(time.DateTime)
		}
		t.add(
			cell{text: s.Task},
			cell{text: s.Instance},
			cell{s.standing(), stateColour(s.State)},
			cell{text: pid},
			cell{text: restarts},
			cell{text: since},
			cell{text: shortened(s.note(), 200)},
		)
	}
	return t.show(w)
}

// standing is the state in a word for people.
func (s service) standing() string {
	switch {
	case s.Completed:
		return "completed"
	case s.Waits != "":
		return "waiting"
	case s.Scheduled && s.State == "created" && !s.Running:
		return "scheduled"
	}
	return s.State
}

// note is why it stands there, and when its schedule runs it next.
func (s service) note() string {
	if s.Next == nil {
		return s.why()
	}
	next := "next at " + s.Next.Local().Format(time.DateTime)
	if why := s.why(); why != "" {
		return why + "; " + next
	}
	return next
}

// why is the reason of a state: as it was given, else how the process ended.
func (s service) why() string {
	switch {
	case s.Waits != "":
		return s.Waits
	case s.Reason != "":
		return s.Reason
	case s.Completed && s.ExitCode != nil:
		return fmt.Sprintf("exit code %d", *s.ExitCode)
	case s.State == "started" && s.Ready != nil && !*s.Ready:
		return strings.TrimSuffix("not ready; "+s.Status, "; ")
	case s.State != "failed" && s.State != "stopped" && s.Status != "":
		return s.Status
	case s.State != "failed":
		return "" // a signal is how we stop; that it worked is no news
	case s.Signal != "":
		return "killed by " + s.Signal
	case s.ExitCode != nil && *s.ExitCode != 0:
		return fmt.Sprintf("exit code %d", *s.ExitCode)
	}
	return ""
}
