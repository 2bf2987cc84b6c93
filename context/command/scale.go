package command

import (
	"context"
	"errors"

	"zmicroservices/context/event"
)

// scale asks for other numbers of replicas. It is asked on the control socket
// alone: the original's bus has no word for it, and nothing else would need one.
func (ses *session) scale(ctx context.Context, q query) {
	id := event.TransactionID(q.Transaction)
	switch h := ses.s.h; {
	case h.opts.Transactions.View(id) == nil:
		ses.unknown(q)
	case len(q.Scale) == 0 || q.ID == "":
		ses.send(reply{ID: q.ID, Done: true, Error: "scale names no task service"})
	default:
		ses.carryOut(ctx, q, id, func() error {
			err := h.opts.Transactions.Ask(Request{
				Transaction: id, Action: "scale", Scale: q.Scale,
				Cause: event.Cause{Origin: event.ByOperator, By: ses.peer.Name, Request: q.ID},
			})
			if err == nil {
				ses.send(reply{ID: q.ID, Taken: true})
			}
			return err
		})
	}
}

// Scaling asks for numbers of replicas.
type Scaling struct {
	Transaction string
	Request     string // a new uuid
	Replicas    map[event.TaskID]int
	NoWait      bool // it is enough that the request was taken
}

// errTaken ends a call whose outcome is not waited for.
var errTaken = errors.New("taken")

// Scale changes numbers of replicas and gives the outcome; with NoWait an empty
// one. changed, if not nil, is told of the Changes on the way.
func (c *Client) Scale(ctx context.Context, s Scaling, changed func(event.Change)) (Outcome, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var out *Outcome
	err := c.call(ctx, query{ID: s.Request, Verb: "scale", Transaction: s.Transaction, Scale: s.Replicas}, func(r reply) {
		if r.Change != nil && changed != nil {
			changed(*r.Change)
		}
		if r.Outcome != nil {
			out = r.Outcome
		}
		if r.Taken && s.NoWait {
			cancel(errTaken)
		}
	})
	switch {
	case errors.Is(context.Cause(ctx), errTaken) && (err == nil || errors.Is(err, context.Canceled)):
		return Outcome{}, nil
	case err != nil:
		return Outcome{}, err
	case out == nil:
		return Outcome{}, errors.New("provider gave no outcome")
	}
	return *out, nil
}
