package bus

import (
	"errors"
	"net"
	"sync"

	"zmicroservices/taskservice/zmtp"
)

// outlet is the sending half of guard: it gathers the pieces that zmq4 writes
// into whole frames, so that a PONG never lands inside one, and many small
// messages leave in one write.
type outlet struct {
	conn net.Conn

	mu      sync.Mutex // guards the rest, also while writing to conn
	greeted bool       // our greeting is out
	held    bool       // messages wait for flush; not so during the handshake
	piece   []byte     // the start of a frame
	out     []byte     // whole frames
	ends    []int      // where in out the messages end, commands left out
	written uint64     // messages handed to the kernel whole
	err     error      // the first failure; nothing is written after it
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
	if !o.held {
		if err := o.flushLocked(); err != nil {
			return 0, err
		}
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
		o.piece[11] = 1 // zmq4 says 3.0; what makes it 3.1 is in guard
		o.out = append(o.out, o.piece[:whole]...)
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
		o.out = append(o.out, o.piece[whole:end]...)
		if !header.Command() {
			o.ends = append(o.ends, len(o.out))
		}
		whole = end
	}
	if o.piece = o.piece[:copy(o.piece, o.piece[whole:])]; len(o.piece) == 0 && cap(o.piece) > keep {
		o.piece = nil
	}
	return nil
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
	o.out = append(o.out, frame...)
	return o.flushLocked()
}

// hold makes messages wait for flush from now on.
func (o *outlet) hold() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.held = true
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
