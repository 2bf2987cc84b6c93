package command

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"zmicroservices/context/event"
	"zmicroservices/taskservice/message"
)

// Publication is what `top` with a service asks for: the topic monitor, again and again,
// at an endpoint of its own.
type Publication struct {
	Transaction event.TransactionID
	Endpoint    string
	Every       time.Duration // 0: no more
	Detail      Detail
}

// topPatience is how long an answer to top may take: memory maps wait for locks of the
// processes that they are of.
const topPatience = 5 * time.Second

// top answers what the services of a transaction cost, as reply_top.
func (h *Handler) top(q message.State, id event.TransactionID) {
	reply := message.State{Header: q.Header, List: []any{}}
	reply.Header.Action = "reply_top"
	if h.opts.Transactions.View(id) == nil {
		// The reason first: an empty list alone could be that of a transaction that rests.
		h.refuse(q.Header, id, fmt.Sprintf("there is no transaction %q", id))
		if !h.opts.Original {
			h.publish(reply.Frame())
		}
		return
	}
	asked, _ := q.Content["configuration"].(map[string]any)
	detail, err := detailOf(asked)
	if err == nil {
		err = h.publication(asked, id, detail)
	}
	var accounts []Account
	if err == nil {
		accounts, err = h.accounts(h.ctx, id, detail)
	}
	if err != nil {
		h.refuse(q.Header, id, err.Error())
		return
	}
	for i := range accounts {
		a := &accounts[i]
		reply.List = append(reply.List, message.Ordered{
			{Key: "instance", Value: a.Task.Instance}, {Key: "pid", Value: a.PID}, {Key: "serviceName", Value: a.Task.ServiceName},
			{Key: "service_id", Value: string(a.Task.ID)}, {Key: "memory", Value: a.payload("")},
		})
	}
	h.publish(reply.Frame())
	h.waiters.answer(Outcome{Transaction: id, Action: "top", Request: q.Header.RequestID, OK: true})
}

func (h *Handler) accounts(ctx context.Context, id event.TransactionID, d Detail) ([]Account, error) {
	if h.opts.Meter == nil {
		return nil, errors.New("this provider measures nothing")
	}
	ctx, cancel := context.WithTimeout(ctx, topPatience)
	defer cancel()
	return h.opts.Meter.Accounts(ctx, id, d)
}

// publication begins, changes or ends what `service` asks for, if it is there.
func (h *Handler) publication(asked map[string]any, id event.TransactionID, d Detail) error {
	v, given := asked["service"]
	if !given || h.opts.Meter == nil {
		return nil
	}
	o, ok := v.(map[string]any)
	if !ok {
		return errors.New(`configuration.service is no object; it has "type", "frequency_s" and "endpoint"`)
	}
	if kind, given := o["type"]; given && kind != "pub" {
		return fmt.Errorf("configuration.service.type %v: there is only pub", kind)
	}
	p := Publication{Transaction: id, Every: time.Second, Detail: d}
	if p.Endpoint, ok = o["endpoint"].(string); !ok || p.Endpoint == "" {
		return errors.New("configuration.service.endpoint is missing: say where to publish, as in tcp://127.0.0.1:6558")
	}
	if f, given := o["frequency_s"]; given {
		seconds, ok := float(f)
		if !ok || seconds < 0 || seconds > maxEvery.Seconds() {
			return fmt.Errorf("configuration.service.frequency_s %v is no number of seconds from 0 (no more) to %v", f, maxEvery.Seconds())
		}
		p.Every = time.Duration(seconds * float64(time.Second))
	}
	if p.Every > 0 {
		p.Every = max(p.Every, shortestEvery)
	}
	return h.opts.Meter.Publish(p)
}

// maxEvery bounds the pause between two messages of a publication.
const maxEvery = 24 * time.Hour

// float reads a JSON number, or one that is written as text.
func float(v any) (float64, bool) {
	switch n := v.(type) {
	case float64:
		return n, true
	case json.Number:
		f, err := n.Float64()
		return f, err == nil
	case string:
		f, err := json.Number(n).Float64()
		return f, err == nil
	default:
		return 0, false
	}
}

// detailOf reads what is asked for beyond the plain figures.
func detailOf(asked map[string]any) (Detail, error) {
	var d Detail
	for name, into := range map[string]*bool{"open_connections": &d.Connections, "opened_files": &d.OpenedFiles, "memory_maps": &d.MemoryMaps} {
		switch v := asked[name]; v {
		case nil, false, "false", "False", "":
		case true, "true", "True":
			*into = true
		default:
			return d, fmt.Errorf("configuration.%s %v is neither true nor false", name, v)
		}
	}
	return d, nil
}

// MonitorFrame is a message of the topic monitor: what each task service of a
// transaction costs that has a process.
func (h *Handler) MonitorFrame(ctx context.Context, id event.TransactionID, d Detail) ([]byte, error) {
	accounts, err := h.accounts(ctx, id, d)
	if err != nil {
		return nil, err
	}
	list := make([]any, len(accounts))
	for i := range accounts {
		a := &accounts[i]
		list[i] = append(a.payload(string(a.Task.ID)),
			message.Pair{Key: "action", Value: a.Task.Action}, message.Pair{Key: "state", Value: a.Task.Result},
			message.Pair{Key: "pid", Value: a.PID})
	}
	line, err := message.EncodeLine(map[string]any{string(id): list})
	if err != nil {
		return nil, fmt.Errorf("encode monitor message: %w", err)
	}
	return append([]byte(message.TopicMonitor+" @@@ "), line...), nil
}

// MonitorQuery asks for the topic monitor of a transaction.
type MonitorQuery struct {
	Transaction event.TransactionID `json:"transaction"`
	Every       time.Duration       `json:"every"`
	Detail
}

// monitorFrames tells them again and again, until the client is closed. A client that
// does not read holds up its own connection alone.
func (ses *session) monitorFrames(ctx context.Context, q query) {
	if q.Monitor == nil {
		ses.send(reply{ID: q.ID, Done: true, Error: "monitor: nothing is asked for"})
		return
	}
	again := time.NewTicker(max(q.Monitor.Every, shortestEvery))
	defer again.Stop()
	for {
		frame, err := ses.s.h.MonitorFrame(ctx, q.Monitor.Transaction, q.Monitor.Detail)
		switch {
		case errors.Is(err, ErrUnknown):
			ses.unknown(query{ID: q.ID, Transaction: string(q.Monitor.Transaction)})
			return
		case err == nil:
			ses.send(reply{ID: q.ID, Frame: string(frame)})
		case ctx.Err() == nil: // a pass that took too long is one that is left out
			ses.s.h.opts.Logger.Warn("processes not measured for the monitor", "transaction", q.Monitor.Transaction, "err", err)
		}
		select {
		case <-again.C:
		case <-ctx.Done():
			ses.send(reply{ID: q.ID, Done: true})
			return
		}
	}
}

// Monitor gives messages of the topic monitor, as often as q says, until ctx or the
// provider ends, or each gives an error.
func (c *Client) Monitor(ctx context.Context, q MonitorQuery, each func(frame []byte) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	err := c.call(ctx, query{Verb: "monitor", Monitor: &q}, func(r reply) {
		if r.Frame == "" || context.Cause(ctx) != nil {
			return
		}
		if err := each([]byte(r.Frame)); err != nil {
			cancel(err)
		}
	})
	if cause := context.Cause(ctx); cause != nil && (err == nil || errors.Is(err, context.Canceled)) {
		return cause
	}
	return err
}
