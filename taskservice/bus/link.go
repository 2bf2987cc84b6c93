package bus

import (
	"context"
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/go-zeromq/zmq4"
	"github.com/go-zeromq/zmq4/security/null"

	"zmicroservices/taskservice/zmtp"
)

const (
	// handshakeTime bounds connecting and shaking hands, since a peer may
	// accept and then say nothing.
	handshakeTime = 10 * time.Second
	// barrierTime bounds the wait for a PONG; who does not answer by then
	// never will, or is too busy for it to matter.
	barrierTime = 5 * time.Second
	// settleTime stands in for a PONG with peers of ZMTP 3.0, which has none.
	settleTime = 100 * time.Millisecond
	// beat is how often each peer is given a sign of life, and asked for one; after
	// two unanswered ones the connection counts as lost.
	beat = 20 * time.Second
	// silence is after which time without a word from us a peer may hang up.
	silence = 3 * beat
)

// link is one connection to a forwarder, from the handshake to its loss.
type link struct {
	*guard
	zmq *zmq4.Conn

	lost chan struct{} // closed by read when the connection has ended
	err  error         // why it has; set before lost is closed

	mu    sync.Mutex // guards sending, as zmq4 writes a message in pieces
	asked uint64     // the last barrier; owned by whoever joins
}

// end is what is at the other end of a link.
type end struct {
	at         endpoint
	as         zmq4.SocketType   // what we say we are
	peers      []zmtp.SocketType // what the peer may be
	maxMessage int64             // bytes a message from the peer
	security   security
}

// dial connects and shakes hands, and starts to read. Each message goes to
// deliver, from one goroutine that ends with the connection. ctx bounds the
// dialling alone.
func dial(ctx context.Context, to end, deliver func([]byte)) (*link, error) {
	ctx, cancel := context.WithTimeout(ctx, handshakeTime)
	defer cancel()
	var d net.Dialer
	conn, err := d.DialContext(ctx, to.at.network, to.at.address)
	if err != nil {
		return nil, err
	}
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	agreed, err := shake(conn, to)
	if !stop() {
		err = ctx.Err()
	}
	if err != nil {
		conn.Close()
		return nil, err
	}
	g := newGuard(conn, to.maxMessage, agreed)
	z, err := zmq4.Open(g, null.Security(), to.as, nil, false, nil) // talks to guard alone
	if err != nil {
		conn.Close()
		return nil, fmt.Errorf("open connection: %w", err)
	}
	l := &link{guard: g, zmq: z, lost: make(chan struct{})}
	go l.read(deliver) // ends with the connection
	return l, nil
}

func (l *link) read(deliver func([]byte)) {
	defer close(l.lost)
	for {
		m, err := l.zmq.RecvMsg()
		if err != nil {
			l.err = err
			return
		}
		if m.Type == zmq4.UsrMsg && len(m.Frames) == 1 {
			deliver(m.Frames[0])
		}
	}
}

// hangUp closes the connection and waits for read, whose deliver must not block
// any more.
func (l *link) hangUp() {
	l.Close()
	<-l.lost
}

// send queues one frame; flush writes it.
func (l *link) send(frame []byte) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.zmq.SendMsg(zmq4.NewMsg(frame))
}

// subscribe writes one subscription, as a message (RFC 37 lets a peer of any
// version do that, and every forwarder knows it).
func (l *link) subscribe(topic string) error {
	if err := l.send(append([]byte{1}, topic...)); err != nil {
		return err
	}
	_, err := l.flush()
	return err
}

// unsubscribe writes the end of one.
func (l *link) unsubscribe(topic string) error {
	if err := l.send(append([]byte{0}, topic...)); err != nil {
		return err
	}
	_, err := l.flush()
	return err
}

// barrier returns when the peer has acted on all that was written before, as
// far as that can be known. A connection is read in order, so a PONG says that
// what came before its PING was read. It takes two: libzmq answers the first
// before it hands the batch it came in to the socket, and the second only
// after.
func (l *link) barrier(ctx context.Context) error {
	if !l.peer.AtLeast(3, 1) {
		return l.pause(ctx, settleTime)
	}
	timeout := time.NewTimer(barrierTime)
	defer timeout.Stop()
	for range 2 {
		l.asked++
		if err := l.ping(l.asked, 0); err != nil {
			return err
		}
		for answered := false; !answered; {
			select {
			case n := <-l.pongs:
				answered = n == l.asked // an older one belongs to a barrier that gave up
			case <-l.lost:
				return l.err
			case <-timeout.C:
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		}
	}
	return nil
}

func (l *link) pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-l.lost:
		return l.err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// watch gives a sign of life once a beat and ends the connection of a peer that
// gives none, though it is asked. TCP alone takes a quarter of an hour to notice a
// pulled cable with data on its way. The PING's TTL lets the peer do the same
// with us. It ends with ctx. Peers of ZMTP 3.0 cannot be asked.
func (l *link) watch(ctx context.Context) {
	if !l.peer.AtLeast(3, 1) {
		return
	}
	t := time.NewTicker(beat)
	defer t.Stop()
	for seen, unanswered := l.received.Load(), 0; ; {
		select {
		case <-ctx.Done():
			return
		case <-t.C:
		}
		switch now := l.received.Load(); {
		case now != seen:
			seen, unanswered = now, 0
		case unanswered == 2:
			l.Close()
			return
		default:
			unanswered++
		}
		if l.ping(heartbeat, silence) != nil {
			return // read tells of it
		}
	}
}

// goodbye shuts our half and waits until the peer has closed its own, which it
// does when it has read everything. A PONG would say as much, but peers of
// ZMTP 3.0 have none.
func (l *link) goodbye(ctx context.Context) error {
	half, ok := l.Conn.(interface{ CloseWrite() error })
	if !ok {
		return nil
	}
	if err := half.CloseWrite(); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, barrierTime)
	defer cancel()
	select {
	case <-l.lost: // an EOF, as it should be, or a reset, after which nothing helps
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
