package forwarder

import (
	"errors"
	"fmt"

	"zmicroservices/taskservice/zmtp"
	"zmicroservices/taskservice/zmtp/curve"
)

// sealOverhead is what a sealed frame is longer than the body that it holds, at
// most.
const sealOverhead = zmtp.MaxHeader + curve.Overhead

// opener stands between the socket and the window of an intake: sealed frames in,
// the plain frames that they hold out, as if the peer had sent those. It is a
// stream to a stream, so that everything behind it is the same for all
// connections.
//
//	buf:  [ done | plain | start … end | free ]
//
// A frame is opened in place, whole, since nothing of it may be believed before
// its end was seen; so what is longer than a chunk is collected in memory of its
// own, which grows as the frame arrives.
type opener struct {
	c       *conn
	session *curve.Session
	limit   int64  // the longest body of a plain frame
	cur     *chunk // nil while nothing is held, or what is held is long
	buf     []byte
	start   int
	end     int
	need    int    // bytes of the frame at start, as far as is known
	plain   []byte // opened and not handed on yet: a part of buf before start
	starved bool   // nothing is left to hand on until more is read
	failure error  // comes behind what was opened before it
}

func newOpener(c *conn, limit int64) *opener {
	if c.sealed == nil {
		return nil
	}
	return &opener{c: c, session: c.sealed, limit: limit, starved: true}
}

// room is where to read to, once take has handed on all there was.
func (o *opener) room() ([]byte, error) {
	if o.buf == nil || o.cur != nil && len(o.buf) == smallChunk {
		o.move(o.c.f.depot.get(bigChunk))
	}
	if o.start == o.end {
		o.start, o.end = 0, 0
	}
	if o.start > 0 && (len(o.buf)-o.end < leastRead || o.start+o.need > len(o.buf)) {
		o.end = copy(o.buf, o.buf[o.start:o.end])
		o.start = 0
	}
	if o.end == len(o.buf) {
		if err := o.grow(); err != nil {
			return nil, err
		}
	}
	return o.buf[o.end:min(len(o.buf), o.end+maxWrite)], nil
}

// grow makes room for a frame that is longer than the buffer, by as much as has
// come already.
func (o *opener) grow() error {
	size, c := 2*len(o.buf), o.c
	if c.f.underway.Add(int64(size)) > c.f.limits.Memory/2 {
		c.f.underway.Add(-int64(size))
		return fmt.Errorf("read frame: %d of %d bytes so far: %w", o.end, o.need, errMemory)
	}
	buf := c.f.spare.get(size)
	copy(buf, o.buf[:o.end])
	o.letGo()
	o.buf = buf
	c.collects.Store(true)
	return nil
}

// take hands on what can be opened, until room is full.
func (o *opener) take(room []byte) (n int, err error) {
	for o.starved = false; n < len(room); {
		if len(o.plain) == 0 && !o.open() {
			o.starved = o.failure == nil
			break
		}
		k := copy(room[n:], o.plain)
		o.plain = o.plain[k:]
		n += k
	}
	if n == 0 {
		return 0, o.failure
	}
	return n, nil
}

// open opens the next frame, if it is whole.
func (o *opener) open() bool {
	if o.failure != nil {
		return false
	}
	window := o.buf[o.start:o.end]
	h, err := zmtp.ParseHeader(window)
	switch {
	case errors.Is(err, zmtp.ErrShort):
		o.need = zmtp.MaxHeader
		return false
	case err != nil:
		o.failure = fmt.Errorf("read frame: flags 0x%02x: %w", window[0], err)
		return false
	case h.Size > o.limit+int64(sealOverhead):
		o.failure = fmt.Errorf("read frame: %d bytes, at most %d are read: %w", h.Size, o.limit+int64(sealOverhead), errExceeded)
		return false
	}
	total := int(h.Total())
	if o.need = total; total > len(window) {
		return false
	}
	more, command, plain, err := o.session.Open(window[h.Len:total])
	if err != nil {
		o.failure = err
		return false
	}
	var flags zmtp.Flags
	if more {
		flags |= zmtp.More
	}
	if command {
		flags |= zmtp.Command
	}
	// The plain frame's header is never longer than what preceded its body.
	var b [zmtp.MaxHeader]byte
	header := zmtp.AppendHeader(b[:0], flags, len(plain))
	begin := total - len(plain) - len(header)
	copy(window[begin:], header)
	o.plain = window[begin:total]
	o.start += total
	o.need = 0
	return true
}

// park gives the buffer back while there is nothing to read, if what it holds
// fits a small chunk.
func (o *opener) park() {
	held := o.end - o.start
	if held > smallChunk || o.cur != nil && len(o.buf) == smallChunk {
		return
	}
	if held == 0 {
		o.close()
		return
	}
	o.move(o.c.f.depot.get(smallChunk))
}

// move goes on in another chunk with what is held.
func (o *opener) move(to *chunk) {
	n := copy(to.buf, o.buf[o.start:o.end])
	o.letGo()
	o.cur, o.buf, o.start, o.end = to, to.buf, 0, n
}

// letGo gives the buffer back.
func (o *opener) letGo() {
	switch {
	case o.cur != nil:
		o.cur.drop()
	case o.buf != nil:
		o.c.f.underway.Add(-int64(len(o.buf)))
		o.c.f.spare.give(o.buf)
		o.c.collects.Store(false)
	}
	o.cur, o.buf = nil, nil
}

// close gives everything back.
func (o *opener) close() {
	o.letGo()
	o.start, o.end, o.plain = 0, 0, nil
}
