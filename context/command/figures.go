package command

import (
	"context"
	"errors"
	"time"

	"zmicroservices/context/event"
)

// Figures answers what everything costs.
type Figures interface {
	// Figures gives what is known now. It may be called as often as one likes: who
	// asks again at once is given the same.
	Figures(ctx context.Context) *event.Figures
}

// FiguresQuery chooses figures.
type FiguresQuery struct {
	Transaction event.TransactionID `json:"transaction,omitempty"` // "": all
	Every       time.Duration       `json:"every,omitempty"`       // told again as often, until the client is closed; 0: once
}

// shortestEvery is how often figures are told at most.
const shortestEvery = 100 * time.Millisecond

// figures tells them once, or again and again. A client that does not read holds up
// its own connection alone: what it did not see is not kept for it.
func (ses *session) figures(ctx context.Context, q query) {
	from := ses.s.h.opts.Figures
	if from == nil {
		ses.send(reply{ID: q.ID, Done: true, Error: "nothing is counted here"})
		return
	}
	if q.Top == nil {
		q.Top = &FiguresQuery{Transaction: event.TransactionID(q.Transaction)}
	}
	if q.Top.Every <= 0 {
		ses.send(reply{ID: q.ID, Done: true, Figures: q.Top.only(from.Figures(ctx))})
		return
	}
	again := time.NewTicker(max(q.Top.Every, shortestEvery))
	defer again.Stop()
	for {
		ses.send(reply{ID: q.ID, Figures: q.Top.only(from.Figures(ctx))})
		select {
		case <-again.C:
		case <-ctx.Done():
			ses.send(reply{ID: q.ID, Done: true})
			return
		}
	}
}

// only leaves the services of the transaction that is asked for.
func (q *FiguresQuery) only(f *event.Figures) *event.Figures {
	if q.Transaction == "" {
		return f
	}
	some := *f
	some.Services = []event.ServiceFigures{}
	for _, s := range f.Services {
		if s.Transaction == q.Transaction {
			some.Services = append(some.Services, s)
		}
	}
	return &some
}

// Figures tells each of what everything costs, once, or as often as q says until ctx
// or the provider ends, or each gives an error. The provider then goes on telling until
// the client is closed, too.
func (c *Client) Figures(ctx context.Context, q FiguresQuery, each func(*event.Figures) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	err := c.call(ctx, query{Verb: "top", Top: &q}, func(r reply) {
		if r.Figures == nil || context.Cause(ctx) != nil {
			return
		}
		if err := each(r.Figures); err != nil {
			cancel(err)
		}
	})
	if cause := context.Cause(ctx); cause != nil && (err == nil || errors.Is(err, context.Canceled)) {
		return cause
	}
	return err
}
