package mqtt

import "sync"

// note is a message on its way to one side: the topic is that side's.
type note struct {
	topic   string
	payload []byte
}

// maxQueued bounds the bytes of a queue beside its messages.
const maxQueued = 64 << 20

// queue holds what one side does not take yet. Full, it drops what is oldest: of states
// the last one counts, and who has waited for an answer that long asks again.
type queue struct {
	more chan struct{} // a token when there may be something; sent by put and giveBack, capacity 1 as one is enough

	mu      sync.Mutex // guards what follows
	notes   []note
	size    int // bytes of payloads
	limit   int // messages
	dropped uint64
}

func newQueue(limit int) *queue { return &queue{more: make(chan struct{}, 1), limit: limit} }

// put appends, and never waits.
func (q *queue) put(n note) {
	q.mu.Lock()
	q.notes = append(q.notes, n)
	q.size += len(n.payload)
	q.shrink()
	q.mu.Unlock()
	q.signal()
}

// giveBack puts notes that were taken in front again.
func (q *queue) giveBack(notes []note) {
	if len(notes) == 0 {
		return
	}
	q.mu.Lock()
	q.notes = append(append(make([]note, 0, len(notes)+len(q.notes)), notes...), q.notes...)
	for _, n := range notes {
		q.size += len(n.payload)
	}
	q.shrink()
	q.mu.Unlock()
	q.signal()
}

// shrink is called with the lock held. The newest stays, however large.
func (q *queue) shrink() {
	for len(q.notes) > 1 && (len(q.notes) > q.limit || q.size > maxQueued) {
		q.size -= len(q.notes[0].payload)
		q.notes[0] = note{}
		q.notes = q.notes[1:]
		q.dropped++
	}
}

// take gives up to n notes, oldest first; none if there are none.
func (q *queue) take(n int) []note {
	q.mu.Lock()
	defer q.mu.Unlock()
	n = min(n, len(q.notes))
	if n == 0 {
		return nil
	}
	taken := append([]note(nil), q.notes[:n]...)
	clear(q.notes[:n])
	q.notes = q.notes[n:]
	for _, t := range taken {
		q.size -= len(t.payload)
	}
	if len(q.notes) == 0 {
		q.notes = nil // what held a burst is given back
	}
	return taken
}

func (q *queue) signal() {
	select {
	case q.more <- struct{}{}:
	default:
	}
}

func (q *queue) drops() uint64 {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.dropped
}
