package main

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"zmicroservices/context/event"
)

// farState is the state of one context of one host, as JSON; a contract.
type farState struct {
	Host         string    `json:"host"`
	Context      string    `json:"context"`
	Transactions []picture `json:"transactions"`
	Error        string    `json:"error,omitempty"`
}

// runStateOfAll shows how the task services of all hosts are.
func runStateOfAll(ctx context.Context, w world, o options, n natsOptions, args []string) error {
	if err := o.validate(); err != nil {
		return err
	}
	nc, err := n.dial()
	if err != nil {
		return err
	}
	defer nc.Close()
	all, err := n.askAll(ctx, nc, "state", o.transaction, o.timeout, args)
	if err != nil {
		return err
	}
	states := make([]farState, len(all))
	for i := range all {
		a := &all[i]
		states[i] = farState{Host: a.Host, Context: a.Context, Transactions: []picture{}}
		var views []*event.View
		if a.err == nil {
			a.err = json.Unmarshal(a.text, &views)
		}
		if a.err != nil {
			states[i].Error = a.err.Error()
		}
		for _, v := range views {
			states[i].Transactions = append(states[i].Transactions, pictureOf(v))
		}
	}
	if o.json() {
		err = writeJSON(w.out, map[string]any{"hosts": states})
	} else {
		err = showStates(w, states)
	}
	if err != nil {
		return written(err)
	}
	return complain(w, all)
}

func showStates(w world, states []farState) error {
	t := newTable(w.colour, "HOST", "CONTEXT", "TRANSACTION", "TASK", "INSTANCE", "STATE", "PID", "SINCE", "REASON")
	for _, s := range states {
		for _, p := range s.Transactions {
			for _, one := range p.Tasks {
				pid, since := "", ""
				if one.PID != nil && one.up() {
					pid = fmt.Sprint(*one.PID)
				}
				if one.Since != nil {
					since = one.Since.Local().Format(time.DateTime)
				}
				cells := plain(s.Host, s.Context, p.Transaction, one.Task, one.Instance, one.standing(), pid, since, shortened(one.note(), 200))
				cells[5].colour = stateColour(one.State)
				t.add(cells...)
			}
		}
	}
	return t.show(w.out)
}
