package main

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"

	"zmicroservices/context/event"
)

// farFigures is what one context of one host costs, as JSON; a contract.
type farFigures struct {
	Host    string         `json:"host"`
	Context string         `json:"context"`
	Figures *event.Figures `json:"figures,omitempty"`
	Error   string         `json:"error,omitempty"`
}

// runTopOfAll shows what the task services of all hosts cost.
func runTopOfAll(ctx context.Context, w world, o topping, args []string) error {
	nc, err := o.nats.dial()
	if err != nil {
		return err
	}
	defer nc.Close()
	for {
		err := topOfAll(ctx, w, o, nc, args)
		switch {
		case ctx.Err() != nil: // that is how one stops looking
			return nil
		case !o.follow:
			return err
		}
		again := time.NewTimer(o.every)
		select {
		case <-again.C:
		case <-ctx.Done():
		}
		again.Stop()
	}
}

func topOfAll(ctx context.Context, w world, o topping, nc *nats.Conn, args []string) error {
	timeout := o.timeout
	if timeout == 0 {
		timeout = defaultTimeout
	}
	all, err := o.nats.askAll(ctx, nc, "top", o.transaction, timeout, args)
	if err != nil {
		return err
	}
	figures := make([]farFigures, len(all))
	for i := range all {
		a := &all[i]
		figures[i] = farFigures{Host: a.Host, Context: a.Context}
		if a.err == nil {
			a.err = json.Unmarshal(a.text, &figures[i].Figures)
		}
		if a.err != nil {
			figures[i].Error = a.err.Error()
		}
	}
	switch {
	case o.follow:
		e := json.NewEncoder(w.out)
		e.SetEscapeHTML(false)
		err = e.Encode(map[string]any{"hosts": figures})
	case o.json():
		err = writeJSON(w.out, map[string]any{"hosts": figures})
	default:
		err = showAllFigures(w, all, figures)
	}
	if err != nil {
		return written(err)
	}
	return complain(w, all)
}

func showAllFigures(w world, all []farAnswer, figures []farFigures) error {
	for i, f := range figures {
		if f.Figures == nil {
			continue
		}
		if i > 0 {
			fmt.Fprintln(w.out)
		}
		fmt.Fprintln(w.out, placed(w, all[i].Presence))
		if err := showFigures(w, f.Figures); err != nil {
			return err
		}
	}
	return nil
}
