package bus

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"sync/atomic"
	"time"

	"zmicroservices/taskservice/zmtp"
)

// guard is the connection that zmq4 sees. Towards zmq4 it is a tidy peer without
// security that sends a valid READY and messages of one frame; everything else
// the real peer sends ends here, and what is sealed is opened and sealed here.
// Read belongs to one goroutine, Write may be called beside it.
type guard struct {
	net.Conn
	*outlet
	in         *bufio.Reader
	peer       zmtp.Greeting // what the peer said first
	maxMessage int64

	// subscribed gets a token when the peer has subscribed to something. Sent
	// by Read, never closed; capacity 1, only the first one matters.
	subscribed chan struct{}
	// pongs carries the number of each PONG. Sent by Read, never closed;
	// capacity 4: there is one asker at a time, and it throws away late ones.
	pongs chan uint64

	received atomic.Uint64 // frames, to tell a live peer from a dead one

	// owned by Read
	head     []byte // to be handed to zmq4 before anything else
	body     int64  // bytes of the current message still to come
	skipping bool   // inside a message of many frames
	sealed   []byte // the frame that head is a part of, with CURVE
}

// maxCommand bounds the body of a command: a subscription, mostly.
const maxCommand = 64 << 10

// newGuard is for a connection on which hands are shaken.
func newGuard(conn net.Conn, maxMessage int64, agreed agreement) *guard {
	g := &guard{
		Conn:       conn,
		outlet:     &outlet{conn: conn, session: agreed.sealing},
		in:         bufio.NewReaderSize(conn, 32<<10),
		peer:       agreed.Greeting,
		maxMessage: maxMessage,
		subscribed: make(chan struct{}, 1),
		pongs:      make(chan uint64, 4),
	}
	// What zmq4 shakes hands with. There is nothing in READY but a socket type
	// that we can talk to: zmq4 panics at unknown ones and at torn metadata.
	null := zmtp.Greeting{Major: agreed.Greeting.Major, Minor: agreed.Greeting.Minor, Mechanism: zmtp.Null{}.Name()}
	g.head = zmtp.AppendGreeting(nil, null)
	g.head = zmtp.AppendCommand(g.head, zmtp.ReadyCommand, zmtp.AppendMetadata(nil, socketType(agreed.Peer)))
	return g
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
	header, raw, err := g.readHeader()
	if err != nil {
		return err
	}
	g.received.Add(1)
	if g.session != nil {
		return g.advanceSealed(header)
	}
	switch {
	case header.Command():
		body, err := g.readCommand(header)
		if err != nil {
			return err
		}
		return g.obey(body)
	case header.Size > g.maxMessage:
		return tooLong("frame", header.Size, g.maxMessage)
	case g.skips(header.More()):
		_, err := io.CopyN(io.Discard, g.in, header.Size)
		return err
	default:
		g.head, g.body = raw, header.Size
		return nil
	}
}

// skips says whether a frame is part of a message of many. Nothing on this bus
// has them, and zmq4 gathers them without a bound.
func (g *guard) skips(more bool) bool {
	part := g.skipping || more
	g.skipping = more
	return part
}

func tooLong(what string, size, limit int64) error {
	return fmt.Errorf("%s of %d bytes from peer, at most %d are read: %w", what, size, limit, zmtp.ErrTooLong)
}

// obey does what a command in traffic asks for. Unknown ones are let pass, as
// RFC 37 leaves room for more.
func (g *guard) obey(body []byte) error {
	name, data, err := zmtp.ParseCommand(body)
	if err != nil {
		return err
	}
	switch string(name) {
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

// ping asks for a PONG with n in it. After ttl without a word from us the peer
// may hang up; with 0 it keeps what it was told before.
func (g *guard) ping(n uint64, ttl time.Duration) error {
	return g.command(zmtp.AppendPing(nil, ttl, binary.BigEndian.AppendUint64(nil, n)))
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

func (g *guard) readCommand(h zmtp.Header) ([]byte, error) {
	if h.Size > maxCommand {
		return nil, tooLong("command", h.Size, maxCommand)
	}
	body := make([]byte, h.Size)
	_, err := io.ReadFull(g.in, body)
	return body, err
}
