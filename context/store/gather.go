package store

import "time"

// gather is a time in which writes wait for each other.
type gather struct {
	until time.Time // zero: there is none
	last  uint64    // number of the latest write when it was looked last
	large bool      // one is over: what has gathered is a group
}

const (
	// gatherPause is how long nothing must have come for a rush to be over.
	gatherPause = 20 * time.Millisecond
	// gatherMost is how many writes gather: far fewer than a ring has places for.
	gatherMost = 8192
)

// Gather tells of a rush: what is queued from here on is written when nothing has
// come for a moment, when a Barrier is asked, or after most, as one group. Of each
// key it has the latest only, and those who make the rush have the processor for
// themselves. Durable, which can wait, does not end it.
func (d *DB) Gather(most time.Duration) {
	d.mu.Lock()
	d.gather.until = time.Now().Add(most)
	d.mu.Unlock()
	d.nudge()
}

// lingers is how long what is queued waits for more, until it is looked again; 0: not
// any longer.
func (d *DB) lingers() time.Duration {
	d.mu.Lock()
	defer d.mu.Unlock()
	g := &d.gather
	if g.until.IsZero() {
		return 0
	}
	left := time.Until(g.until)
	if left <= 0 || d.closed || d.queue.isAsked() || d.queue.waiting() >= gatherMost {
		g.end()
		return 0
	}
	return min(left, gatherPause)
}

// rush says whether the rush goes on, a pause after it was looked last.
func (d *DB) rush() bool {
	if d.lingers() == 0 {
		return false
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	g := &d.gather
	if g.last == d.queue.last {
		g.end()
		return false
	}
	g.last = d.queue.last
	return true
}

// rushed ends a rush: nothing waits any more.
func (d *DB) rushed() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.gather.end()
}

func (g *gather) end() {
	if !g.until.IsZero() {
		*g = gather{large: true}
	}
}
