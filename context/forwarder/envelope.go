package forwarder

import "zmicroservices/taskservice/zmtp"

// envelope puts frames of ours into wire form, in chunks that it holds until it
// is closed.
type envelope struct {
	depot  *depot
	chunks []*chunk
	used   int // of the last chunk
	list   []span
}

// wrap returns a message of these frames as spans, valid until the next wrap, and the
// beginning of its first body, which subscriptions are matched against.
func (e *envelope) wrap(class class, frames ...[]byte) (list []span, key []byte) {
	total := 0
	for _, frame := range frames {
		total += zmtp.MaxHeader + len(frame)
	}
	size := smallChunk
	if total > smallChunk {
		size = bigChunk
	}
	// Short frames share chunks; what is matched never lies across two.
	if n := len(e.chunks); n == 0 || len(e.chunks[n-1].buf)-e.used < min(total, zmtp.MaxHeader+headRoom) {
		e.turn(size)
	}
	e.list = e.list[:0]
	var buf [zmtp.MaxHeader]byte
	for i, frame := range frames {
		var flags zmtp.Flags
		if i < len(frames)-1 {
			flags = zmtp.More
		}
		e.put(zmtp.AppendHeader(buf[:0], flags, len(frame)), size, class)
		e.put(frame, size, class)
	}
	end := &e.list[len(e.list)-1]
	end.msgs, end.more = 1, false
	end.whole = len(e.list) == 1
	return e.list, head(e.list[0].bytes())
}

func (e *envelope) put(b []byte, size int, class class) {
	for len(b) > 0 {
		c := e.chunks[len(e.chunks)-1]
		if e.used == len(c.buf) {
			c = e.turn(size)
		}
		n := copy(c.buf[e.used:], b)
		b = b[n:]
		if k := len(e.list) - 1; k >= 0 && e.list[k].c == c {
			e.list[k].end += int32(n)
		} else {
			e.list = append(e.list, span{c: c, off: int32(e.used), end: int32(e.used + n), class: class, more: true})
		}
		e.used += n
	}
}

func (e *envelope) turn(size int) *chunk {
	c := e.depot.get(size)
	e.chunks, e.used = append(e.chunks, c), 0
	return c
}

// close lets go of the chunks.
func (e *envelope) close() {
	for i, c := range e.chunks {
		c.drop()
		e.chunks[i] = nil
	}
	e.chunks, e.used = e.chunks[:0], 0
}
