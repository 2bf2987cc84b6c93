package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"time"

	"zmicroservices/context/command"
	"zmicroservices/context/event"
)

// socket is a provider on this machine, asked through its control socket.
type socket struct {
	path   string
	client *command.Client
}

// reachSocket returns an error that is command.ErrNobody if no provider listens.
func reachSocket(ctx context.Context, path string) (provider, error) {
	c, err := command.Dial(ctx, path)
	switch {
	case errors.Is(err, command.ErrNobody):
		return nil, err
	case err != nil:
		return nil, failed("control socket %s: %w", path, err)
	}
	return &socket{path, c}, nil
}

func (s *socket) send(ctx context.Context, m letter, seen func(step)) (verdict, error) {
	out, err := s.client.Publish(ctx, m.bytes, stepsTo(seen))
	switch {
	case err == nil:
	case m.header.Action == "exit" && errors.Is(err, command.ErrGone):
		return verdict{ok: true}, nil // it ended before it could say so
	default:
		return verdict{}, err
	}
	return verdictOf(out), nil
}

func (s *socket) scale(ctx context.Context, n command.Scaling, seen func(step)) (verdict, error) {
	out, err := s.client.Scale(ctx, n, stepsTo(seen))
	switch {
	case err != nil:
		return verdict{}, err
	case n.NoWait:
		return verdict{unseen: "--no_wait", ok: true}, nil
	}
	return verdictOf(out), nil
}

// stepsTo tells changes as steps.
func stepsTo(seen func(step)) func(event.Change) {
	return func(c event.Change) {
		if c.Task != "" {
			seen(step{Task: string(c.Task), State: c.To.String(), PID: c.PID, Reason: c.Reason})
		}
	}
}

func verdictOf(out command.Outcome) verdict {
	v := verdict{ok: out.OK, reason: out.Reason, tasks: map[string]string{}}
	for id, why := range maps.All(out.Tasks) {
		v.tasks[string(id)] = why
	}
	return v
}

func (s *socket) pictures(ctx context.Context, transaction string) ([]picture, error) {
	var views []*event.View
	err := s.asked(ctx, func(c *command.Client) (err error) { views, err = c.State(ctx, transaction); return err })
	switch {
	case errors.Is(err, command.ErrUnknown):
		return nil, errUnknown
	case err != nil:
		return nil, fmt.Errorf("ask for the state: %w", err)
	}
	shown := make([]picture, len(views))
	for i, v := range views {
		shown[i] = pictureOf(v)
	}
	return shown, nil
}

func (s *socket) why(ctx context.Context, transaction, task string) (command.Why, error) {
	var w command.Why
	err := s.asked(ctx, func(c *command.Client) (err error) { w, err = c.Why(ctx, transaction, task); return err })
	return w, err
}

func (s *socket) history(ctx context.Context, q command.HistoryQuery) ([]command.Entry, error) {
	var rows []command.Entry
	err := s.asked(ctx, func(c *command.Client) (err error) { rows, err = c.History(ctx, q); return err })
	return rows, err
}

// asked puts a question, and once more if the provider gave way meanwhile to another
// program (conf_command upgrade): a question may come twice, an order may not.
func (s *socket) asked(ctx context.Context, put func(*command.Client) error) error {
	err := put(s.client)
	if !errors.Is(err, command.ErrGone) {
		return err
	}
	c, again := command.Dial(ctx, s.path)
	if again != nil {
		return err
	}
	s.client.Close()
	s.client = c
	return put(c)
}

// gone waits until nobody listens on the socket: a provider that still drains
// its bus must not meet its successor.
func (s *socket) gone(ctx context.Context) error {
	select {
	case <-s.client.Done():
	case <-ctx.Done():
		return ctx.Err()
	}
	return poll(ctx, func() bool {
		c, err := command.Dial(ctx, s.path)
		if err == nil {
			c.Close()
		}
		return errors.Is(err, command.ErrNobody)
	})
}

func (s *socket) close() { s.client.Close() }

// poll asks until the answer is yes. What ends without a word can only be asked
// for; twenty times a second is as soon as a person sees it.
func poll(ctx context.Context, over func() bool) error {
	again := time.NewTicker(50 * time.Millisecond)
	defer again.Stop()
	for !over() {
		select {
		case <-again.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}
