package command

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"runtime"
	"runtime/metrics"
	"sync"

	"zmicroservices/context/event"
	"zmicroservices/taskservice/message"
)

// session is one connection.
type session struct {
	s     *Server
	peer  Peer
	mu    sync.Mutex // guards enc: one line at a time
	enc   *json.Encoder
	tasks sync.WaitGroup

	recordings recordings
}

func (ses *session) send(r reply) {
	ses.mu.Lock()
	defer ses.mu.Unlock()
	// A client that has gone is noticed by the reader of its connection.
	_ = ses.enc.Encode(r)
}

func (ses *session) answer(ctx context.Context, q query) {
	h := ses.s.h
	switch q.Verb {
	case "hello":
		hello := ses.s.hello
		hello.Goroutines, hello.HeapLive = runtime.NumGoroutine(), heapLive()
		ses.send(reply{ID: q.ID, Done: true, Hello: &hello})
	case "publish":
		ses.publish(ctx, q)
	case "scale":
		ses.scale(ctx, q)
	case "state":
		if q.Transaction == "" {
			ses.send(reply{ID: q.ID, Done: true, Views: h.opts.Transactions.Views()})
			return
		}
		v := h.opts.Transactions.View(event.TransactionID(q.Transaction))
		if v == nil {
			ses.unknown(q)
			return
		}
		ses.send(reply{ID: q.ID, Done: true, Views: []*event.View{v}})
	case "watch":
		ses.watch(ctx, q)
	case "why":
		w, err := h.opts.Journal.Why(ctx, event.TransactionID(q.Transaction), event.TaskID(q.Task))
		ses.send(answerOf(q, err, reply{Why: &w}))
	case "history":
		if q.History == nil {
			q.History = &HistoryQuery{}
		}
		entries, err := h.opts.Journal.History(ctx, *q.History)
		ses.send(answerOf(q, err, reply{History: entries}))
	case "logs":
		ses.logs(ctx, q)
	case "top":
		ses.figures(ctx, q)
	case "monitor":
		ses.monitorFrames(ctx, q)
	case "stats":
		ses.stats(ctx, q)
	case "bus":
		ses.bus(ctx, q)
	case "record":
		ses.record(ctx, q)
	case "enough":
		ses.enough(ctx, q)
	case "play":
		ses.play(q)
	case "upgrade":
		ses.upgrade(ctx, q)
	case "upgraded":
		ses.upgraded(q)
	default:
		ses.send(reply{ID: q.ID, Done: true, Error: fmt.Sprintf("verb %q is none of hello, publish, scale, state, watch, why, history, logs, top, monitor, stats, bus, record, enough, play, upgrade, upgraded", q.Verb)})
	}
}

// heapLive is what memory does not tell whose pages come and go: what is really held.
func heapLive() uint64 {
	figure := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	metrics.Read(figure)
	if figure[0].Value.Kind() != metrics.KindUint64 {
		return 0 // a runtime that does not know it
	}
	return figure[0].Value.Uint64()
}

// answerOf is the last reply to a query: r, or what went wrong.
func answerOf(q query, err error, r reply) reply {
	if err != nil {
		r = reply{Error: err.Error()}
	}
	r.ID, r.Done = q.ID, true
	return r
}

func (ses *session) unknown(q query) {
	ses.send(reply{ID: q.ID, Done: true, Code: "unknown", Error: fmt.Sprintf("there is no transaction %q", q.Transaction)})
}

// publish hands a message to the bus in the peer's name, streams what it
// changes, and ends with its outcome.
func (ses *session) publish(ctx context.Context, q query) {
	topic, payload, err := message.Split([]byte(q.Frame))
	if err != nil {
		ses.send(reply{ID: q.ID, Done: true, Error: err.Error()})
		return
	}
	ses.carryOut(ctx, q, transactionOf(topic, payload), func() error {
		return ses.s.h.opts.Bus.Inject(ses.peer, []byte(q.Frame))
	})
}

// carryOut has a request carried out: it streams what that changes, and ends with
// its outcome.
func (ses *session) carryOut(ctx context.Context, q query, id event.TransactionID, ask func() error) {
	o, err := ses.outcome(ctx, q, id, ask)
	switch {
	case err != nil:
		ses.send(reply{ID: q.ID, Done: true, Error: err.Error()})
	case o != nil:
		ses.send(reply{ID: q.ID, Done: true, Outcome: o})
	}
}

// outcome gives the outcome of a request; nil if the server ends before that.
func (ses *session) outcome(ctx context.Context, q query, id event.TransactionID, ask func() error) (*Outcome, error) {
	h := ses.s.h
	outcome := h.waiters.expect(q.ID)
	defer h.waiters.forget(q.ID)
	// Watched from before, if there is something to watch; else the command may
	// have begun its transaction.
	stream, unknown := h.opts.Transactions.Watch(id)
	err := ask()
	if unknown != nil {
		stream, unknown = h.opts.Transactions.Watch(id)
	}
	if unknown == nil {
		defer stream.Close()
	}
	if err != nil {
		return nil, err
	}
	changes := make(chan event.Change) // sent by follow, never closed; 0: what it took from the stream is said
	ctx, cancel := context.WithCancel(ctx)
	var following sync.WaitGroup
	defer following.Wait()
	defer cancel()
	if unknown == nil {
		// Ends with this query.
		following.Go(func() { follow(ctx, stream, q.ID, changes) })
	}
	for {
		select {
		case c := <-changes:
			ses.send(reply{ID: q.ID, Change: &c})
		case o := <-outcome:
			return &o, nil
		case <-ctx.Done():
			select { // both may have been ready
			case o := <-outcome:
				return &o, nil
			default:
				return nil, nil
			}
		}
	}
}

// transactionOf gives the transaction that a command is about; "" when it
// cannot be told.
func transactionOf(topic string, payload []byte) event.TransactionID {
	switch topic {
	case message.TopicContext:
		c, _ := message.ParseCommand(payload)
		return event.TransactionID(c.Header.Transaction)
	case message.TopicProcess:
		p, _ := message.ParseProcess(payload)
		return event.TransactionID(p.Header.Transaction)
	default:
		return ""
	}
}

// follow sends the changes that a request causes.
func follow(ctx context.Context, s Stream, request string, to chan<- event.Change) {
	for {
		c, err := s.Next(ctx)
		if err != nil {
			return
		}
		if c.Cause.Request != request {
			continue
		}
		select {
		case to <- c:
		case <-ctx.Done():
			return
		}
	}
}

func (ses *session) watch(ctx context.Context, q query) {
	stream, err := ses.s.h.opts.Transactions.Watch(event.TransactionID(q.Transaction))
	if err != nil {
		ses.unknown(q)
		return
	}
	defer stream.Close()
	ses.send(reply{ID: q.ID, View: stream.View()})
	for {
		c, err := stream.Next(ctx)
		switch {
		case errors.Is(err, ErrLagged):
			ses.send(reply{ID: q.ID, View: stream.Resync()})
		case err != nil:
			ses.send(reply{ID: q.ID, Done: true})
			return
		default:
			ses.send(reply{ID: q.ID, Change: &c})
		}
	}
}
