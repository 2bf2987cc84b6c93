package bridge

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/nats-io/nats.go"

	"zmicroservices/services/bridge/subject"
	"zmicroservices/taskservice/message"
)

// orders takes commands from NATS to the provider. Each goes onto the bus as an ordinary
// message, and what the provider may do by a message it decides there, as for everybody
// else (its Admit, its files, the role of our key). They are requests, and never kept: an
// order to start from last night is not to be carried out in the morning.
type orders struct {
	allowed bool
	place   subject.Place
	waits   *waits
	echoes  *echoes
	publish func(frame []byte) error
	slots   chan struct{} // held by those under way; its capacity is their number
	log     *slog.Logger
}

const (
	// orderTime is how long the outcome of a command is awaited.
	orderTime = 30 * time.Second
	// mostOrders are under way at once.
	mostOrders = 64
	// largestOrder bounds a command: of what a start has to say, a thousandfold.
	largestOrder = 4 << 20
)

var (
	errNoCommands = errors.New("this bridge takes no commands: <commands>true</commands> in its configuration allows them")
	errBusy       = fmt.Errorf("%d commands are under way: ask again", mostOrders)
)

// subjects of orders; the topic is their last part.
func (o *orders) subjects() []string {
	return []string{o.place.Command(message.TopicContext), o.place.Command(message.TopicProcess), o.place.Command(message.TopicState)}
}

// take carries one out and answers it. It is called on a goroutine of its own.
func (o *orders) take(ctx context.Context, m *nats.Msg) {
	topic := m.Subject[strings.LastIndexByte(m.Subject, '.')+1:]
	v, err := o.carryOut(ctx, topic, m.Data)
	if err != nil {
		v.Result, v.Reason = "failed", err.Error()
	}
	o.log.Info("command came over NATS", "topic", topic, "request_id", v.RequestID, "result", v.Result, "reason", v.Reason)
	if m.Reply == "" {
		return
	}
	answer(m, v, o.log)
}

func (o *orders) carryOut(ctx context.Context, topic string, payload []byte) (Verdict, error) {
	if !o.allowed {
		return Verdict{}, errNoCommands
	}
	if len(payload) > largestOrder {
		return Verdict{}, fmt.Errorf("command of %d bytes, the limit is %d", len(payload), largestOrder)
	}
	frame, id, err := order(topic, payload)
	if err != nil {
		return Verdict{RequestID: id}, err
	}
	select {
	case o.slots <- struct{}{}:
		defer func() { <-o.slots }()
	default:
		return Verdict{RequestID: id}, errBusy
	}
	outcome, ok := o.waits.open(id)
	if !ok {
		return Verdict{RequestID: id}, fmt.Errorf("a command with the request_id %s is under way", id)
	}
	defer o.waits.shut(id)
	o.echoes.expect(frame)
	if err := o.publish(frame); err != nil {
		return Verdict{RequestID: id}, err
	}
	ctx, cancel := context.WithTimeout(ctx, orderTime)
	defer cancel()
	select {
	case v := <-outcome:
		return v, nil
	case <-ctx.Done():
		return Verdict{RequestID: id}, fmt.Errorf("no outcome within %v; what was asked for may go on", orderTime)
	}
}

// order is a payload as a message of the bus, with a request_id, by which its outcome is
// known; one is given to a message that has none.
func order(topic string, payload []byte) (frame []byte, id string, err error) {
	var h message.Header
	switch topic {
	case message.TopicContext:
		var m message.Command
		m, err = message.ParseCommand(payload)
		h = m.Header
	case message.TopicProcess:
		var m message.Process
		m, err = message.ParseProcess(payload)
		h = m.Header
	case message.TopicState:
		var m message.State
		m, err = message.ParseState(payload)
		h = m.Header
	default:
		return nil, "", fmt.Errorf("topic %q is none of context, process, state", topic)
	}
	if err != nil {
		return nil, h.RequestID, err
	}
	o, err := message.Decode(payload)
	if err != nil {
		return nil, h.RequestID, err
	}
	if id = h.RequestID; id == "" {
		id = uuid.NewString()
		header := o
		path := []string{"header"}
		if topic == message.TopicProcess {
			path = []string{"Task", "message", "header"}
		}
		for _, key := range path {
			header, _ = header[key].(map[string]any) // they are there: it was parsed
		}
		header["request_id"] = id
	}
	frame, err = message.Frame(topic, o)
	return frame, id, err
}

// answer sends v as JSON. An answer that cannot be sent is said here: who asked sees none.
func answer(m *nats.Msg, v any, log *slog.Logger) {
	text, err := json.Marshal(v)
	if err == nil {
		err = m.Respond(text)
	}
	if err != nil {
		log.Warn("answer was not sent", "subject", m.Subject, "err", err)
	}
}
