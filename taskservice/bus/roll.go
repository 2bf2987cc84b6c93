package bus

import "sync"

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

// joined says whether with this connection all are back after a loss.
func (r *roll) joined() (again bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.missing--
	switch {
	case r.missing > 0:
		return false
	case !r.once:
		r.once = true
		close(r.first)
		return false
	default:
		signal(r.rejoined)
		return true
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
