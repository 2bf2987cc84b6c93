package group

import (
	"context"
	"sync"

	"zmicroservices/context/event"
)

// maxNotices bounds the words of services that wait for the loop. At the bound
// their publisher is not read for a while; nothing is dropped.
const maxNotices = 1024

// fewNotices is how many of them are taken at a time, so that what is urgent
// never waits for more.
const fewNotices = 16

// inbox is where sources leave events for the loop. Exits, deadlines and
// operators go before notices and never wait: their number is bounded by the
// processes there are and by the requests that a front has open. Only a
// service's own last words go before its exit.
type inbox struct {
	mu      sync.Mutex // guards the three below
	urgent  []event.Event
	notices []event.Notice
	closed  bool

	wake chan struct{} // capacity 1: there is something; sent by sources, never closed
	room chan struct{} // capacity maxNotices, one for each that is unread: sent by sources, taken with the notice
	done chan struct{} // closed when the loop has ended
}

func newInbox() *inbox {
	return &inbox{
		wake: make(chan struct{}, 1), room: make(chan struct{}, maxNotices), done: make(chan struct{}),
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
	b.call()
	return true
}

// notice leaves a service's word, waiting while there are too many.
func (b *inbox) notice(ctx context.Context, n event.Notice) error {
	select {
	case b.room <- struct{}{}:
	case <-b.done:
		return ErrEnded
	case <-ctx.Done():
		return ctx.Err()
	}
	b.mu.Lock()
	if b.closed {
		b.mu.Unlock()
		return ErrEnded
	}
	b.notices = append(b.notices, n)
	b.mu.Unlock()
	b.call()
	return nil
}

// call wakes the loop.
func (b *inbox) call() {
	select {
	case b.wake <- struct{}{}:
	default:
	}
}

// take gives all that is urgent, or else a few notices.
func (b *inbox) take() []event.Event {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.urgent) > 0 {
		batch := b.lastWords(b.urgent)
		b.urgent = nil
		return batch
	}
	n := min(fewNotices, len(b.notices))
	batch := make([]event.Event, n)
	for i, notice := range b.notices[:n] {
		batch[i] = notice
	}
	b.read(n)
	b.notices = append(b.notices[:0], b.notices[n:]...)
	return batch
}

// lastWords puts what a service said before its end, however much others have
// said before that.
func (b *inbox) lastWords(urgent []event.Event) []event.Event {
	if len(b.notices) == 0 {
		return urgent
	}
	batch := make([]event.Event, 0, len(urgent))
	for _, e := range urgent {
		switch e.(type) {
		case event.Exited, event.Gone:
			others := b.notices[:0]
			for _, n := range b.notices {
				if n.Task == e.About() {
					batch = append(batch, n)
				} else {
					others = append(others, n)
				}
			}
			b.read(len(b.notices) - len(others))
			clear(b.notices[len(others):])
			b.notices = others
		}
		batch = append(batch, e)
	}
	return batch
}

// read makes room for as many notices as were taken.
func (b *inbox) read(n int) {
	for range n {
		<-b.room
	}
}

// close refuses what comes from here on, and gives back what was urgent and
// nobody will read.
func (b *inbox) close() []event.Event {
	b.mu.Lock()
	rest := b.urgent
	b.closed, b.urgent, b.notices = true, nil, nil
	b.mu.Unlock()
	close(b.done)
	return rest
}
