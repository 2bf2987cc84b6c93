package forwarder

import (
	"sync"
	"sync/atomic"
	"time"
)

// pace lets one log line through in a while and counts the others, so that a
// flood on the wire is not a flood on the disk.
type pace struct {
	mu      sync.Mutex // guards the rest
	next    int64
	skipped int
}

// logEvery is how often lines of one kind are logged.
const logEvery = 10 * time.Second

// pass reports whether to log now, and how many lines were not since the last.
func (p *pace) pass(now int64) (ok bool, skipped int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if now < p.next {
		p.skipped++
		return false, 0
	}
	skipped = p.skipped
	p.skipped, p.next = 0, now+int64(logEvery)
	return true, skipped
}

// counted is a Flow that grows under many hands.
type counted struct{ messages, bytes atomic.Uint64 }

func (c *counted) add(f Flow) {
	c.messages.Add(f.Messages)
	c.bytes.Add(f.Bytes)
}

func (c *counted) flow() Flow { return Flow{Messages: c.messages.Load(), Bytes: c.bytes.Load()} }
