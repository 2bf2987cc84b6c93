package bus

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"sync/atomic"
)

// guard is the connection that zmq4 sees. Towards zmq4 it is a tidy peer that
// sends a valid READY and messages of one frame; everything else the real peer
// sends ends here. Read belongs to one goroutine, Write may be called beside it.
type guard struct {
	net.Conn
	*outlet
	in         *bufio.Reader
	maxMessage uint64

	// subscribed gets a token when the peer has subscribed to something. Sent
	// by Read, never closed; capacity 1, only the first one matters.
	subscribed chan struct{}
	// pongs carries the number of each PONG. Sent by Read, never closed;
	// capacity 4: there is one asker at a time, and it throws away late ones.
	pongs chan uint64

	received atomic.Uint64 // commands and messages, to tell a live peer from a dead one
	minor    atomic.Uint32 // of the peer's ZMTP version
	skipped  atomic.Uint64 // messages of many frames

	// owned by Read
	stage    stage
	head     []byte // to be handed to zmq4 before anything else
	body     uint64 // bytes of the current message still to come
	skipping bool   // inside a message of many frames
}

type stage int

const (
	greeting stage = iota
	handshake
	traffic
)

func newGuard(conn net.Conn, maxMessage int) *guard {
	return &guard{
		Conn:       conn,
		outlet:     &outlet{conn: conn},
		in:         bufio.NewReaderSize(conn, 32<<10),
		maxMessage: uint64(maxMessage),
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
	n, err := g.in.Read(p[:min(uint64(len(p)), g.body)])
	g.body -= uint64(n)
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

func (g *guard) readGreeting() error {
	b := make([]byte, greetingSize)
	// The signature alone first: whoever is no ZeroMQ peer may never send more.
	if _, err := io.ReadFull(g.in, b[:10]); err != nil {
		return err
	}
	if b[0] != 0xff || b[9] != 0x7f {
		return refuse("peer does not speak ZMTP: it began with %q", b[:10])
	}
	if _, err := io.ReadFull(g.in, b[10:]); err != nil {
		return err
	}
	minor, err := checkGreeting(b)
	if err != nil {
		return err
	}
	g.minor.Store(uint32(minor))
	g.head = b
	g.stage = handshake
	return nil
}

func (g *guard) readReady() error {
	_, flags, size, err := g.readHeader()
	if err != nil {
		return err
	}
	if flags&flagCommand == 0 {
		return refuse("peer sent a message before READY")
	}
	name, data, err := g.readCommand(size)
	if err != nil {
		return err
	}
	switch name {
	case "READY":
		socketType, err := readSocketType(data)
		if err != nil {
			return err
		}
		switch socketType {
		case "PUB", "XPUB", "SUB", "XSUB": // zmq4 panics at a word it does not know
			g.head = readyFrame(socketType)
			g.stage = traffic
			return nil
		}
		return refuse("peer is a socket of type %q, no end of a forwarder", socketType)
	case "ERROR":
		if len(data) > 0 {
			data = data[1:]
		}
		return refuse("peer refused the handshake: %q", data)
	default:
		return refuse("peer sent %q instead of READY", name)
	}
}

func (g *guard) readFrame() error {
	header, flags, size, err := g.readHeader()
	if err != nil {
		return err
	}
	g.received.Add(1)
	switch {
	case flags&flagCommand != 0:
		name, data, err := g.readCommand(size)
		if err != nil {
			return err
		}
		return g.obey(name, data)
	case size > g.maxMessage:
		return fmt.Errorf("peer sent a frame of %d bytes, the limit is %d", size, g.maxMessage)
	case g.skipping || flags&flagMore != 0:
		// Nothing on this bus has many frames; zmq4 would gather them without
		// a bound.
		g.skipping = flags&flagMore != 0
		if !g.skipping {
			g.skipped.Add(1)
		}
		_, err := io.CopyN(io.Discard, g.in, int64(size))
		return err
	default:
		g.head, g.body = header, size
		return nil
	}
}

// obey does what a command in traffic asks for. Unknown ones are let pass, as
// RFC 37 leaves room for more.
func (g *guard) obey(name string, data []byte) error {
	switch name {
	case "PING":
		if len(data) < 2 {
			return errors.New("peer sent a torn PING")
		}
		context := data[2:] // after the TTL; to be sent back, 16 bytes at most
		return g.command("PONG", context[:min(len(context), 16)])
	case "PONG":
		if len(data) == 8 && binary.BigEndian.Uint64(data) != 0 { // 0 is a heartbeat
			select {
			case g.pongs <- binary.BigEndian.Uint64(data):
			default:
			}
		}
	case "SUBSCRIBE":
		signal(g.subscribed)
	}
	return nil
}

// ping asks for a PONG with n in it. The TTL is none: we do not ask to be cut.
func (g *guard) ping(n uint64) error {
	return g.command("PING", binary.BigEndian.AppendUint64([]byte{0, 0}, n))
}

func (g *guard) readHeader() (header []byte, flags byte, size uint64, err error) {
	header = make([]byte, 2, 9)
	if _, err = io.ReadFull(g.in, header); err != nil {
		return nil, 0, 0, err
	}
	flags = header[0]
	if flags&^flagsKnown != 0 {
		return nil, 0, 0, fmt.Errorf("peer sent a frame with flags %#x", flags)
	}
	if flags&flagLong != 0 {
		header = header[:9]
		if _, err = io.ReadFull(g.in, header[2:]); err != nil {
			return nil, 0, 0, err
		}
	}
	_, size, _ = headerOf(header)
	return header, flags, size, nil
}

func (g *guard) readCommand(size uint64) (name string, data []byte, err error) {
	if size > maxCommand {
		return "", nil, fmt.Errorf("peer sent a command of %d bytes, the limit is %d", size, maxCommand)
	}
	body := make([]byte, size)
	if _, err := io.ReadFull(g.in, body); err != nil {
		return "", nil, err
	}
	return splitCommand(body)
}
