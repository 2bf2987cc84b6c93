package bus

import (
	"errors"
	"net"
	"sync"

	"zmicroservices/taskservice/zmtp"
	"zmicroservices/taskservice/zmtp/curve"
)

// outlet is the sending half of guard: it gathers the pieces that zmq4 writes
// into whole frames, so that a PONG never lands inside one, and many small
// messages leave in one write. What zmq4 says to shake hands goes nowhere: that
// is done.
type outlet struct {
	conn net.Conn

	mu      sync.Mutex     // guards the rest, also while writing to conn
	session *curve.Session // seals; nil without CURVE
	greeted bool           // zmq4's greeting has come
	ready   bool           // its READY, too
	piece   []byte         // the start of a frame
	out     []byte         // whole frames
	ends    []int          // where in out the messages end, commands left out
	written uint64         // messages handed to the kernel whole
	err     error          // the first failure; nothing is written after it
}

// Write takes what zmq4 writes: a greeting, then headers and bodies.
func (o *outlet) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.err != nil {
		return 0, o.err
	}
	o.piece = append(o.piece, p...)
	if err := o.gather(); err != nil {
		return 0, err
	}
	return len(p), nil
}

// gather moves what is whole from piece to out.
func (o *outlet) gather() error {
	whole := 0
	if !o.greeted {
		if len(o.piece) < zmtp.GreetingSize {
			return nil
		}
		o.greeted = true
		whole = zmtp.GreetingSize
	}
	for {
		header, err := zmtp.ParseHeader(o.piece[whole:])
		if errors.Is(err, zmtp.ErrShort) || err == nil && header.Total() > int64(len(o.piece)-whole) {
			break
		}
		if err != nil {
			return err
		}
		end := whole + int(header.Total())
		if o.ready {
			o.append(header, o.piece[whole:end])
		}
		o.ready = true
		whole = end
	}
	if o.piece = o.piece[:copy(o.piece, o.piece[whole:])]; len(o.piece) == 0 && cap(o.piece) > keep {
		o.piece = nil
	}
	return nil
}

// append puts one whole frame on its way.
func (o *outlet) append(h zmtp.Header, frame []byte) {
	if o.session == nil {
		o.out = append(o.out, frame...)
	} else {
		o.out = o.session.Seal(o.out, h.More(), h.Command(), frame[h.Len:])
	}
	if !h.Command() {
		o.ends = append(o.ends, len(o.out))
	}
}

// keep is the size up to which a buffer is kept for the next message.
const keep = 1 << 20

// command writes a command frame at once, together with what waits before it.
func (o *outlet) command(frame []byte) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.err != nil {
		return o.err
	}
	header, err := zmtp.ParseHeader(frame)
	if err != nil {
		return err
	}
	o.append(header, frame)
	return o.flushLocked()
}

// flush writes what waits and says how many messages have been written whole
// since the connection began, also when it fails.
func (o *outlet) flush() (written uint64, err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.err == nil {
		o.flushLocked()
	}
	return o.written, o.err
}

func (o *outlet) flushLocked() error {
	if len(o.out) == 0 {
		return nil
	}
	n, err := o.conn.Write(o.out)
	for _, end := range o.ends {
		if end <= n {
			o.written++
		}
	}
	o.ends = o.ends[:0]
	if o.out = o.out[:0]; cap(o.out) > keep {
		o.out = nil
	}
	o.err = err
	return err
}
