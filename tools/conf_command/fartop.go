package main

import (
	"context"
	"encoding/json"
	"fmt"
	"time"
)

// farTop is what the task services of a context of another host cost, as JSON; a
// contract. The services are as the provider says them over its bus (reply_top).
type farTop struct {
	Host         string           `json:"host"`
	Context      string           `json:"context"`
	Transactions []farTransaction `json:"transactions"`
}

type farTransaction struct {
	Transaction string `json:"transaction"`
	Services    []any  `json:"services"`
}

// runTopOfPeer shows what the task services of a context of another host cost.
func runTopOfPeer(ctx context.Context, w world, o topping, args []string) error {
	for {
		err := o.topOfPeer(ctx, w, args)
		switch {
		case ctx.Err() != nil: // that is how one stops looking
			return nil
		case err != nil || !o.follow:
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

func (o topping) topOfPeer(ctx context.Context, w world, args []string) error {
	o.timeout = defaultTimeout
	work, cancel := errand{options: o.options}.limit(ctx)
	defer cancel()
	f, rest, err := o.peer.find(work, o.options, args)
	switch {
	case err != nil:
		return err
	case len(rest) > 0:
		return fmt.Errorf("top shows a whole context, and no %q of it", rest[0])
	}
	all := farTop{Host: f.host, Context: f.context.ID, Transactions: []farTransaction{}}
	err = f.askEach(work, w, o.options, "top", map[string]any{}, func(transaction string, a *answer) error {
		all.Transactions = append(all.Transactions, farTransaction{transaction, a.list})
		return nil
	})
	if err != nil {
		return err
	}
	switch {
	case o.follow:
		e := json.NewEncoder(w.out)
		e.SetEscapeHTML(false)
		return written(e.Encode(all))
	case o.json():
		return written(writeJSON(w.out, all))
	}
	fmt.Fprintln(w.out, f.heading(w))
	for _, t := range all.Transactions {
		fmt.Fprintln(w.out, "transaction "+paint(printable(t.Transaction), bold, w.colour))
		if err := (&answer{list: t.Services}).showTop(w, false); err != nil {
			return err
		}
	}
	return nil
}
