package provider

import (
	"context"
	"sync"

	"zmicroservices/context/event"
	"zmicroservices/context/keeper"
)

// strays are the keeper's slots of transactions that the journal does not know as
// open: the provider died between asking for them and writing that down, so that
// nobody was promised them. They are ended. Nobody is told of what becomes of them,
// and a start of the same task service waits until they are gone: a transaction that
// is begun anew under their name counts its incarnations from one, as they did.
type strays struct {
	mu    sync.Mutex
	slots map[event.Ref]*stray
}

// stray is one such slot.
type stray struct {
	gone chan struct{} // closed when the keeper has forgotten it
}

// add takes one into the book. It is called before anything is started.
func (s *strays) add(r event.Ref) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.slots == nil {
		s.slots = map[event.Ref]*stray{}
	}
	s.slots[r] = &stray{make(chan struct{})}
}

// has says that a slot is one.
func (s *strays) has(r event.Ref) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.slots[r] != nil
}

// forgotten takes out those that a batch of events, which is acknowledged, has
// ended.
func (s *strays) forgotten(batch []keeper.Event) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, e := range batch {
		if e.ID.Hook != "" || e.Kind != keeper.Gone && e.Kind != keeper.SpawnFailed {
			continue
		}
		if x := s.slots[refOf(e.ID)]; x != nil {
			delete(s.slots, refOf(e.ID))
			close(x.gone)
		}
	}
}

// before gives what a launch has to wait for: the strays of its task service.
func (s *strays) before(r event.Ref) []*stray {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []*stray
	for other, x := range s.slots {
		if other.Transaction == r.Transaction && other.Task == r.Task {
			all = append(all, x)
		}
	}
	return all
}

// wait returns when all are gone, or ctx ends.
func wait(ctx context.Context, all []*stray) {
	for _, x := range all {
		select {
		case <-x.gone:
		case <-ctx.Done():
			return
		}
	}
}
