package bridge

import "sync"

// gang are goroutines that others may add to until it is closed. A callback of NATS's
// client may come at any time, and a WaitGroup that somebody waits for must not grow.
type gang struct {
	mu      sync.Mutex // guards closed, held while adding
	closed  bool
	members sync.WaitGroup
}

// add runs f on a goroutine of its own, unless the gang is closed.
func (g *gang) add(f func()) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.closed {
		g.members.Go(f)
	}
}

// wait takes no more, and returns when all have ended.
func (g *gang) wait() {
	g.mu.Lock()
	g.closed = true
	g.mu.Unlock()
	g.members.Wait()
}
