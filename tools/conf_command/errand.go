package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"zmicroservices/conf"
	"zmicroservices/taskservice/message"
)

// errand is an order, and how to have it carried out.
type errand struct {
	options
	file     *conf.Context // nil: none was named
	order    order
	original bool // the lines of the original are wanted
}

// afterwards bounds what is asked when an outcome is known, or will not be.
const afterwards = 2 * time.Second

// carry has an order carried out: it finds the provider and the transaction,
// sends the message, waits, and reports.
func carry(ctx context.Context, w world, e errand) error {
	work, cancel := e.limit(ctx)
	defer cancel()
	if e.original && !e.json() {
		fmt.Fprintf(w.out, "+ Connecting endpoint [%s] in topic [%s]\n", endpointOf(e.options, e.file), e.order.topic)
	}
	h := e.order.header
	h.RequestID = w.requestID()
	made := false
	h.Transaction, made = transactionOf(w, e)
	p, err := reach(work, e.options, e.file, e.overBus() && h.Transaction != "")
	if err != nil {
		return err
	}
	defer func() { p.close() }() // of whichever it is by then
	if h.Transaction == "" {
		if h.Transaction, err = onlyLive(work, p); err != nil {
			return err
		}
		if e.overBus() {
			p.close()
			if p, err = reach(work, e.options, e.file, true); err != nil {
				return err
			}
		}
	}
	frame, err := e.order.frame(h)
	if err != nil {
		return err
	}
	if !e.json() {
		e.announce(w, h, frame, made)
	}
	e.order.header = h
	return e.send(ctx, work, w, p, frame)
}

// overBus says that the control socket will not do. Questions are messages, and
// so are their answers: observers of the original see both. And the socket
// answers at the outcome; who does not wait for it leaves word and goes.
func (e errand) overBus() bool {
	return e.noWait || e.order.topic == message.TopicState || e.order.topic == message.TopicControl
}

func (e errand) limit(ctx context.Context) (context.Context, context.CancelFunc) {
	if e.timeout == 0 {
		return context.WithCancel(ctx)
	}
	return context.WithTimeout(ctx, e.timeout)
}

// announce says what is about to be sent. A transaction of our making is told
// before it is used: whoever interrupts us has to know it.
func (e errand) announce(w world, h message.Header, frame []byte, made bool) {
	if e.original {
		_, payload, _ := message.Split(frame) // our own frame
		fmt.Fprintf(w.out, "+ Sending message of [%d] bytes\n", len(payload))
	}
	if made || !e.original && h.Action != "exit" {
		fmt.Fprintf(w.out, "transaction %s\n", printable(h.Transaction))
	}
}

// send sends the message and reports what became of it.
func (e errand) send(ctx, work context.Context, w world, p provider, frame []byte) error {
	h := e.order.header
	steps := newSteps(e.order)
	say := newProgress(w)
	v, err := p.send(work, letter{e.order, frame}, func(s step) {
		steps.seen(s)
		say.seen(s)
	})
	if err == nil && h.Action == "exit" && e.order.topic == message.TopicContext && v.unseen == "" && v.ok {
		err = p.gone(work)
	}
	say.end()
	if err != nil {
		v = verdict{reason: e.notSeen(ctx, work, err)}
	}
	if v.answer != nil {
		return v.answer.show(w, e, h)
	}
	return e.report(ctx, w, p, steps, v)
}

// report shows the outcome of an order, and gives its error.
func (e errand) report(ctx context.Context, w world, p provider, steps *steps, v verdict) error {
	h := e.order.header
	r := report{
		Transaction: h.Transaction, Action: h.Action, RequestID: h.RequestID,
		Awaited: v.unseen == "", OK: v.ok, Reason: v.reason,
	}
	if e.file != nil {
		r.Context = e.file.ContextID
	}
	r.Tasks = steps.services(e.latest(ctx, p, v), v.tasks)
	if err := r.show(w.out, w.colour, e.json()); err != nil {
		return failed("write: %w", err)
	}
	if v.unseen != "" && !e.noWait {
		fmt.Fprintf(w.err, "sent; the outcome was not awaited: %s\n", v.unseen)
	}
	return r.complain(v.tasks)
}

// notSeen words the end of a wait without an outcome.
func (e errand) notSeen(ctx, work context.Context, err error) string {
	switch {
	case ctx.Err() != nil:
		return "interrupted; what was asked for goes on"
	case errors.Is(work.Err(), context.DeadlineExceeded):
		return fmt.Sprintf("no outcome within %s; what was asked for goes on (--timeout waits longer)", e.timeout)
	}
	return err.Error()
}

// latest is the transaction as it is now; nil if that cannot be asked.
func (e errand) latest(ctx context.Context, p provider, v verdict) *picture {
	if v.unseen != "" || e.order.header.Action == "exit" {
		return nil
	}
	// Also after a timeout or an interrupt: what is known then is worth most.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), afterwards)
	defer cancel()
	list, err := p.pictures(ctx, e.order.header.Transaction)
	if err != nil || len(list) != 1 {
		return nil
	}
	return &list[0]
}
