package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"zmicroservices/taskservice/message"
)

// ask puts a question about a transaction to a provider by a message, and gives
// the content of the answer.
func (e errand) ask(ctx context.Context, w world, p provider, action string, configuration map[string]any) (map[string]any, error) {
	q := question(configuration, message.Header{
		Action: action, ServiceName: "state", Transaction: e.transaction, RequestID: w.requestID(),
	})
	frame, err := q.frame(q.header)
	if err != nil {
		return nil, err
	}
	v, err := p.send(ctx, letter{q, frame}, func(step) {})
	switch {
	case err != nil:
		return nil, err
	case v.answer == nil:
		return nil, errors.New(cmp.Or(v.reason, v.unseen, "no reason was given"))
	}
	return v.answer.content, nil
}

// unanswered words the end of a question without an answer; nil if there is one.
func (e errand) unanswered(ctx context.Context, what string, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, context.DeadlineExceeded) && ctx.Err() != nil:
		// A provider that does not know the question is silent, too.
		return failed("%s: no answer within %s", what, e.timeout)
	}
	return failed("%s: %w", what, err)
}

// decode reads the content of an answer as what it was made of.
func decode(content map[string]any, into any) error {
	text, err := json.Marshal(content)
	if err == nil {
		err = json.Unmarshal(text, into)
	}
	if err != nil {
		return fmt.Errorf("read answer: %w", err)
	}
	return nil
}
