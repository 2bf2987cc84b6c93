package main

import (
	"context"
	"errors"
	"sync"
	"time"

	tea "charm.land/bubbletea/v2"

	"zmicroservices/conf"
	"zmicroservices/context/command"
	"zmicroservices/context/event"
	"zmicroservices/taskservice/message"
	"zmicroservices/tools/conf_command/screen"
)

// viewer is what the screen of top has for eyes and hands: connections to the
// provider's control socket.
type viewer struct {
	w      world
	o      topping
	file   *conf.Context
	send   func(tea.Msg)
	chosen chan screen.Key // capacity 1, the latest alone: whose log is wanted; sent by follow, never closed
	work   sync.WaitGroup
}

const (
	// comeBack is how often a provider that went away is looked for.
	comeBack = 500 * time.Millisecond
	// causePace bounds how often the causes of one that changes all the time are asked for.
	causePace = 500 * time.Millisecond
	// lastLines and lastChanges are what is shown to begin with.
	lastLines   = 200
	lastChanges = 8
)

// feed sends figures until ctx ends, from whichever provider there is.
func (v *viewer) feed(ctx context.Context) {
	again := time.NewTicker(comeBack)
	defer again.Stop()
	for {
		err := v.figures(ctx)
		if ctx.Err() != nil {
			return
		}
		v.send(screen.Lost{Err: err})
		select {
		case <-again.C:
		case <-ctx.Done():
			return
		}
	}
}

func (v *viewer) figures(ctx context.Context) error {
	c, err := dialLocal(ctx, v.o.options, v.file)
	if err != nil {
		return err
	}
	defer c.Close()
	q := command.FiguresQuery{Transaction: event.TransactionID(v.o.transaction), Every: v.o.every}
	err = c.Figures(ctx, q, func(f *event.Figures) error {
		v.send(screen.Figures{Figures: f})
		return nil
	})
	if err == nil || errors.Is(err, command.ErrGone) {
		err = errors.New("the provider went away")
	}
	return err
}

// follow says whose log and causes are wanted from now on.
func (v *viewer) follow(k screen.Key) tea.Cmd {
	return func() tea.Msg {
		for {
			select {
			case v.chosen <- k:
				return nil
			default:
			}
			select {
			case <-v.chosen: // nobody wants to see that one any more
			default:
			}
		}
	}
}

// listen follows the one that was chosen last, until ctx ends.
func (v *viewer) listen(ctx context.Context) {
	stop := func() {}
	defer func() { stop() }()
	for {
		select {
		case k := <-v.chosen:
			stop()
			one, cancel := context.WithCancel(ctx)
			done := make(chan struct{}) // closed when k is not followed any more
			v.work.Go(func() {          // ends when another is chosen, or with ctx
				defer close(done)
				v.hear(one, k)
			})
			stop = func() { cancel(); <-done }
		case <-ctx.Done():
			return
		}
	}
}

// hear sends what one task service prints, and what becomes of it. Its connection is its
// own: what is followed there ends with it. An error is not said: the figures have gone
// the same way, and say so.
func (v *viewer) hear(ctx context.Context, k screen.Key) {
	c, err := dialLocal(ctx, v.o.options, v.file)
	if err != nil {
		return
	}
	defer c.Close()
	var work sync.WaitGroup
	defer work.Wait()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	work.Go(func() { // ends with ctx or the provider
		q := command.LogQuery{Transaction: k.Transaction, Tasks: []event.TaskID{k.Task}, Last: lastLines, Follow: true}
		_ = c.Logs(ctx, q, func(lines []command.LogLine) error {
			v.send(linesOf(k, lines))
			return nil
		})
	})
	changed := make(chan struct{}, 1) // sent by the watcher, never closed; one stands for many
	changed <- struct{}{}
	work.Go(func() { // ends with ctx or the provider
		_ = c.Watch(ctx, string(k.Transaction), func(s command.Sight) error {
			if s.Change != nil && s.Change.Task != k.Task {
				return nil
			}
			select {
			case changed <- struct{}{}:
			default:
			}
			return nil
		})
	})
	pace := time.NewTicker(causePace)
	defer pace.Stop()
	for {
		select {
		case <-changed:
			v.send(v.causes(ctx, c, k))
		case <-ctx.Done():
			return
		case <-c.Done():
			return
		}
		select {
		case <-pace.C:
		case <-ctx.Done():
			return
		}
	}
}

func linesOf(k screen.Key, lines []command.LogLine) screen.Lines {
	out := screen.Lines{Key: k, Lines: make([]screen.Line, len(lines))}
	for i, l := range lines {
		out.Lines[i] = screen.Line{At: l.At, Stream: l.Stream, Text: string(l.Text)}
	}
	return out
}

// causes are what is known of one; what cannot be had is left out.
func (v *viewer) causes(ctx context.Context, c *command.Client, k screen.Key) screen.Causes {
	out := screen.Causes{Key: k}
	if w, err := c.Why(ctx, string(k.Transaction), string(k.Task)); err == nil {
		out.Why = w.Text
	}
	entries, _ := c.History(ctx, command.HistoryQuery{Transaction: k.Transaction, Task: k.Task, Limit: lastChanges})
	for _, e := range entries {
		if e.Change != nil && e.Change.From != e.Change.To {
			out.Changes = append(out.Changes, *e.Change)
		}
	}
	return out
}

// do has orders carried out, each on a connection of its own.
func (v *viewer) do(ctx context.Context) func(screen.Order) tea.Cmd {
	return func(o screen.Order) tea.Cmd {
		return func() tea.Msg {
			done := screen.Done{Order: o}
			if err := v.carryOut(ctx, o); err != nil {
				done.Reason = oneLine(err)
			}
			return done
		}
	}
}

func (v *viewer) carryOut(ctx context.Context, o screen.Order) error {
	ctx, cancel := context.WithTimeout(ctx, defaultTimeout)
	defer cancel()
	p, err := reachSocket(ctx, socketOf(v.o.options, v.file))
	if err != nil {
		return err
	}
	defer p.close()
	h := message.Header{
		Action: o.Action, ServiceName: "context", ServiceID: v.file.ContextID, Transaction: string(o.Transaction), RequestID: v.w.requestID(),
	}
	var ord order
	if t := v.file.Find(string(o.Task)); t != nil {
		ord = chosenTasks(v.file, []*conf.Task{t}, true, h)
	} else { // one that came by a message
		h.ServiceID, h.ServiceName = string(o.Task), "all"
		ord = directly(message.TopicProcess, h)
	}
	frame, err := ord.frame(h)
	if err != nil {
		return err
	}
	out, err := p.send(ctx, letter{ord, frame}, func(step) {})
	switch {
	case err != nil:
		return err
	case out.ok:
		return nil
	case out.reason != "":
		return errors.New(out.reason)
	}
	return errors.New(listed(out.tasks))
}
