package pub

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"time"

	"zmicroservices/taskservice/zmtp"
)

// What a subscriber may say.
const (
	maxFrame    = 4 << 10 // bytes of a subscription or command
	maxPrefixes = 1000    // subscriptions at a time
)

// errTalks is a peer that sends a PUB what it has no use for.
var errTalks = errors.New("it sends messages to a PUB")

// peer is one connection.
type peer struct {
	conn net.Conn
	stir chan struct{} // capacity 1: there is something to write; sent by put, answer and drain, closed by nobody
	gone chan struct{} // closed by hangUp
	once sync.Once

	mu       sync.Mutex // guards the rest
	began    bool       // hands were shaken
	ending   bool       // to be hung up on when the queue is out
	deadline time.Time  // of what is being written
	prefixes map[string]int
	queue    [][]byte // frames
	size     int      // of their bytes
}

func newPeer(c net.Conn) *peer {
	return &peer{conn: c, stir: make(chan struct{}, 1), gone: make(chan struct{}), prefixes: map[string]int{}}
}

// hangUp ends the connection, and with it both of its goroutines.
func (p *peer) hangUp() {
	p.once.Do(func() {
		close(p.gone)
		_ = p.conn.Close() // nothing is left to be said
	})
}

// begin ends the handshake's deadline, unless the end has come meanwhile.
func (p *peer) begin() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ending {
		return net.ErrClosed
	}
	p.began = true
	return p.conn.SetDeadline(time.Time{})
}

// drain has the peer hung up on when its queue is out, or at the deadline.
func (p *peer) drain(deadline time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.ending, p.deadline = true, deadline
	if !p.began {
		p.hangUp()
		return
	}
	_ = p.conn.SetWriteDeadline(deadline) // of a write that is stuck, too; one that fails is hung up on
	p.wake()
}

func (p *peer) wake() {
	select {
	case p.stir <- struct{}{}:
	default:
	}
}

// wants says whether it has subscribed to a prefix of a message.
func (p *peer) wants(message []byte) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	for prefix := range p.prefixes {
		if bytes.HasPrefix(message, []byte(prefix)) {
			return true
		}
	}
	return false
}

// put queues a frame; false: there is no room.
func (p *peer) put(frame []byte) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ending || len(p.queue) >= maxQueue || len(p.queue) > 0 && p.size+len(frame) > maxQueueBytes {
		return false
	}
	p.queue, p.size = append(p.queue, frame), p.size+len(frame)
	p.wake()
	return true
}

// next gives the first frame that waits and sets the time it has; over says that none
// will come.
func (p *peer) next() (frame []byte, over bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.queue) == 0 {
		p.queue = nil
		return nil, p.ending
	}
	frame = p.queue[0]
	p.queue[0], p.queue = nil, p.queue[1:]
	p.size -= len(frame)
	if !p.ending {
		p.deadline = time.Now().Add(writeTime)
	}
	_ = p.conn.SetWriteDeadline(p.deadline) // the write says what is wrong
	return frame, false
}

// write takes frames from the queue to the peer.
func (p *peer) write() {
	defer p.hangUp()
	for {
		frame, over := p.next()
		switch {
		case over:
			return
		case frame == nil:
			select {
			case <-p.stir:
			case <-p.gone:
				return
			}
			continue
		}
		if _, err := p.conn.Write(frame); err != nil {
			return
		}
	}
}

// read takes subscriptions and commands, until the peer has gone or says what it may not.
func (p *peer) read() error {
	r := bufio.NewReaderSize(p.conn, maxFrame)
	var header [zmtp.MaxHeader]byte
	for {
		h, err := readHeader(r, &header)
		if err != nil {
			return err
		}
		if h.Size > maxFrame {
			return fmt.Errorf("read frame of %d bytes, at most %d are taken: %w", h.Size, maxFrame, zmtp.ErrTooLong)
		}
		body := make([]byte, h.Size)
		if _, err := io.ReadFull(r, body); err != nil {
			return err
		}
		if h.Command() {
			err = p.command(body)
		} else {
			err = p.message(h, body)
		}
		if err != nil {
			return err
		}
	}
}

func readHeader(r *bufio.Reader, b *[zmtp.MaxHeader]byte) (zmtp.Header, error) {
	n := 0
	for n < len(b) {
		c, err := r.ReadByte()
		if err != nil {
			return zmtp.Header{}, err
		}
		b[n], n = c, n+1
		if h, err := zmtp.ParseHeader(b[:n]); !errors.Is(err, zmtp.ErrShort) {
			return h, err
		}
	}
	return zmtp.Header{}, zmtp.ErrMalformed
}

// message takes a subscription as ZMTP 3.0 sends it.
func (p *peer) message(h zmtp.Header, body []byte) error {
	prefix, subscribe, ok := zmtp.ParseSubscription(body)
	if !ok || h.More() {
		return errTalks
	}
	return p.subscribe(prefix, subscribe)
}

func (p *peer) command(body []byte) error {
	name, data, err := zmtp.ParseCommand(body)
	if err != nil {
		return err
	}
	switch string(name) {
	case zmtp.SubscribeCommand:
		return p.subscribe(data, true)
	case zmtp.CancelCommand:
		return p.subscribe(data, false)
	case zmtp.PingCommand:
		_, context, err := zmtp.ParsePing(data)
		if err != nil {
			return err
		}
		p.put(zmtp.AppendPong(nil, context)) // who has no room for it has a full queue to read
	}
	return nil // others are for sockets of other types, or of later versions
}

// subscribe counts: one cancellation ends one subscription (RFC 29).
func (p *peer) subscribe(prefix []byte, begin bool) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	key := string(prefix)
	switch {
	case begin && p.prefixes[key] == 0 && len(p.prefixes) >= maxPrefixes:
		return fmt.Errorf("subscribe: it has %d subscriptions: %w", maxPrefixes, zmtp.ErrTooLong)
	case begin:
		p.prefixes[key]++
	case p.prefixes[key] > 1:
		p.prefixes[key]--
	default:
		delete(p.prefixes, key)
	}
	return nil
}
