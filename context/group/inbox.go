package group

import (
	"context"
	"sync"

	"zmicroservices/context/event"
)

// maxNotices bounds the words of services that wait for the loop. At the bound
// their publisher is not read for a while; nothing is dropped.
const maxNotices = 1024

// inbox is where sources leave events for the loop. Exits, deadlines and
// operators go before notices and never wait: their number is bounded by the
// processes there are and by the requests that a front has open.
type inbox struct {
	mu      sync.Mutex // guards urgent and closed
	urgent  []event.Event
	closed  bool
	wake    chan struct{}     // capacity 1: there is something urgent; sent by put, never closed
	notices chan event.Notice // sent by sources, never closed: done ends the wait of a sender
	done    chan struct{}     // closed when the loop has ended
}

func newInbox() *inbox {
	return &inbox{
		wake: make(chan struct{}, 1), notices: make(chan event.Notice, maxNotices), done: make(chan struct{}),
	}
}

// put leaves an urgent event. It says false when the loop has ended.
func (b *inbox) put(e event.Event) bool {
	b.mu.Lock()
	if b.closed {
		b.mu.Unlock()
		return false
	}
	b.urgent = append(b.urgent, e)
	b.mu.Unlock()
	select {
	case b.wake <- struct{}{}:
	default:
	}
	return true
}

// notice leaves a service's word, waiting while there are too many.
func (b *inbox) notice(ctx context.Context, n event.Notice) error {
	select {
	case b.notices <- n:
		return nil
	case <-b.done:
		return ErrEnded
	case <-ctx.Done():
		return ctx.Err()
	}
}

// take gives all that is urgent.
func (b *inbox) take() []event.Event {
	b.mu.Lock()
	defer b.mu.Unlock()
	out := b.urgent
	b.urgent = nil
	return out
}

// close refuses what comes from here on. What was left unread is given back.
func (b *inbox) close() []event.Event {
	b.mu.Lock()
	b.closed = true
	rest := b.urgent
	b.urgent = nil
	b.mu.Unlock()
	close(b.done)
	return rest
}
