package rest

import (
	"context"
	"sync"
	"time"

	"zmicroservices/services/scheduler/peer"
)

// memoAge is for how long what we run is told again: many peers ask within a moment.
const memoAge = time.Second

// memo asks once for many.
type memo struct {
	ask func(context.Context) ([]peer.Context, error)

	mu    sync.Mutex // guards the rest; held while one asks, so that the others wait for it
	known []peer.Context
	at    time.Time
}

func (m *memo) get(ctx context.Context) ([]peer.Context, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.at.IsZero() && time.Since(m.at) < memoAge {
		return m.known, nil
	}
	known, err := m.ask(ctx)
	if err != nil {
		return nil, err
	}
	if known == nil {
		known = []peer.Context{}
	}
	m.known, m.at = known, time.Now()
	return known, nil
}
