package bus

import (
	"net"
	"sync"
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
	n := len(p)
	if o.err != nil {
		return 0, o.err
	}
	if !o.greeted {
		o.piece = append(o.piece, p...)
		if len(o.piece) < greetingSize {
			return n, nil
		}
		o.greeted = true
		o.piece[11] = 1 // zmq4 says 3.0; what makes it 3.1 is in guard
		o.out = append(o.out, o.piece[:greetingSize]...)
		o.piece = append([]byte(nil), o.piece[greetingSize:]...)
	} else {
		o.piece = append(o.piece, p...)
	}
	for {
		header, body, ok := headerOf(o.piece)
		if !ok || uint64(len(o.piece)-header) < body {
			break
		}
		end := header + int(body)
		command := o.piece[0]&flagCommand != 0
		o.out = append(o.out, o.piece[:end]...)
		if !command {
			o.ends = append(o.ends, len(o.out))
		}
		o.piece = o.piece[:copy(o.piece, o.piece[end:])]
	}
	if o.held {
		return n, nil
	}
	return n, o.flushLocked()
}

// command writes a command at once, together with what waits before it.
func (o *outlet) command(name string, body []byte) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.err != nil {
		return o.err
	}
	o.out = append(o.out, commandFrame(name, body)...)
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
		err = o.flushLocked()
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
	if o.out = o.out[:0]; cap(o.out) > 1<<20 {
		o.out = nil // one large message is no reason to keep its size
	}
	if cap(o.piece) > 1<<20 && len(o.piece) == 0 {
		o.piece = nil
	}
	o.err = err
	return err
}
