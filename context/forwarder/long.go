package forwarder

import (
	"fmt"

	"zmicroservices/taskservice/zmtp"
)

// Long messages are kept in the chunks that they came in, as many as there are
// bytes: never in memory of the size that somebody announced.

// Bounds in bytes.
const (
	// headRoom is how much of a frame is in one piece at least, for topics and
	// prefixes to be matched; so it is also the longest subscription.
	headRoom = 4 << 10
	// straddle is the length from which a frame may lie across chunks. Shorter
	// ones are moved, which is less work than to follow two pieces.
	straddle = 2 * headRoom
)

// long is a frame that lies across chunks.
type long struct {
	left    int64 // bytes to come
	size    int64 // of header and body
	last    bool  // no frame of this message follows
	inspect bool  // its topic may be special: it has to be seen whole
	piece   int   // where it begins: in which piece of the message
	offset  int   // and where in that piece's chunk
}

// makeRoom prepares the window for a read: what is short is moved to the front,
// what is long is set aside.
func (p *publisher) makeRoom() error {
	in, m := &p.in, &p.message
	if m.long.left > 0 {
		if in.fits(0) {
			return nil
		}
		return p.nextChunk()
	}
	need := int64(zmtp.MaxHeader)
	var h zmtp.Header
	if in.next < in.end {
		// An error means that the header is not whole yet: scan has seen it.
		if known, err := zmtp.ParseHeader(in.cur.buf[in.next:in.end]); err == nil {
			h, need = known, known.Total()
		}
	}
	if in.fits(int(min(need, bigChunk))) {
		return nil
	}
	here := in.end - in.next
	if need > straddle && here >= headRoom {
		m.long = long{
			left: need - int64(here), size: need, last: !h.More(),
			piece: len(m.pieces), offset: in.next,
		}
		m.long.inspect = p.f.topics.peek(in.cur.buf[in.next+h.Len : in.end])
		m.size += need
		in.next = in.end
		return p.nextChunk()
	}
	if in.next-in.start > straddle {
		p.setAside(in.next)
	}
	in.shift()
	return nil
}

// nextChunk sets the whole window aside and goes on in a new chunk.
func (p *publisher) nextChunk() error {
	if p.in.end > p.in.start {
		p.setAside(p.in.end)
	}
	p.message.chunks++
	p.midway.Store(true)
	// The messages that are underway have a half of their own, so that queues of
	// subscribers that do not read never cost a publisher its connection.
	if p.f.underway.Add(bigChunk) > p.f.limits.Memory/2 {
		return fmt.Errorf("read message: %d bytes so far: %w", p.message.size-p.message.long.left, errMemory)
	}
	p.in.move(p.f.depot.get(bigChunk))
	return nil
}

// arrived says that the message is not underway any more.
func (p *publisher) arrived() {
	if n := p.message.chunks; n > 0 {
		p.f.underway.Add(-int64(n) * bigChunk)
		p.midway.Store(false)
	}
}

// assemble returns the body of the long frame that has just ended, in one piece,
// if somebody has to see it.
func (p *publisher) assemble() []byte {
	in, m := &p.in, &p.message
	if !m.long.inspect {
		return nil
	}
	frame := make([]byte, 0, m.long.size)
	for i, s := range m.pieces[m.long.piece:] {
		if i == 0 {
			s.off = int32(m.long.offset)
		}
		frame = append(frame, s.bytes()...)
	}
	frame = append(frame, in.cur.buf[in.start:in.next]...)
	return head(frame)
}
