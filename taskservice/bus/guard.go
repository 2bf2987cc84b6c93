package bus

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"sync/atomic"

	"zmicroservices/taskservice/zmtp"
)

// guard is the connection that zmq4 sees. Towards zmq4 it is a tidy peer that
// sends a valid READY and messages of one frame; everything else the real peer
// sends ends here. Read belongs to one goroutine, Write may be called beside it.
type guard struct {
	net.Conn
	*outlet
	in         *bufio.Reader
	peers      []zmtp.SocketType // who may be at the other end
	maxMessage int64

	// subscribed gets a token when the peer has subscribed to something. Sent
	// by Read, never closed; capacity 1, only the first one matters.
	subscribed chan struct{}
	// pongs carries the number of each PONG. Sent by Read, never closed;
	// capacity 4: there is one asker at a time, and it throws away late ones.
	pongs chan uint64

	peer     atomic.Pointer[zmtp.Greeting] // what the peer said first
	received atomic.Uint64                 // frames, to tell a live peer from a dead one

	// owned by Read
	stage    stage
	head     []byte // to be handed to zmq4 before anything else
	body     int64  // bytes of the current message still to come
	skipping bool   // inside a message of many frames
}

// maxCommand bounds the body of a command: a READY with its metadata, or a
// subscription.
const maxCommand = 64 << 10

// stage is what the peer's next bytes are.
type stage int

const (
	greeting stage = iota
	handshake
	traffic
)

func newGuard(conn net.Conn, maxMessage int64, peers []zmtp.SocketType) *guard {
	return &guard{
		Conn:       conn,
		outlet:     &outlet{conn: conn},
		in:         bufio.NewReaderSize(conn, 32<<10),
		peers:      peers,
		maxMessage: maxMessage,
		subscribed: make(chan struct{}, 1),
		pongs:      make(chan uint64, 4),
	}
}

// Write is outlet's; both embedded types have one.
func (g *guard) Write(p []byte) (int, error) { return g.outlet.Write(p) }

func (g *guard) Read(p []byte) (int, error) {
	for len(g.head) == 0 && g.body == 0 {
		if err := g.advance(); err != nil {
			return 0, err
		}
	}
	if len(g.head) > 0 {
		n := copy(p, g.head)
		g.head = g.head[n:]
		return n, nil
	}
	n, err := g.in.Read(p[:min(int64(len(p)), g.body)])
	g.body -= int64(n)
	return n, err
}

// advance reads what comes next from the peer, up to the start of something
// that zmq4 shall see.
func (g *guard) advance() error {
	switch g.stage {
	case greeting:
		return g.readGreeting()
	case handshake:
		return g.readReady()
	default:
		return g.readFrame()
	}
}

func (g *guard) readFrame() error {
	header, raw, err := g.readHeader()
	if err != nil {
		return err
	}
	g.received.Add(1)
	switch {
	case header.Command():
		name, data, err := g.readCommand(header)
		if err != nil {
			return err
		}
		return g.obey(string(name), data)
	case header.Size > g.maxMessage:
		return fmt.Errorf("frame of %d bytes from peer, at most %d are read: %w", header.Size, g.maxMessage, zmtp.ErrTooLong)
	case g.skipping || header.More():
		// Nothing on this bus has many frames, and zmq4 gathers them without
		// a bound.
		g.skipping = header.More()
		_, err := io.CopyN(io.Discard, g.in, header.Size)
		return err
	default:
		g.head, g.body = raw, header.Size
		return nil
	}
}

// obey does what a command in traffic asks for. Unknown ones are let pass, as
// RFC 37 leaves room for more.
func (g *guard) obey(name string, data []byte) error {
	switch name {
	case zmtp.PingCommand:
		_, context, err := zmtp.ParsePing(data)
		if err != nil {
			return err
		}
		return g.command(zmtp.AppendPong(nil, context))
	case zmtp.PongCommand:
		if len(data) == 8 && binary.BigEndian.Uint64(data) != heartbeat {
			select {
			case g.pongs <- binary.BigEndian.Uint64(data):
			default:
			}
		}
	case zmtp.SubscribeCommand:
		signal(g.subscribed)
	}
	return nil
}

// heartbeat is the number in a PING whose PONG nobody waits for.
const heartbeat = 0

// ping asks for a PONG with n in it. The TTL is none: we do not ask to be cut.
func (g *guard) ping(n uint64) error {
	return g.command(zmtp.AppendPing(nil, 0, binary.BigEndian.AppendUint64(nil, n)))
}

// readHeader reads a frame's header, also as it came.
func (g *guard) readHeader() (h zmtp.Header, raw []byte, err error) {
	raw = make([]byte, 2, zmtp.MaxHeader)
	if _, err = io.ReadFull(g.in, raw); err != nil {
		return h, nil, err
	}
	if zmtp.Flags(raw[0])&zmtp.Long != 0 {
		raw = raw[:zmtp.MaxHeader]
		if _, err = io.ReadFull(g.in, raw[2:]); err != nil {
			return h, nil, err
		}
	}
	h, err = zmtp.ParseHeader(raw)
	return h, raw, err
}

func (g *guard) readCommand(h zmtp.Header) (name, data []byte, err error) {
	if h.Size > maxCommand {
		return nil, nil, fmt.Errorf("command of %d bytes from peer, at most %d are read: %w", h.Size, maxCommand, zmtp.ErrTooLong)
	}
	body := make([]byte, h.Size)
	if _, err := io.ReadFull(g.in, body); err != nil {
		return nil, nil, err
	}
	return zmtp.ParseCommand(body)
}
