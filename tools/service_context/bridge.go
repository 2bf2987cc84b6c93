package main

import (
	"context"
	"encoding/json"
	"errors"
	"os"

	"zmicroservices/context/command"
	"zmicroservices/context/event"
	"zmicroservices/services/bridge"
)

// around is the Bridge's source: the provider, by its control socket.
type around struct{}

// ask asks the provider by a connection for this one question: they are rare.
func (around) ask(ctx context.Context, put func(*command.Client) error) error {
	socket := os.Getenv("ZMS_CONTROL")
	if socket == "" {
		return errors.New("ZMS_CONTROL is missing: Bridge runs under a provider")
	}
	c, err := command.Dial(ctx, socket)
	if err != nil {
		return err
	}
	defer c.Close()
	return put(c)
}

// Self implements bridge.Source.
func (a around) Self(ctx context.Context) (bridge.Self, error) {
	var self bridge.Self
	err := a.ask(ctx, func(c *command.Client) error {
		hello := c.Hello()
		self.Version, self.FrontEnd, self.Backend = hello.Version, hello.FrontEndEndpoint, hello.BackendEndpoint
		views, err := c.State(ctx, "")
		for _, v := range views {
			t := bridge.Transaction{ID: string(v.Transaction), Began: v.Began, Services: len(v.Tasks)}
			for _, task := range v.Tasks {
				if task.State == event.Started {
					t.Up++
				}
			}
			self.Transactions = append(self.Transactions, t)
		}
		return err
	})
	return self, err
}

// State implements bridge.Source: Views, as the control socket gives them.
func (a around) State(ctx context.Context, transaction string) (text json.RawMessage, err error) {
	err = a.ask(ctx, func(c *command.Client) error {
		views, err := c.State(ctx, transaction)
		if err != nil {
			return err
		}
		text, err = json.Marshal(views)
		return err
	})
	return text, err
}

// Top implements bridge.Source: Figures, as the page's /api/top gives them.
func (a around) Top(ctx context.Context, transaction string) (text json.RawMessage, err error) {
	err = a.ask(ctx, func(c *command.Client) error {
		return c.Figures(ctx, command.FiguresQuery{Transaction: event.TransactionID(transaction)}, func(f *event.Figures) error {
			text, err = json.Marshal(f)
			return err
		})
	})
	return text, err
}
