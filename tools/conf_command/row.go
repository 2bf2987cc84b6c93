package main

import (
	"cmp"
	"fmt"
	"strconv"
	"time"

	"zmicroservices/context/command"
	"zmicroservices/context/event"
)

// row is a row of the journal as we show it: a change of a task service, or a
// note, which is about the provider. Its JSON is a contract: keys are added,
// never taken away.
type row struct {
	Row         int64       `json:"row,omitempty"` // its place in the journal; in a chain of causes it is not told
	Kind        string      `json:"kind"`          // change or note
	Seq         uint64      `json:"seq,omitempty"` // of a change, within its transaction: what cause.parent names
	At          time.Time   `json:"at"`
	Transaction string      `json:"transaction,omitempty"`
	Task        string      `json:"task,omitempty"`
	Incarnation uint64      `json:"incarnation,omitempty"`
	PID         *int        `json:"pid"`
	From        string      `json:"from,omitempty"` // states, of what is about a task service
	To          string      `json:"to,omitempty"`
	Event       string      `json:"event"`
	Cause       event.Cause `json:"cause,omitzero"`
	ExitCode    *int        `json:"exit_code"`
	Signal      string      `json:"signal,omitempty"`
	Reason      string      `json:"reason,omitempty"`
}

func rowOf(e command.Entry) row {
	r := row{Kind: "note"}
	switch {
	case e.Change != nil:
		r = changeRow(*e.Change)
	case e.Note != nil:
		n := e.Note
		r.At, r.Event, r.Cause, r.Reason = n.At, n.Event, n.Cause, n.Reason
		r.Transaction, r.Task = string(n.Transaction), string(n.Task)
	}
	r.Row = e.Row
	return r
}

func changeRow(c event.Change) row {
	r := row{
		Kind:        "change",
		Seq:         c.Seq,
		At:          c.At,
		Transaction: string(c.Transaction),
		Task:        string(c.Task),
		Incarnation: uint64(c.Incarnation),
		PID:         positive(c.PID),
		Event:       c.Event,
		Cause:       c.Cause,
		Reason:      c.Reason,
	}
	if c.Task != "" { // what is about the whole transaction has no state
		r.From, r.To = c.From.String(), c.To.String()
	}
	if c.Exit != nil {
		r.Signal = c.Exit.Signal
		if r.Signal == "" {
			r.ExitCode = &c.Exit.Code
		}
	}
	return r
}

// when is in milliseconds: what follows from another thing is seldom a second
// behind it.
func (r row) when() string { return r.At.Local().Format("2006-01-02 15:04:05.000") }

func (r row) by() string {
	if r.Cause.IsZero() {
		return ""
	}
	return shortened(r.Cause.String(), widest)
}

// exit is a signal or an exit code.
func (r row) exit() string {
	if r.ExitCode != nil {
		return strconv.Itoa(*r.ExitCode)
	}
	return r.Signal
}

// reason is what was given, else how the process ended.
func (r row) reason() string {
	ended := ""
	switch {
	case r.Signal != "":
		ended = "killed by " + r.Signal
	case r.ExitCode != nil:
		ended = fmt.Sprintf("exit code %d", *r.ExitCode)
	}
	return shortened(cmp.Or(r.Reason, ended), widest)
}
