package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"zmicroservices/taskservice/message"
)

// transactionOf is the transaction that an errand is about, and whether it is
// one of our making: the one that was named; else for start a new one. For the
// rest it is "", and onlyLive has to find it.
func transactionOf(w world, e errand) (id string, made bool) {
	switch action := e.order.header.Action; {
	case e.transaction != "":
		return e.transaction, false
	case e.order.topic != message.TopicContext:
		return "", false
	case action == "start":
		return w.transaction(), true
	case action == "exit":
		return w.transaction(), false // it ends all that there are, and asks for none
	}
	return "", false
}

// onlyLive is the transaction that has something running, or the only one there
// is at all.
func onlyLive(ctx context.Context, p provider) (string, error) {
	list, err := p.pictures(ctx, "")
	switch {
	case errors.Is(err, errNoAnswer):
		return "", errors.New("--transaction: missing; over the bus it cannot be looked up")
	case err != nil:
		return "", failed("find the transaction: %w", err)
	}
	var all, live []string
	for _, t := range list {
		all = append(all, t.Transaction)
		if t.live() {
			live = append(live, t.Transaction)
		}
	}
	switch {
	case len(live) == 1:
		return live[0], nil
	case len(live) > 1:
		return "", fmt.Errorf("--transaction: missing; live are %s", strings.Join(live, ", "))
	case len(all) == 1:
		return all[0], nil
	case len(all) == 0:
		return "", errors.New("--transaction: missing, and there is none; start makes one")
	}
	return "", fmt.Errorf("--transaction: missing; none is live, there were %s", strings.Join(all, ", "))
}
