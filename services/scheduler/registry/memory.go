package registry

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"

	"zmicroservices/services/scheduler/peer"
)

// Memory is a registry of one process, which ends with it.
type Memory struct {
	mu    sync.Mutex // guards the rest
	id    uuid.UUID
	peers map[peer.Kind]map[uuid.UUID]peer.Peer
	lease Lease
	until time.Time
	own   Own
}

// NewMemory makes an empty one.
func NewMemory() *Memory {
	return &Memory{peers: map[peer.Kind]map[uuid.UUID]peer.Peer{peer.Consumer: {}, peer.Producer: {}}}
}

// Run implements Registry; there is nothing to do.
func (m *Memory) Run(ctx context.Context) error {
	<-ctx.Done()
	return nil
}

// Identity implements Registry.
func (m *Memory) Identity(_ context.Context, proposed uuid.UUID) (uuid.UUID, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.id == uuid.Nil {
		m.id = proposed
	}
	return m.id, nil
}

// Peers implements Registry.
func (m *Memory) Peers(_ context.Context, kind peer.Kind) ([]peer.Peer, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Collect(maps.Values(m.peers[kind])), nil
}

// Note implements Registry.
func (m *Memory) Note(_ context.Context, kind peer.Kind, peers []peer.Peer) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, p := range peers {
		if known, is := m.peers[kind][p.UUID]; !is || peer.Newer(p, known) {
			m.peers[kind][p.UUID] = p
		}
	}
	return nil
}

// Forget implements Registry.
func (m *Memory) Forget(_ context.Context, kind peer.Kind, ids []uuid.UUID) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, id := range ids {
		delete(m.peers[kind], id)
	}
	return nil
}

// Lead implements Registry.
func (m *Memory) Lead(_ context.Context, holder string, ttl time.Duration) (Lease, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := time.Now()
	held := now.Before(m.until)
	switch {
	case held && m.lease.Holder != holder:
		return Lease{}, ErrLed
	case !held:
		m.lease = Lease{holder, m.lease.Token + 1}
	}
	m.until = now.Add(ttl)
	return m.lease, nil
}

// Resign implements Registry.
func (m *Memory) Resign(_ context.Context, lease Lease) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.lease == lease {
		m.until = time.Time{}
	}
	return nil
}

// Own implements Registry.
func (m *Memory) Own(context.Context) (Own, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.own, nil
}

// SetOwn implements Registry.
func (m *Memory) SetOwn(_ context.Context, lease Lease, own Own) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.lease != lease || !time.Now().Before(m.until) {
		return ErrLed
	}
	m.own = own
	return nil
}

// Close implements Registry.
func (m *Memory) Close() error { return nil }
