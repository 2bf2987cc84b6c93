package forwarder

import "sync"

// message is one complete message as its reader found it.
type message struct {
	// key is what subscriptions are matched against: the beginning of the first
	// frame's body, at least 4 KiB of it unless it is shorter.
	key []byte
	// span is the message, if it is in one range; else its pieces are
	// batch.pieces[first:last].
	span        span
	first, last int32
}

// batch takes the messages of one read from their publisher to the queues of
// those who subscribed. Its slices are used again and again, so a batch in
// steady state allocates nothing.
//
// A batch belongs to one goroutine at a time, which holds every chunk that its
// spans name until deliver has returned.
type batch struct {
	f        *Forwarder
	messages []message
	pieces   []span

	// touched are the subscribers that get something, and pend, indexed by their
	// slots, what they get.
	touched []*subscriber
	pend    []pending
	turn    uint64
	offered int // bytes, to all of them together

	// What is in the making for one queue at a time.
	rest, taken, kept []span
	copies            copies

	losses  losses
	wrapped envelope // a frame of our own on its way
}

// pending is what one subscriber gets of a batch.
type pending struct {
	turn uint64 // of which batch this is; another's is stale
	last int32  // the last run that was added
	list []span
}

// batches are the idle ones. There are as many as ever worked at once: one a
// processor, and those whose goroutines were preempted.
type batches struct {
	mu   sync.Mutex // guards free
	free []*batch
}

// maxIdleBatches bounds what is kept after a rush.
const maxIdleBatches = 64

func (f *Forwarder) getBatch() *batch {
	f.batches.mu.Lock()
	defer f.batches.mu.Unlock()
	if n := len(f.batches.free); n > 0 {
		b := f.batches.free[n-1]
		f.batches.free = f.batches.free[:n-1]
		return b
	}
	return &batch{f: f, copies: copies{depot: &f.depot}, wrapped: envelope{depot: &f.depot}}
}

func (f *Forwarder) putBatch(b *batch) {
	b.copies.forget()
	f.batches.mu.Lock()
	if len(f.batches.free) < maxIdleBatches {
		f.batches.free = append(f.batches.free, b)
		b = nil
	}
	f.batches.mu.Unlock()
	if b != nil {
		b.copies.close()
	}
}

// close lets go of what the idle batches hold.
func (bs *batches) close() {
	bs.mu.Lock()
	defer bs.mu.Unlock()
	for _, b := range bs.free {
		b.copies.close()
	}
	bs.free = nil
}

// add appends a message of one range.
func (b *batch) add(key []byte, s span) {
	b.messages = append(b.messages, message{key: key, span: s})
}

// addPieces appends a message of several.
func (b *batch) addPieces(key []byte, pieces []span) {
	first := len(b.pieces)
	b.pieces = append(b.pieces, pieces...)
	b.messages = append(b.messages, message{key: key, first: int32(first), last: int32(len(b.pieces))})
}

// deliver hands all messages to the queues of their subscribers and empties the
// batch.
//
// All messages of all publishers have one order, the same for every subscriber,
// as in a device with one thread: a place in every queue is taken before anything
// is written to anybody. So nobody can see the answer to a message before the
// message, however fast the one who answers is.
//
// It returns the bytes that were written or queued, once for each subscriber.
func (b *batch) deliver() (bytes int) {
	if len(b.messages) == 0 {
		return 0
	}
	b.offered = 0
	b.route()
	b.f.order.Lock()
	for i, s := range b.touched {
		if !s.conn.out.claim(b.pend[s.slot].list, b) {
			b.touched[i] = nil
		}
	}
	b.f.order.Unlock()
	for i, s := range b.touched {
		if s != nil {
			s.conn.out.write(b.pend[s.slot].list, b)
			b.touched[i] = nil
		}
	}
	b.losses.settle(b.f)
	b.touched = b.touched[:0]
	clear(b.messages)
	b.messages = b.messages[:0]
	clear(b.pieces)
	b.pieces = b.pieces[:0]
	return b.offered
}

// route matches each message once and sorts the ranges by subscriber.
// Neighbours that match the same node become one run, so that what is done for
// every subscriber is done once a run, not once a message.
func (b *batch) route() {
	b.turn++
	f := b.f
	f.trieMu.RLock()
	defer f.trieMu.RUnlock()
	var (
		at     *node // node of the run in the making
		s      span  // its range
		number int32 // of the run
	)
	for i := range b.messages {
		m := &b.messages[i]
		n := f.trie.match(m.key)
		if n == nil {
			continue
		}
		if m.last > 0 {
			if at != nil {
				number++
				b.distribute(at, number, s)
			}
			at = nil
			number++
			b.distribute(n, number, b.pieces[m.first:m.last]...)
			continue
		}
		if at == n && s.joins(m.span) {
			s.end = m.span.end
			s.msgs += m.span.msgs
			continue
		}
		if at != nil {
			number++
			b.distribute(at, number, s)
		}
		at, s = n, m.span
	}
	if at != nil {
		number++
		b.distribute(at, number, s)
	}
}

// distribute notes spans for all members of n and of the nodes above it, each
// subscriber once.
func (b *batch) distribute(n *node, number int32, spans ...span) {
	for ; n != nil; n = n.parent {
		for _, m := range n.members {
			slot := m.sub.slot
			if slot >= len(b.pend) {
				b.pend = append(b.pend, make([]pending, max(slot+1, 2*len(b.pend))-len(b.pend))...)
			}
			p := &b.pend[slot]
			if p.turn != b.turn {
				p.turn, p.last, p.list = b.turn, 0, p.list[:0]
				b.touched = append(b.touched, m.sub)
			}
			if p.last == number {
				continue // it has two prefixes that match
			}
			p.last = number
			for _, s := range spans {
				b.offered += s.size()
				if k := len(p.list) - 1; k >= 0 && p.list[k].joins(s) {
					p.list[k].end = s.end
					p.list[k].msgs += s.msgs
					continue
				}
				p.list = append(p.list, s)
			}
		}
	}
}

// keep makes the spans of list outlive the batch and returns them with a hold on
// each. Where a queue wants at least half of a chunk, it keeps the chunk; else
// it gets a copy, so that a few small messages never pin 64 KiB. The result is
// valid until the next keep.
func (b *batch) keep(list []span) []span {
	b.kept = b.kept[:0]
	for len(list) > 0 {
		c, n, j := list[0].c, 0, 0
		for ; j < len(list) && list[j].c == c; j++ {
			n += list[j].size()
		}
		for _, s := range list[:j] {
			if 2*n >= len(c.buf) {
				c.hold()
				b.kept = append(b.kept, s)
			} else {
				b.kept = b.copies.add(b.kept, s)
			}
		}
		list = list[j:]
	}
	return b.kept
}
