package forwarder

import (
	"io"
	"syscall"

	"golang.org/x/sys/unix"
)

// intake is the reading end of a connection: a window on the stream in a chunk.
//
//	cur.buf:  [ done | start … next … end | free ]
//
// start is the first byte that is still needed, next the first that was not
// looked at. A connection that waits holds no big chunk: 20,000 idle ones would
// hold 1.3 GB.
type intake struct {
	depot            *depot
	raw              syscall.RawConn
	flow             *flow
	cur              *chunk // nil while nothing is held
	start, next, end int
	sealed           *opener // of a sealed connection: what is read goes there first

	// Of the last read.
	n    int
	full bool // there may be more
	err  error
	try  func(fd uintptr) bool
}

func (in *intake) init(d *depot, raw syscall.RawConn, fl *flow) {
	in.depot, in.raw, in.flow = d, raw, fl
	in.try = in.read // made once: a method value would be garbage at each read
}

// fill waits for bytes and appends them to the window. There must be room, see
// fits. Of a sealed connection there may be nothing to append yet.
func (in *intake) fill() error {
	if in.sealed != nil && !in.sealed.starved {
		in.n, in.full = 0, true
		return in.unseal()
	}
	if err := in.raw.Read(in.try); err != nil {
		return err
	}
	if in.err != nil {
		return in.err
	}
	if in.sealed != nil {
		in.sealed.end += in.n
		return in.unseal()
	}
	in.end += in.n
	return nil
}

// read is one attempt; false waits for the descriptor to become readable.
func (in *intake) read(fd uintptr) bool {
	var room []byte
	if in.sealed == nil {
		in.unpark()
		room = in.cur.buf[in.end:]
	} else if room, in.err = in.sealed.room(); in.err != nil {
		return true
	}
	in.n, in.err = in.flow.read(int(fd), room)
	in.full = in.n == len(room)
	switch {
	case in.err == unix.EAGAIN:
		in.park()
		return false
	case in.n == 0 && in.err == nil:
		in.err = io.EOF
	}
	return true
}

// unseal appends what can be opened by now.
func (in *intake) unseal() error {
	in.unpark()
	n, err := in.sealed.take(in.cur.buf[in.end:])
	in.end += n
	return err
}

// work is what the last read has cost, in the measure of maxWork.
func (in *intake) work() int {
	if in.sealed != nil {
		return in.n * sealWork
	}
	return in.n
}

// drained reports whether all that was read is in the window, as far as it is
// complete.
func (in *intake) drained() bool { return in.sealed == nil || in.sealed.starved }

// park gives the big chunk back while there is nothing to read, if what it holds
// fits a small one.
func (in *intake) park() {
	if in.sealed != nil {
		in.sealed.park()
		if in.cur == nil {
			return
		}
	}
	held := in.end - in.start
	if held > smallChunk || len(in.cur.buf) == smallChunk {
		return
	}
	var c *chunk
	if held > 0 {
		c = in.depot.get(smallChunk)
	}
	in.move(c)
}

// unpark gets a big chunk to read into.
func (in *intake) unpark() {
	if in.cur == nil || len(in.cur.buf) == smallChunk {
		in.move(in.depot.get(bigChunk))
	}
}

// move goes on in another chunk with what is still needed; nil if nothing is.
func (in *intake) move(to *chunk) {
	if in.cur != nil {
		if to != nil {
			copy(to.buf, in.cur.buf[in.start:in.end])
		}
		in.cur.drop()
	}
	in.cur = to
	in.next -= in.start
	in.end -= in.start
	in.start = 0
}

// leastRead is the least room that a read is worth, in bytes.
const leastRead = 8 << 10

// fits reports whether the window has room for n bytes from next on, and for a
// read that is worth it.
func (in *intake) fits(n int) bool {
	if in.cur == nil || len(in.cur.buf) == smallChunk {
		return true // unpark makes the room
	}
	if in.start == in.end && !in.cur.shared() {
		in.start, in.next, in.end = 0, 0, 0
	}
	return in.next+n <= len(in.cur.buf) && len(in.cur.buf)-in.end >= leastRead
}

// shift moves what is still needed to the front of a chunk.
func (in *intake) shift() {
	if in.cur.shared() {
		in.move(in.depot.get(bigChunk))
		return
	}
	copy(in.cur.buf, in.cur.buf[in.start:in.end])
	in.next -= in.start
	in.end -= in.start
	in.start = 0
}

// close gives everything back.
func (in *intake) close() {
	if in.cur != nil {
		in.cur.drop()
		in.cur = nil
	}
	if in.sealed != nil {
		in.sealed.close()
	}
}
