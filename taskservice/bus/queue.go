package bus

import (
	"context"
	"sync"
)

// queue holds frames on their way, up to a number and a weight. A frame
// heavier than the whole queue is let in when it is alone.
type queue struct {
	maxFrames, maxBytes int

	// more and room carry one token each that says "look again". Sent by put,
	// take and close, never closed; capacity 1, since a second token would say
	// nothing new. Whoever takes one and leaves work for others sends it on.
	more, room chan struct{}

	mu     sync.Mutex // guards the rest
	frames [][]byte
	bytes  int
	debt   int // put and not settled: frames, and those taken but not sent yet
	closed bool
}

func newQueue(frames, bytes int) *queue {
	return &queue{
		maxFrames: frames,
		maxBytes:  bytes,
		more:      make(chan struct{}, 1),
		room:      make(chan struct{}, 1),
	}
}

// put adds a frame, waiting for room until ctx ends. A ctx that has ended
// already does not keep a frame out that fits at once.
func (q *queue) put(ctx context.Context, frame []byte) error {
	for {
		switch ok, closed := q.tryPut(frame); {
		case closed:
			return ErrClosed
		case ok:
			return nil
		}
		select {
		case <-q.room:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (q *queue) tryPut(frame []byte) (ok, closed bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		signal(q.room) // for the next one who waits
		return false, true
	}
	if !q.fits(len(frame)) {
		return false, false
	}
	q.frames = append(q.frames, frame)
	q.bytes += len(frame)
	q.debt++
	signal(q.more)
	if q.fits(1) {
		signal(q.room)
	}
	return true, false
}

func (q *queue) fits(n int) bool {
	return len(q.frames) == 0 || len(q.frames) < q.maxFrames && q.bytes+n <= q.maxBytes
}

// take removes the oldest frames, up to some weight but at least one, and
// appends them to into. It does not wait: more says when to come again.
func (q *queue) take(into [][]byte, weight int) (frames [][]byte, closed bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	n := 0
	for n < len(q.frames) && (n == 0 || weight >= len(q.frames[n])) {
		weight -= len(q.frames[n])
		q.bytes -= len(q.frames[n])
		into = append(into, q.frames[n])
		q.frames[n] = nil // or the array would hold what is long gone
		n++
	}
	if q.frames = q.frames[n:]; len(q.frames) == 0 {
		q.frames = nil
	} else {
		signal(q.more)
	}
	if n > 0 {
		signal(q.room)
	}
	return into, q.closed
}

// takeOne removes the oldest frame, if there is one.
func (q *queue) takeOne() ([]byte, bool) {
	var one [1][]byte
	frames, _ := q.take(one[:0], 0)
	return one[0], len(frames) == 1
}

// close lets nothing more in; what is queued can still be taken.
func (q *queue) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = true
	signal(q.more)
	signal(q.room)
}

// settle says that n of the frames taken have gone their way; owed, how many of
// those ever put have not.
func (q *queue) settle(n int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.debt -= n
}

func (q *queue) owed() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.debt
}

func (q *queue) isClosed() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.closed
}

func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
