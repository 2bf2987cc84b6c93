package main

import (
	"context"
	"errors"
	"os"

	"zmicroservices/context/command"
	"zmicroservices/context/event"
	"zmicroservices/services/scheduler/peer"
)

// running is the Scheduler's source: the provider, by its control socket.
type running struct{}

// Contexts implements scheduler.Source: the context that runs the Scheduler.
func (running) Contexts(ctx context.Context) ([]peer.Context, error) {
	socket := os.Getenv("ZMS_CONTROL")
	if socket == "" {
		return nil, errors.New("ZMS_CONTROL is missing: Scheduler runs under a provider")
	}
	c, err := command.Dial(ctx, socket)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	views, err := c.State(ctx, "")
	if err != nil {
		return nil, err
	}
	hello := c.Hello()
	return []peer.Context{{
		ID: hello.ContextID, File: hello.File, PID: hello.PID, Version: hello.Version,
		FrontEnd: hello.FrontEndEndpoint, BackEnd: hello.BackendEndpoint, HTTP: hello.HTTP,
		Transactions: transactionsOf(views),
	}}, nil
}

// transactionsOf counts the services of transactions by their states.
func transactionsOf(views []*event.View) []peer.Transaction {
	all := make([]peer.Transaction, 0, len(views))
	for _, v := range views {
		t := peer.Transaction{ID: string(v.Transaction), Services: len(v.Tasks), States: map[string]int{}}
		for _, task := range v.Tasks {
			t.States[task.State.String()]++
		}
		all = append(all, t)
	}
	return all
}
