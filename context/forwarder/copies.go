package forwarder

// copies writes small ranges into small chunks, one range once for all the
// queues that keep it.
type copies struct {
	depot *depot
	tail  *chunk // where the next copy goes, nil at first
	used  int

	made   []made
	pieces []span // what made points into, with a hold on each
}

// made is a range that was copied during this batch.
type made struct {
	c           *chunk
	off, end    int32
	first, last int
}

// lookBack is how many copies are compared before a range is copied again.
// Queues that keep the same ranges keep them in the same order, so the one
// looked for is among the last few or nowhere.
const lookBack = 32

// add appends the pieces that s was copied to, with a hold on each.
func (k *copies) add(dst []span, s span) []span {
	for i := len(k.made) - 1; i >= max(0, len(k.made)-lookBack); i-- {
		if m := &k.made[i]; m.c == s.c && m.off == s.off && m.end == s.end {
			return appendHeld(dst, k.pieces[m.first:m.last])
		}
	}
	first := len(k.pieces)
	for b := s.bytes(); len(b) > 0; {
		if k.tail == nil || k.used == len(k.tail.buf) {
			k.close()
			k.tail, k.used = k.depot.get(smallChunk), 0
		}
		n := copy(k.tail.buf[k.used:], b)
		p := span{c: k.tail, off: int32(k.used), end: int32(k.used + n), class: s.class, more: true}
		k.used += n
		b = b[n:]
		k.tail.hold()
		k.pieces = append(k.pieces, p)
	}
	last := &k.pieces[len(k.pieces)-1]
	last.msgs, last.more = s.msgs, s.more
	last.whole = s.whole && len(k.pieces)-first == 1
	k.made = append(k.made, made{c: s.c, off: s.off, end: s.end, first: first, last: len(k.pieces)})
	return appendHeld(dst, k.pieces[first:])
}

func appendHeld(dst, spans []span) []span {
	for _, s := range spans {
		s.c.hold()
	}
	return append(dst, spans...)
}

// forget ends the batch: its ranges may change now, so nothing is looked up any
// more. The tail goes on being filled by the next.
func (k *copies) forget() {
	for i := range k.pieces {
		k.pieces[i].c.drop()
	}
	clear(k.pieces)
	clear(k.made)
	k.pieces, k.made = k.pieces[:0], k.made[:0]
}

// close lets go of the tail.
func (k *copies) close() {
	if k.tail != nil {
		k.tail.drop()
		k.tail = nil
	}
}
