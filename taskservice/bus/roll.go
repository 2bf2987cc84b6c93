package bus

import (
	"log/slog"
	"sync"
)

// side is what the two sides of a bus, publisher and subscriber, have alike.
type side struct {
	to     endpoint
	roll   *roll
	log    *slog.Logger // with the endpoint
	report func(error)  // why a connection could not be had, or was lost
}

// roll knows how many of a bus's connections are not joined.
type roll struct {
	first    chan struct{} // closed by joined, when all are there for the first time
	rejoined chan struct{} // capacity 1, as one "again" says it all; sent by joined, never closed

	mu      sync.Mutex // guards the rest
	missing int
	once    bool // all were there at least once
}

func newRoll(connections int) *roll {
	return &roll{
		first:    make(chan struct{}),
		rejoined: make(chan struct{}, 1),
		missing:  connections,
	}
}

func (r *roll) joined() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.missing--
	switch {
	case r.missing > 0:
	case !r.once:
		r.once = true
		close(r.first)
	default:
		signal(r.rejoined)
	}
}

func (r *roll) lost() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.missing++
}

func (r *roll) complete() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.missing == 0
}
