package bridge

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/nats-io/nats.go"

	"zmicroservices/services/bridge/subject"
)

// answers tells NATS who is here, how its task services are and what they cost.
type answers struct {
	source   Source
	presence func() Presence // but for what the source says
	log      *slog.Logger
}

// askTime is how long the provider may take.
const askTime = 10 * time.Second

// The questions.
const (
	askState = "state"
	askTop   = "top"
)

// discover answers zmicroservices.discover. That the provider does not answer is said: the
// bridge does.
func (a *answers) discover(ctx context.Context, m *nats.Msg) {
	ctx, cancel := context.WithTimeout(ctx, askTime/5) // who asks waits a few seconds
	defer cancel()
	p := a.presence()
	self, err := a.source.Self(ctx)
	p.Self = self
	if err != nil {
		p.Error = err.Error()
	}
	if p.Transactions == nil {
		p.Transactions = []Transaction{}
	}
	answer(m, p, a.log)
}

// ask answers a question.
func (a *answers) ask(ctx context.Context, m *nats.Msg) {
	ctx, cancel := context.WithTimeout(ctx, askTime)
	defer cancel()
	text, err := a.find(ctx, m.Subject[strings.LastIndexByte(m.Subject, '.')+1:], m.Data)
	reply := nats.NewMsg(m.Reply)
	if err != nil {
		reply.Header.Set(HeaderError, strings.Join(strings.Fields(err.Error()), " "))
	} else {
		reply.Data = text
	}
	switch err := m.RespondMsg(reply); {
	case errors.Is(err, nats.ErrMaxPayload):
		reply.Data = nil
		reply.Header.Set(HeaderError, fmt.Sprintf("the answer has %d bytes, more than NATS takes (max_payload); ask for one transaction", len(text)))
		_ = m.RespondMsg(reply) // who asked sees no answer, as with any other that is lost
	case err != nil:
		a.log.Warn("answer was not sent", "subject", m.Subject, "err", err)
	}
}

func (a *answers) find(ctx context.Context, question string, body []byte) (json.RawMessage, error) {
	var q Question
	if len(body) > 0 {
		if err := json.Unmarshal(body, &q); err != nil {
			return nil, fmt.Errorf("question is no JSON object: %w", err)
		}
	}
	switch question {
	case askState:
		return a.source.State(ctx, q.Transaction)
	case askTop:
		return a.source.Top(ctx, q.Transaction)
	}
	return nil, fmt.Errorf("%q is no question: there are %s and %s", question, askState, askTop)
}

// subjects are those of questions.
func questions(p subject.Place) []string { return []string{p.Ask(askState), p.Ask(askTop)} }
