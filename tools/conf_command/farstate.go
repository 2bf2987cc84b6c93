package main

import (
	"context"
	"errors"
	"fmt"

	"zmicroservices/taskservice/message"
)

// runStateOfPeer shows how the task services of a context of another host are, as its
// provider says over its bus.
func runStateOfPeer(ctx context.Context, w world, o options, to peerOptions, args []string) error {
	work, cancel := errand{options: o}.limit(ctx)
	defer cancel()
	f, ids, err := to.find(work, o, args)
	if err != nil {
		return err
	}
	var list []picture
	err = f.askEach(work, w, o, "request", map[string]any{}, func(transaction string, a *answer) error {
		list = append(list, pictureFromBus(transaction, a.content))
		return nil
	})
	if err == nil {
		list, err = withIDs(list, ids)
	}
	if err != nil {
		return err
	}
	if !o.json() {
		fmt.Fprintln(w.out, f.heading(w))
	}
	return showPictures(w, f.context.ID, list, o.json())
}

// askEach asks the context's provider about each transaction, over its bus. One that has
// ended since its Scheduler told of it is left out.
func (f far) askEach(ctx context.Context, w world, o options, action string, configuration map[string]any, told func(transaction string, a *answer) error) error {
	p, err := f.reach(ctx, o.Proof)
	if err != nil {
		return err
	}
	defer p.close()
	for _, id := range f.transactions(o) {
		e := errand{options: o}
		q := question(configuration, message.Header{Action: action, ServiceName: "state", Transaction: id, RequestID: w.requestID()})
		frame, err := q.frame(q.header)
		if err != nil {
			return err
		}
		v, err := p.send(ctx, letter{q, frame}, func(step) {})
		empty := v.answer != nil && len(v.answer.content) == 0 && len(v.answer.list) == 0
		switch {
		case err != nil:
			return e.unanswered(ctx, fmt.Sprintf("ask context %s of %s", f.context.ID, f.host), err)
		case v.answer == nil:
			return failed("context %s of %s: %w", f.context.ID, f.host, errors.New(oneLine(errors.New(v.reason))))
		case empty && o.transaction != "":
			return failed("%s", noTransaction(id))
		case empty:
			continue
		}
		if err := told(id, v.answer); err != nil {
			return err
		}
	}
	return nil
}
