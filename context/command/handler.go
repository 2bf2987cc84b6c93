package command

import (
	"context"
	"fmt"
	"sync"
	"time"

	"zmicroservices/conf"
	"zmicroservices/context/event"
	"zmicroservices/taskservice/lifecycle"
	"zmicroservices/taskservice/message"
)

// Handler judges what operators and services say.
type Handler struct {
	opts Options
	ctx  context.Context // ends a blocked notice; see Run

	mu       sync.Mutex                   // guards speaker
	speaker  map[speech]event.Incarnation // which incarnation a connection spoke for first
	waiters  *waiters
	pictures pictures
	reported []byte  // the last report, whose place the next one takes
	denied   limiter // answers to strangers
	drops    limiter // log lines about messages that are dropped
}

// speech is one connection speaking for one task service.
type speech struct {
	conn        uint64
	transaction event.TransactionID
	task        event.TaskID
}

// maxSpeakers bounds what is remembered of connections; it is more than there
// may be connections, and only a connection that speaks for many services at
// once could fill it.
const maxSpeakers = 100_000

// New makes a Handler. ctx ends the waiting of notices for their transaction.
func New(ctx context.Context, o Options) (*Handler, error) {
	if err := o.validate(); err != nil {
		return nil, err
	}
	return &Handler{opts: o, ctx: ctx, speaker: map[speech]event.Incarnation{}, waiters: newWaiters()}, nil
}

// Topics are the topics whose messages Deliver wants.
func (h *Handler) Topics() []string {
	return []string{message.TopicContext, message.TopicProcess, message.TopicControl, message.TopicState}
}

// Guarded are the topics on which Admit has to be asked; one that ends in a dot
// stands for all that begin so.
func (h *Handler) Guarded() []string {
	topics := []string{message.TopicContext, message.TopicProcess, message.TopicState}
	if h.opts.Keys { // a key speaks in the name of its own task services only
		topics = append(topics, message.TopicControl, lifecycle.Prefix, h.opts.Agents)
	}
	return topics
}

// Deliver takes one message of Topics from a peer. It may block while a
// transaction has too many unread notices: the caller is that publisher's reader.
func (h *Handler) Deliver(p Peer, topic string, frame []byte) {
	_, payload, err := message.Split(frame)
	if err != nil {
		h.dropped(p, topic, err)
		return
	}
	switch topic {
	case message.TopicContext:
		h.context(p, payload)
	case message.TopicProcess:
		h.process(p, payload)
	case message.TopicControl:
		h.control(p, payload)
	case message.TopicState:
		h.state(p, payload)
	}
}

// Closed forgets a connection.
func (h *Handler) Closed(conn uint64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for s := range h.speaker {
		if s.conn == conn {
			delete(h.speaker, s)
		}
	}
}

// control takes a service's own word and hands it to its transaction, with the
// incarnation that its connection first spoke for: the last words of a dead
// process cannot be taken for its successor's.
func (h *Handler) control(p Peer, payload []byte) {
	c, err := message.ParseControl(payload)
	if err != nil {
		h.dropped(p, message.TopicControl, err)
		return
	}
	ref := event.Ref{Transaction: event.TransactionID(c.Header.Transaction), Task: event.TaskID(c.Header.ServiceID)}
	var task *event.TaskView
	if view := h.opts.Transactions.View(ref.Transaction); view != nil {
		task = view.Task(ref.Task)
	}
	if err := h.heeded(p, c.Header.ServiceID); err != nil && !h.isUserOf(p, task) {
		h.dropped(p, message.TopicControl, fmt.Errorf("report of task %q not heeded: %w", c.Header.ServiceID, err))
		return
	}
	if task == nil {
		return
	}
	ref.Incarnation = h.spokeFor(speech{p.Conn, ref.Transaction, ref.Task}, task.Incarnation)
	n := event.Notice{Ref: ref, Action: c.Header.Action, Status: c.Status, PID: number(c.Status["pid"])}
	n.Result, _ = c.Status["result"].(string)
	n.Reason, _ = c.Status["reason"].(string)
	if err := h.opts.Transactions.Notice(h.ctx, n); err != nil {
		h.opts.Logger.Debug("control message came too late", "task", ref.Task, "transaction", ref.Transaction, "err", err)
	}
}

