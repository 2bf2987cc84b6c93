package zmtp

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"syscall"
)

// DefaultMaxCommand bounds a handshake command in bytes. libzmq's READY has some
// 30, CURVE's longest command about 500 and the peer's metadata.
const DefaultMaxCommand = 8 << 10

// Server is what the server's side of a handshake needs to know.
type Server struct {
	// Socket is the type that we say we are.
	Socket SocketType
	// Peers are the types that may talk to it.
	Peers []SocketType
	// Mechanisms makes the server's half of the mechanism of that name for one
	// connection, or nil if it is not offered. Nil offers NULL only.
	Mechanisms func(name string) Mechanism
	// Greeted is the mechanism named in our greeting: "NULL" if empty. ZMTP has
	// both sides name one, and no negotiation.
	Greeted string
	// MaxCommand bounds a handshake command: DefaultMaxCommand if 0.
	MaxCommand int64
}

// Session is what a handshake agreed on.
type Session struct {
	Greeting Greeting
	// Peer is the peer's socket type.
	Peer SocketType
	// Metadata is all that the peer's READY said.
	Metadata Metadata
	// Mechanism ran the handshake.
	Mechanism Mechanism
}

// Handshake greets the peer and runs the mechanism. It reads exactly up to the
// end of the peer's last handshake command, allocates at most MaxCommand bytes,
// and blocks as long as rw does: the deadline is the caller's.
//
// A peer that is refused is told why by an ERROR command where ZMTP has a place
// for it, which is once the greetings agree. The error wraps one of this
// package's, or rw's own.
func Handshake(rw io.ReadWriter, s Server) (*Session, error) {
	greeted := s.Greeted
	if greeted == "" {
		greeted = Null{}.Name()
	}
	greeting, err := greet(rw, greeted, greeted != Null{}.Name())
	if err != nil {
		return nil, err
	}
	mechanism := s.mechanism(greeting.Mechanism)
	if mechanism == nil || greeting.Mechanism != greeted {
		return nil, fmt.Errorf("agree on mechanism: peer asks for %s, this endpoint offers %s: %w", greeting.Mechanism, greeted, ErrMechanism)
	}
	session := &Session{Greeting: greeting, Mechanism: mechanism}
	if err := session.run(rw, s.Peers, s.MaxCommand); err != nil {
		return nil, fmt.Errorf("shake hands: %w", err)
	}
	return session, nil
}

// Client is what the connecting side of a handshake needs to know.
type Client struct {
	// Peers are the types that we may talk to.
	Peers []SocketType
	// Mechanism is our half, with our metadata in it. It serves one connection.
	Mechanism Mechanism
	// MaxCommand bounds a handshake command: DefaultMaxCommand if 0.
	MaxCommand int64
}

// Connect is Handshake for the side that dialled.
func Connect(rw io.ReadWriter, c Client) (*Session, error) {
	greeting, err := greet(rw, c.Mechanism.Name(), false)
	if err != nil {
		return nil, err
	}
	if greeting.Mechanism != c.Mechanism.Name() {
		return nil, fmt.Errorf("agree on mechanism: peer asks for %s, this client offers %s: %w", greeting.Mechanism, c.Mechanism.Name(), ErrMechanism)
	}
	session := &Session{Greeting: greeting, Mechanism: c.Mechanism}
	if err := session.run(rw, c.Peers, c.MaxCommand); err != nil {
		return nil, fmt.Errorf("shake hands: %w", err)
	}
	return session, nil
}

// greet exchanges greetings and returns the peer's.
func greet(rw io.ReadWriter, mechanism string, asServer bool) (Greeting, error) {
	ours := Greeting{Major: 3, Minor: 1, Mechanism: mechanism, AsServer: asServer}
	if _, err := rw.Write(AppendGreeting(nil, ours)); err != nil {
		return Greeting{}, fmt.Errorf("send greeting: %w", err)
	}
	return readGreeting(rw)
}

func (s Server) mechanism(name string) Mechanism {
	if s.Mechanisms != nil {
		return s.Mechanisms(name)
	}
	if name != (Null{}).Name() {
		return nil
	}
	return Null{Metadata: Metadata{{Name: SocketTypeProperty, Value: []byte(s.Socket)}}}
}

