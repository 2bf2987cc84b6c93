package main

import (
	"cmp"
	"context"
	"errors"

	"zmicroservices/conf"
	"zmicroservices/context/command"
)

// provider is whoever carries an order out, and the way to it.
type provider interface {
	// send hands a message over and returns at its outcome. seen is told, on the
	// caller's goroutine, of what changes on the way.
	send(ctx context.Context, m letter, seen func(step)) (verdict, error)
	// pictures shows one transaction, or with "" all.
	pictures(ctx context.Context, transaction string) ([]picture, error)
	// why gives the causes of what a task service came to; of a transaction "",
	// in the latest that has it.
	why(ctx context.Context, transaction, task string) (command.Why, error)
	// history gives rows of the journal, the oldest first.
	history(ctx context.Context, q command.HistoryQuery) ([]command.Entry, error)
	// gone returns when the provider has ended.
	gone(ctx context.Context) error
	close()
}

// letter is an order on its way.
type letter struct {
	order
	bytes []byte // the message as on the bus
}

// step is one change of one task service.
type step struct {
	Task   string
	State  string // "" when it is not known what it came to
	PID    int
	Reason string
}

// verdict is the outcome of an order.
type verdict struct {
	unseen string // why the outcome was not awaited; "" if it was
	ok     bool
	reason string            // why not ok
	tasks  map[string]string // the task services that failed, and why

	answer *answer // to a question; nil for any other order
}

var (
	// errNoAnswer says that a provider cannot be asked this way.
	errNoAnswer = errors.New("a bus cannot be asked this")
	errUnknown  = errors.New("no such transaction")
)

// reach finds the provider of a file: through its control socket if it is on
// this machine, else, or if that is wanted, over the bus.
func reach(ctx context.Context, o options, file *conf.Context, overBus bool) (provider, error) {
	elsewhere := file == nil || o.endpoint != "" && o.endpoint != file.BackendEndpoint
	if !overBus && !elsewhere {
		p, err := reachSocket(ctx, socketOf(o, file))
		if !errors.Is(err, command.ErrNobody) {
			return p, err
		}
	}
	to := busAddress{backend: endpointOf(o, file), frontend: o.listen, mute: "no address to listen at is known; --listen_endpoint names one", proof: o.Proof}
	if file != nil {
		to.frontend = cmp.Or(o.listen, file.FrontEndEndpoint)
	}
	if o.noWait {
		to.frontend, to.mute = "", "--no_wait"
	}
	p, err := reachBus(ctx, to)
	var a *absence
	if file != nil && !elsewhere && errors.As(err, &a) {
		return nil, nobody("%s has no provider: %w (start it: service_context %s)", file.ContextID, err, file.File)
	}
	return p, err
}

func socketOf(o options, file *conf.Context) string {
	return command.SocketPath(command.RuntimeDir(o.runtimeDir), file.ContextID, file.FrontEndEndpoint, file.BackendEndpoint)
}
