package main

import (
	"context"
	"errors"
	"time"

	"zmicroservices/context/command"
	"zmicroservices/taskservice/bus"
	"zmicroservices/taskservice/message"
	"zmicroservices/tools/internal/access"
)

// busAddress is where the bus takes messages, and where it gives them: "" when
// outcomes are not awaited, and mute says why.
type busAddress struct {
	backend, frontend, mute string
	proof                   access.Proof
}

// overBus is a provider that is asked by messages only.
type overBus struct {
	to  busAddress
	bus *bus.Bus
}

// lastWords bounds the wait for what was sent to have been read.
const lastWords = 5 * time.Second

func reachBus(ctx context.Context, to busAddress) (provider, error) {
	o := bus.Options{Backend: to.backend}
	if err := to.proof.Into(&o); err != nil {
		return nil, err
	}
	if err := access.Knock(ctx, to.backend); err != nil {
		return nil, err
	}
	if to.frontend != "" {
		if err := access.Knock(ctx, to.frontend); err != nil {
			return nil, err
		}
		o.Frontend, o.Topics = to.frontend, []string{message.TopicControl, message.TopicState}
	}
	b, err := bus.Dial(ctx, o)
	if err != nil {
		return nil, access.Unjoined(ctx, err)
	}
	return &overBus{to, b}, nil
}

func (p *overBus) send(ctx context.Context, m letter, seen func(step)) (verdict, error) {
	if err := p.bus.Publish(ctx, m.bytes); err != nil {
		return verdict{}, err
	}
	switch {
	case !m.answered:
		return p.unseen(ctx, "nobody answers such a message")
	case p.to.frontend == "":
		return p.unseen(ctx, p.to.mute)
	}
	if m.header.Action == "exit" {
		// A provider that is done before it has answered has done what it was told.
		var done context.CancelFunc
		before := ctx
		ctx, done = context.WithCancel(ctx)
		defer done()
		go func() { // ends when its poll does: with send at the latest
			if p.gone(ctx) == nil {
				done()
			}
		}()
		v, err := p.await(ctx, m.header, seen)
		if err != nil && before.Err() == nil && ctx.Err() != nil {
			return verdict{ok: true}, nil
		}
		return v, err
	}
	return p.await(ctx, m.header, seen)
}

// unseen ends a send that nobody answers, once the message is out.
func (p *overBus) unseen(ctx context.Context, why string) (verdict, error) {
	if err := p.bus.Close(ctx); err != nil {
		return verdict{}, err
	}
	return verdict{unseen: why, ok: true}, nil
}

// await reads the bus until the answer to our request.
func (p *overBus) await(ctx context.Context, ours message.Header, seen func(step)) (verdict, error) {
	for {
		frame, err := p.bus.Receive(ctx)
		if err != nil {
			return verdict{}, err
		}
		topic, payload, err := message.Split(frame)
		if err != nil {
			continue
		}
		// What does not parse is somebody's, but no answer.
		switch topic {
		case message.TopicControl:
			if c, err := message.ParseControl(payload); err == nil {
				if v, over := hear(c, ours, seen); over {
					return v, nil
				}
			}
		case message.TopicState:
			if s, err := message.ParseState(payload); err == nil {
				if v, over := hearAnswer(s, ours); over {
					return v, nil
				}
			}
		}
	}
}

// hear takes a control message for what it is to our request: its result, a step
// on the way, or nothing.
func hear(c message.Control, ours message.Header, seen func(step)) (verdict, bool) {
	if word(c.Status["device_action"]) == "command_result" {
		if c.Header.RequestID != ours.RequestID && word(c.Status["request_id"]) != ours.RequestID {
			return verdict{}, false
		}
		v := verdict{ok: word(c.Status["result"]) == "success", reason: word(c.Status["reason"]), tasks: map[string]string{}}
		if tasks, ok := c.Status["tasks"].(map[string]any); ok {
			for id, why := range tasks {
				v.tasks[id] = word(why)
			}
		}
		return v, true
	}
	// A context that speaks as the original did echoes no request_id: then what
	// happens in our transaction meanwhile is taken for ours.
	if c.Header.Transaction != ours.Transaction || c.Header.RequestID != "" && c.Header.RequestID != ours.RequestID {
		return verdict{}, false
	}
	if state := stateAfter(c.Header.Action, word(c.Status["result"])); state != "" && c.Header.ServiceName != "context" {
		seen(step{Task: c.Header.ServiceID, State: state, PID: number(c.Status["pid"]), Reason: word(c.Status["reason"])})
	}
	return verdict{}, false
}

// hearAnswer takes a state message for the answer to our question, or not.
func hearAnswer(s message.State, ours message.Header) (verdict, bool) {
	switch {
	case s.Header.Action != answers[ours.Action]:
		return verdict{}, false
	case s.Header.RequestID == ours.RequestID:
	case s.Header.RequestID == "" && s.Header.Transaction == ours.Transaction:
		// The original's provider; it echoes nothing.
	default:
		return verdict{}, false
	}
	return verdict{ok: true, answer: &answer{content: s.Content, list: s.List}}, true
}

// answers are the questions on the topic state, and what each is answered with.
var answers = map[string]string{
	"request": "reply_context",
	"top":     "reply_top",
	"why":     "reply_why",
	"history": "reply_history",
}

// pictures cannot be asked for all transactions at once: there is no such
// message. Whoever wants one asks its question by send.
func (p *overBus) pictures(context.Context, string) ([]picture, error) { return nil, errNoAnswer }

// why and history are messages with a name of their own: ask sends them.
func (p *overBus) why(context.Context, string, string) (command.Why, error) {
	return command.Why{}, errNoAnswer
}

func (p *overBus) history(context.Context, command.HistoryQuery) ([]command.Entry, error) {
	return nil, errNoAnswer
}

// gone waits until the forwarder takes no more publishers.
func (p *overBus) gone(ctx context.Context) error {
	return poll(ctx, func() bool {
		var a *absence
		err := access.Knock(ctx, p.to.backend)
		return ctx.Err() == nil && errors.As(err, &a)
	})
}

func (p *overBus) close() {
	ctx, cancel := context.WithTimeout(context.Background(), lastWords)
	defer cancel()
	// What is not out by now is lost; send has said whether it was.
	_ = p.bus.Close(ctx)
}
