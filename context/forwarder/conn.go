package forwarder

import (
	"errors"
	"fmt"
	"io"
	"net"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"zmicroservices/taskservice/zmtp"
	"zmicroservices/taskservice/zmtp/curve"
)

// conn is one accepted connection. Its goroutine shakes hands and then reads
// until the end; whoever else wants it gone calls abort.
type conn struct {
	f        *Forwarder
	id       uint64
	net      net.Conn
	raw      syscall.RawConn
	side     side
	endpoint string

	flow flow
	out  outbox

	// Set by the goroutine before the connection is seen by others.
	peer    Peer
	session *zmtp.Session
	sealed  *curve.Session // nil: what goes over the wire is plain
	joined  atomic.Bool    // the above are set, and do not change any more
	doubted atomic.Bool    // a key was withdrawn; see Expel

	inside *subscriber // of a Recording, which needs no handshake; else nil

	got, denied counted     // of a publisher
	meter       meter       // of a publisher, too
	midway      atomic.Bool // within a message of several chunks
	collects    atomic.Bool // within a sealed frame that is longer than a chunk

	heard atomic.Int64 // when the peer was last heard, by Forwarder.clock
	asked atomic.Int64 // when it was sent a PING since, 0 if not
	ttl   atomic.Int64 // how long the peer may be silent, as its last PING said; 0: for ever
	why   atomic.Pointer[error]
}

var (
	errStopped  = errors.New("forwarder stopped")
	errSilent   = errors.New("peer was silent for too long")
	errMemory   = errors.New("memory is short and the message long")
	errMute     = errors.New("peer may listen only")
	errExceeded = errors.New("peer exceeded a limit")
)

func newConn(f *Forwarder, nc net.Conn, l *listener, id uint64) (*conn, error) {
	sc, ok := nc.(syscall.Conn)
	if !ok {
		return nil, fmt.Errorf("accept: %T has no descriptor", nc)
	}
	raw, err := sc.SyscallConn()
	if err != nil {
		return nil, fmt.Errorf("accept: %w", err)
	}
	c := &conn{f: f, id: id, net: nc, raw: raw, side: l.side, endpoint: l.endpoint}
	c.meter.f = f
	c.heard.Store(f.clock.Load())
	c.out.init(f, raw, c.abort)
	return c, nil
}

// serve is the connection's life. It returns when the connection is closed and
// nothing of it is left but the drain goroutine's last look.
func (c *conn) serve() {
	err := c.run()
	if why := c.why.Load(); why != nil {
		err = *why
	}
	c.abort(err)
	c.flow.close()
	c.out.close()
	c.f.departed.add(c) // before it is forgotten: see Heard
	c.f.forget(c)
	c.meter.forget()
	c.f.gone.add(&c.out)
	c.log(err)
	if c.joined.Load() && c.f.o.OnClose != nil {
		c.f.o.OnClose(c.peer)
	}
}

func (c *conn) run() error {
	if c.inside != nil {
		return c.inside.read()
	}
	c.peer = c.f.identify(c)
	if err := c.shake(); errors.Is(err, zmtp.ErrSilent) {
		return err
	} else if err != nil {
		c.f.refused.Add(1)
		return fmt.Errorf("refuse peer: %w", err)
	}
	if err := c.join(); err != nil {
		return fmt.Errorf("disconnect peer: %w", err)
	}
	if c.side == front {
		return newPublisher(c).run()
	}
	return newSubscriber(c).run()
}

// shake runs the handshake within its time.
func (c *conn) shake() error {
	server := zmtp.Server{Socket: zmtp.XSUB, Peers: []zmtp.SocketType{zmtp.PUB, zmtp.XPUB}}
	if c.side == back {
		server = zmtp.Server{Socket: zmtp.XPUB, Peers: []zmtp.SocketType{zmtp.SUB, zmtp.XSUB}}
	}
	c.f.o.security(c.endpoint).agree(&server)
	if err := c.net.SetDeadline(time.Now().Add(c.f.limits.Handshake)); err != nil {
		return err
	}
	session, err := zmtp.Handshake(c, server)
	if err != nil {
		return err
	}
	if err := c.admit(session); err != nil {
		return err
	}
	return c.net.SetDeadline(time.Time{})
}

// Read reads for the handshake; counted, so that Settle knows how far we are.
func (c *conn) Read(p []byte) (n int, err error) {
	c.flow.dealt() // what was read before was for the handshake, and is done
	failed := c.raw.Read(func(fd uintptr) bool {
		n, err = c.flow.read(int(fd), p)
		return err != unix.EAGAIN
	})
	switch {
	case failed != nil:
		return 0, failed
	case err == nil && n == 0:
		return 0, io.EOF
	}
	return n, err
}

// Write writes for the handshake.
func (c *conn) Write(p []byte) (int, error) { return c.net.Write(p) }

// abort closes the connection; its goroutine finds out and ends. The first
// reason stays.
func (c *conn) abort(err error) {
	c.why.CompareAndSwap(nil, &err)
	_ = c.net.Close() // of a connection that is given up
}

// command sends a command, if there is room for it.
func (c *conn) command(frame []byte) {
	b := c.f.getBatch()
	defer c.f.putBatch(b)
	k := c.f.depot.get(smallChunk)
	defer k.drop()
	n := copy(k.buf, frame)
	// Not whole: a command is no message and must not be counted or cut as one.
	c.out.offer([]span{{c: k, end: int32(n), class: classSelf}}, b)
}

// handle deals with the commands that both kinds of peer may send.
func (c *conn) handle(name, data []byte) error {
	switch string(name) {
	case zmtp.PingCommand:
		ttl, context, err := zmtp.ParsePing(data)
		if err != nil {
			return err
		}
		c.ttl.Store(int64(ttl))
		if c.out.answer() {
			c.command(zmtp.AppendPong(nil, context))
		}
	case zmtp.PongCommand: // heard is all that it is for
	case zmtp.ErrorCommand:
		reason, err := zmtp.ParseError(data)
		if err != nil {
			return err
		}
		return fmt.Errorf("%q: %w", reason, zmtp.ErrPeer)
	}
	// Others are of a later ZMTP, and RFC 37 has them ignored.
	return nil
}

// log says why the connection ended. Strangers that fail their handshake can
// come by the thousand, so those lines are paced.
func (c *conn) log(err error) {
	log := c.f.log.With("side", c.side.String(), "peer", c.peer)
	switch {
	case errors.Is(err, errStopped):
	case errors.Is(err, zmtp.ErrSilent):
		log.Debug("stranger looked whether somebody listens")
	case errors.Is(err, io.EOF), errors.Is(err, unix.ECONNRESET), errors.Is(err, unix.EPIPE):
		if c.joined.Load() {
			log.Debug("peer left")
			return
		}
		log.Debug("stranger left within the handshake")
	case !c.joined.Load():
		if ok, more := c.f.refusals.pass(c.f.clock.Load()); ok {
			log.Warn("peer refused", "err", err, "unlogged", more)
		}
	default:
		log.Warn("peer disconnected", "err", err)
	}
}