// readGreeting reads as much as decides the version, then the rest: an old peer
// sends no more before it has heard from us.
func readGreeting(r io.Reader) (Greeting, error) {
	var b [GreetingSize]byte
	n := 0
	for n < GreetingSize {
		want := GreetingSize
		if n < VersionPrefix {
			want = VersionPrefix
		}
		k, err := r.Read(b[n:want])
		n += k
		if err := CheckVersion(b[:n]); err != nil {
			return Greeting{}, err
		}
		if n == 0 && (errors.Is(err, io.EOF) || errors.Is(err, syscall.ECONNRESET)) {
			return Greeting{}, fmt.Errorf("read greeting: %w", ErrSilent)
		}
		if err != nil && n < GreetingSize {
			return Greeting{}, fmt.Errorf("read greeting: %d of %d bytes: %w", n, GreetingSize, noEOF(err))
		}
	}
	return ParseGreeting(b[:])
}

// run exchanges the mechanism's commands and judges the peer's socket type.
func (session *Session) run(rw io.ReadWriter, peers []SocketType, limit int64) error {
	if open := session.Mechanism.Open(); len(open) > 0 {
		if _, err := rw.Write(open); err != nil {
			return fmt.Errorf("send command: %w", err)
		}
	}
	if limit == 0 {
		limit = DefaultMaxCommand
	}
	for {
		body, err := readCommand(rw, limit)
		if err != nil {
			return refuse(rw, nil, err)
		}
		name, data, err := ParseCommand(asMeant(body))
		if err != nil {
			return refuse(rw, nil, err)
		}
		reply, metadata, done, err := session.Mechanism.Receive(name, data)
		if err != nil {
			return refuse(rw, reply, err)
		}
		if done {
			// Judged before the reply: the last word of a mechanism lets the peer in.
			session.Metadata = metadata
			if session.Peer, err = peerType(metadata, peers); err != nil {
				return refuse(rw, nil, err)
			}
		}
		if len(reply) > 0 {
			if _, err := rw.Write(reply); err != nil {
				return fmt.Errorf("send command: %w", err)
			}
		}
		if done {
			return nil
		}
	}
}

// asMeant mends the one command that libzmq writes wrong: the PLAIN server of
// 4.3 has "\x5ERROR" in its source, of which C makes "^RROR".
func asMeant(body []byte) []byte {
	const wrong, right = "^RROR", "\x05ERROR"
	if rest, is := bytes.CutPrefix(body, []byte(wrong)); is {
		return append([]byte(right), rest...)
	}
	return body
}

// refuse tells the peer why, if it is still there to hear it, and returns err.
// The mechanism's own reply, if it has one, goes instead of ours.
func refuse(w io.Writer, reply []byte, err error) error {
	ours := errors.Is(err, ErrMalformed) || errors.Is(err, ErrSocketType) || errors.Is(err, ErrTooLong)
	if reply == nil && ours {
		reply = AppendError(nil, err.Error())
	}
	if len(reply) > 0 {
		// The connection ends now whether or not this gets through.
		_, _ = w.Write(reply)
	}
	return err
}

// readCommand reads one command frame and returns its body.
func readCommand(r io.Reader, limit int64) ([]byte, error) {
	var b [MaxHeader]byte
	n := 0
	var h Header
	for {
		want := 2
		if n >= 2 {
			want = MaxHeader // only a long header is still short after two bytes
		}
		k, err := io.ReadFull(r, b[n:want])
		n += k
		if err != nil {
			return nil, fmt.Errorf("read command: %w", noEOF(err))
		}
		if h, err = ParseHeader(b[:n]); err == nil {
			break
		} else if !errors.Is(err, ErrShort) {
			return nil, fmt.Errorf("parse frame: flags 0x%02x: %w", b[0], err)
		}
	}
	if !h.Command() {
		return nil, fmt.Errorf("a message before the handshake's end: %w", ErrMalformed)
	}
	if h.Size > limit {
		return nil, fmt.Errorf("command of %d bytes, at most %d are read: %w", h.Size, limit, ErrTooLong)
	}
	body := make([]byte, h.Size)
	if _, err := io.ReadFull(r, body); err != nil {
		return nil, fmt.Errorf("read command: %w", noEOF(err))
	}
	return body, nil
}

// noEOF: within a greeting or a frame the stream may not end.
func noEOF(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}
