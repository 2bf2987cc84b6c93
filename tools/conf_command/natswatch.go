package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/nats-io/nats.go"

	"zmicroservices/services/bridge"
	"zmicroservices/services/bridge/subject"
	"zmicroservices/tools/internal/exit"
)

// farQueue is how many messages wait to be shown; more are dropped by NATS's client, and
// said at the end.
const farQueue = 65_536

// farSeen is a message of another host as JSON, one a line; a contract.
type farSeen struct {
	At      time.Time       `json:"at"` // when it was said there
	Host    string          `json:"host"`
	Context string          `json:"context"`
	Topic   string          `json:"topic"`
	ID      string          `json:"id,omitempty"`
	Message json.RawMessage `json:"message,omitempty"`
	Text    string          `json:"text,omitempty"` // of what is not JSON
}

// runWatchAll prints what is said on the buses of all hosts.
func runWatchAll(ctx context.Context, w world, o watching, topics []string) error {
	if err := o.validate(); err != nil {
		return err
	}
	nc, err := o.nats.dial()
	if err != nil {
		return err
	}
	defer nc.Close()
	messages := make(chan *nats.Msg, farQueue) // sent by the client, which never closes it
	for _, to := range farSubjects(topics) {
		if _, err := nc.ChanSubscribe(to, messages); err != nil {
			return exit.Failed("subscribe to %s: %w", to, err)
		}
	}
	if err := nc.FlushTimeout(10 * time.Second); err != nil {
		return exit.Failed("subscribe: %w", err)
	}
	fmt.Fprintf(w.err, "watching %s\n", strings.Join(o.nats.link.URLs, ","))
	var over <-chan time.Time
	if o.duration > 0 {
		over = time.After(o.duration)
	}
	for {
		select {
		case m := <-messages:
			if err := o.showFar(w, m); err != nil {
				return written(err)
			}
		case <-over:
			return nil
		case <-ctx.Done():
			return nil
		}
	}
}

// farSubjects are those of topics and of all below them; none: of all events.
func farSubjects(topics []string) []string {
	if len(topics) == 0 {
		return []string{subject.AllControl, subject.AllLifecycle}
	}
	var subjects []string
	for _, t := range topics {
		t = strings.TrimSuffix(t, ".")
		switch {
		case strings.HasPrefix(subject.AllLifecycle, t+"."):
			subjects = append(subjects, subject.AllLifecycle)
		case strings.HasPrefix(t, subject.Lifecycle):
			subjects = append(subjects, subject.Event(t), subject.Event(t)+".>")
		default:
			subjects = append(subjects, subject.Hosts("", t), subject.Hosts("", t)+".>")
		}
	}
	return subjects
}

func (o watching) showFar(w world, m *nats.Msg) error {
	s, ok := readFar(m, w.now)
	if !ok || o.transaction != "" && transactionIn(m.Data) != o.transaction {
		return nil
	}
	if o.json() {
		e := json.NewEncoder(w.out)
		e.SetEscapeHTML(false)
		return e.Encode(s)
	}
	text, good := line(s.Topic, m.Data, o.verbose)
	colour := cyan
	if !good {
		colour = red
	}
	_, err := fmt.Fprintf(w.out, "%s %s/%s [%s]: %s\n", s.At.Local().Format("15:04:05.000"), printable(s.Host), printable(s.Context), paint(printable(s.Topic), colour, w.colour), text)
	return err
}

// readFar reads a message. A life cycle event may be one of Choria's own, which names no
// context; a request to a host is no message.
func readFar(m *nats.Msg, now func() time.Time) (farSeen, bool) {
	var s farSeen
	var place subject.Place
	var err error
	if strings.HasPrefix(m.Subject, subject.Lifecycle) {
		s.Topic, err = subject.ParseEvent(m.Subject)
		place, _ = subject.ParseSpelling(m.Header.Get(bridge.HeaderOrigin))
	} else {
		place, s.Topic, err = subject.Parse(m.Subject)
	}
	if err != nil {
		return s, false
	}
	s.Host, s.Context, s.ID = place.Host, place.Context, m.Header.Get(bridge.HeaderID)
	if s.At, err = time.Parse(time.RFC3339Nano, m.Header.Get(bridge.HeaderTime)); err != nil {
		s.At = now()
	}
	if json.Valid(m.Data) {
		s.Message = m.Data
	} else {
		s.Text = string(bytes.ToValidUTF8(m.Data, []byte("\uFFFD")))
	}
	return s, true
}