// wrong answers a message that cannot be understood, if it can be seen that it
// wants an answer.
func (h *Handler) wrong(p Peer, topic string, header message.Header, err error) {
	if !asks(topic, header.Action) {
		h.dropped(p, topic, err)
		return
	}
	h.refuse(header, event.TransactionID(header.Transaction), err.Error())
}

// dropped logs a message that nothing is done about, a few a second: a flood on
// the wire must not be one on the disk.
func (h *Handler) dropped(p Peer, topic string, err error) {
	if h.drops.allow(time.Now()) {
		h.opts.Logger.Warn("message dropped", "topic", topic, "peer", p.Name, "err", err)
	}
}

func (h *Handler) spokeFor(s speech, now event.Incarnation) event.Incarnation {
	if s.conn == 0 {
		return now
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if first, known := h.speaker[s]; known {
		return first
	}
	if len(h.speaker) < maxSpeakers {
		h.speaker[s] = now
	}
	return now
}

// process takes an operator's direct command to one service. The service hears
// it on the bus by itself; the transaction has to know, so that the end of the
// service is not taken for a failure.
func (h *Handler) process(p Peer, payload []byte) {
	m, err := message.ParseProcess(payload)
	if err != nil {
		h.wrong(p, message.TopicProcess, m.Header, err)
		return
	}
	id := event.TransactionID(m.Header.Transaction)
	view := h.opts.Transactions.View(id)
	cause := h.cause(p, m.Header)
	if view == nil {
		h.refuse(m.Header, id, fmt.Sprintf("there is no transaction %q", id))
		return
	}
	switch m.Header.Action {
	case "start", "stop", "restart":
	default:
		return // a word between services
	}
	r := Request{Transaction: id, Action: m.Header.Action, Cause: cause, Told: m.Header.Action == "stop"}
	for _, t := range view.Tasks {
		named := m.Header.ServiceID == string(t.ID)
		unnamed := m.Header.ServiceID == "" || m.Header.ServiceID == "none" // the original's default
		if named || unnamed && m.Header.ServiceName == t.ServiceName {
			r.Tasks = append(r.Tasks, &conf.Task{ID: string(t.ID)})
		}
	}
	if len(r.Tasks) == 0 {
		h.refuse(m.Header, id, fmt.Sprintf("there is no task service %q named %q in transaction %s",
			m.Header.ServiceID, m.Header.ServiceName, id))
		return
	}
	h.ask(m.Header, r)
}

func (h *Handler) ask(header message.Header, r Request) {
	if err := h.opts.Transactions.Ask(r); err != nil {
		h.refuse(header, r.Transaction, err.Error())
	}
}

// cause says who asked.
func (h *Handler) cause(p Peer, header message.Header) event.Cause {
	return event.Cause{Origin: event.ByOperator, By: p.Name, Request: header.RequestID}
}

// refuse answers a command that no transaction will answer.
func (h *Handler) refuse(header message.Header, id event.TransactionID, reason string) {
	h.Answer(Outcome{Transaction: id, Action: header.Action, Request: header.RequestID, Reason: reason})
}

// Answer says an outcome on the bus and to the front that waits for it.
func (h *Handler) Answer(o Outcome) {
	facts := []any{"transaction", o.Transaction}
	if o.Action != "" { // a storm is nobody's command
		facts = append(facts, "action", o.Action)
	}
	if o.OK {
		h.opts.Logger.Info("command carried out", facts...)
	} else {
		h.opts.Logger.Warn("command refused or failed", append(facts, "reason", o.Reason)...)
	}
	h.publish(result(o, h.opts.Own.ContextID).Frame())
	h.waiters.answer(o)
}

func (h *Handler) publish(frame []byte, err error) {
	if err == nil {
		err = h.opts.Bus.Publish(frame)
	}
	if err != nil {
		h.opts.Logger.Error("message not published", "err", err)
	}
}
