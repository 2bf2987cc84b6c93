package forwarder

// ring is a double-ended queue of spans that allocates only when it grows.
type ring struct {
	buf  []span // length a power of two
	head int
	n    int
}

// idleRing is the longest buffer that an empty ring keeps.
const idleRing = 64

func (r *ring) len() int { return r.n }

func (r *ring) at(i int) *span { return &r.buf[(r.head+i)&(len(r.buf)-1)] }

func (r *ring) pushBack(s span) {
	r.grow()
	*r.at(r.n) = s
	r.n++
}

func (r *ring) pushFront(s span) {
	r.grow()
	r.head = (r.head - 1) & (len(r.buf) - 1)
	r.buf[r.head] = s
	r.n++
}

func (r *ring) popFront() {
	r.buf[r.head] = span{}
	r.head = (r.head + 1) & (len(r.buf) - 1)
	r.n--
	if r.n == 0 && len(r.buf) > idleRing {
		*r = ring{} // what a burst needed is not kept by a quiet subscriber
	}
}

func (r *ring) grow() {
	if r.n < len(r.buf) {
		return
	}
	buf := make([]span, max(8, 2*len(r.buf)))
	for i := range r.n {
		buf[i] = *r.at(i)
	}
	r.buf, r.head = buf, 0
}
