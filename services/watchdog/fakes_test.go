package watchdog

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"zmicroservices/taskservice/message"
)

// air is a bus between a watchdog and a test.
type air struct {
	in   chan []byte // sent by the test, never closed
	out  chan []byte // sent by the watchdog, never closed; what a test may leave unread
	mu   sync.Mutex  // guards what follows
	subs []string
	away bool
}

func newAir() *air { return &air{in: make(chan []byte), out: make(chan []byte, 4096)} }

func (a *air) Subscribe(_ context.Context, prefix string) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.subs = append(a.subs, prefix)
	return nil
}

func (a *air) Receive(ctx context.Context) ([]byte, error) {
	select {
	case f := <-a.in:
		return f, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (a *air) Publish(_ context.Context, frame []byte) error {
	a.out <- frame
	return nil
}

func (a *air) Connected() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return !a.away
}

func (a *air) goAway(away bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.away = away
}

// next is what the watchdog says next.
func (a *air) next(t *testing.T) (topic string, payload []byte) {
	t.Helper()
	select {
	case f := <-a.out:
		topic, payload, err := message.Split(f)
		if err != nil {
			t.Fatal(err)
		}
		return topic, payload
	case <-time.After(12 * time.Hour): // of a bubble
		t.Fatal("the watchdog says nothing")
	}
	return "", nil
}

// shelf is a store in memory that becomes durable when it is told to.
type shelf struct {
	mu      sync.Mutex // guards what follows
	entries []Entry
	rows    map[string]Microservice
	asking  []func(error)
	stuck   bool
	closed  chan struct{}
	kept    []Retention
}

func newShelf(rows ...Microservice) *shelf {
	s := &shelf{rows: map[string]Microservice{}, closed: make(chan struct{})}
	for _, r := range rows {
		s.rows[r.GID] = r
	}
	return s
}

func (s *shelf) Run(context.Context) error { <-s.closed; return nil }

func (s *shelf) Append(e Entry) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.entries = append(s.entries, e)
	if e.After != nil {
		s.rows[e.After.GID] = *e.After
	}
}

func (s *shelf) Durable(done func(error)) {
	s.mu.Lock()
	stuck := s.stuck
	if stuck {
		s.asking = append(s.asking, done)
	}
	s.mu.Unlock()
	if !stuck {
		done(nil)
	}
}

// answer lets all who asked know.
func (s *shelf) answer(err error) {
	s.mu.Lock()
	asking := s.asking
	s.asking = nil
	s.mu.Unlock()
	for _, done := range asking {
		done(err)
	}
}

func (s *shelf) Load(context.Context) ([]Microservice, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []Microservice
	for _, m := range s.rows {
		all = append(all, m)
	}
	return all, nil
}

func (s *shelf) Messages(context.Context, string, int) ([]Message, error) {
	return nil, errors.ErrUnsupported
}

func (s *shelf) Changes(context.Context, string, int) ([]Change, error) {
	return nil, errors.ErrUnsupported
}

func (s *shelf) Retain(r Retention) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.kept = append(s.kept, r)
}

func (s *shelf) Stats() StoreStats { return StoreStats{} }

func (s *shelf) Close(context.Context) error {
	close(s.closed)
	return nil
}

// rejected are the reasons of the messages that were.
func (s *shelf) rejected() (all []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, e := range s.entries {
		if e.Message != nil && e.Message.Rejected != "" {
			all = append(all, e.Message.Rejected)
		}
	}
	return slices.Clip(all)
}
