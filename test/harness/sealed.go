package harness

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"sync"
	"time"

	"zmicroservices/taskservice/zmtp"
	"zmicroservices/taskservice/zmtp/curve"
)

// introduced are the credentials that clients use by endpoint; see Keyring.Start.
var introduced sync.Map // string to *curve.Credentials

// credentialsAt are those for an endpoint, or nil.
func credentialsAt(endpoint string) *curve.Credentials {
	c, _ := introduced.Load(endpoint)
	credentials, _ := c.(*curve.Credentials)
	return credentials
}

// Seal shakes hands as a CURVE client and gives a connection on which plain frames
// are written and read: what is between it and the wire is sealed.
func Seal(conn net.Conn, kind zmtp.SocketType, credentials curve.Credentials) (*Sealed, error) {
	if err := conn.SetDeadline(time.Now().Add(Patience)); err != nil {
		return nil, err
	}
	client, err := curve.NewClient(credentials, zmtp.Metadata{{Name: zmtp.SocketTypeProperty, Value: []byte(kind)}})
	if err != nil {
		return nil, err
	}
	peers := []zmtp.SocketType{zmtp.XSUB, zmtp.SUB, zmtp.XPUB, zmtp.PUB}
	if _, err := zmtp.Connect(conn, zmtp.Client{Peers: peers, Mechanism: client}); err != nil {
		return nil, err
	}
	return &Sealed{Conn: conn, Session: client.Session(), in: bufio.NewReaderSize(conn, 256<<10)}, conn.SetDeadline(time.Time{})
}

// Sealed is a connection of a CURVE client.
type Sealed struct {
	net.Conn
	Session *curve.Session

	in    *bufio.Reader
	plain []byte // opened and not read

	mu  sync.Mutex // guards what seals: nonces go out in their order
	out []byte
}

// Write seals whole frames.
func (s *Sealed) Write(frames []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.out = s.out[:0]
	for rest := frames; len(rest) > 0; {
		h, err := zmtp.ParseHeader(rest)
		if err != nil {
			return 0, err
		}
		if h.Total() > int64(len(rest)) {
			return 0, fmt.Errorf("seal %d of %d bytes of a frame", len(rest), h.Total())
		}
		s.out = s.Session.Seal(s.out, h.More(), h.Command(), rest[h.Len:h.Total()])
		rest = rest[h.Total():]
	}
	if _, err := s.Conn.Write(s.out); err != nil {
		return 0, err
	}
	return len(frames), nil
}

// Read gives what frames were before they were sealed.
func (s *Sealed) Read(b []byte) (int, error) {
	for len(s.plain) == 0 {
		if err := s.open(); err != nil {
			return 0, err
		}
	}
	n := copy(b, s.plain)
	s.plain = s.plain[n:]
	return n, nil
}

func (s *Sealed) open() error {
	size := 2
	first, err := s.in.Peek(size)
	if err != nil {
		return err
	}
	if zmtp.Flags(first[0])&zmtp.Long != 0 {
		size = zmtp.MaxHeader
	}
	header, err := s.in.Peek(size)
	if err != nil {
		return err
	}
	h, err := zmtp.ParseHeader(header)
	if err != nil {
		return err
	}
	_, _ = s.in.Discard(size) // was peeked
	body := make([]byte, h.Size)
	if _, err := io.ReadFull(s.in, body); err != nil {
		return err
	}
	more, command, text, err := s.Session.Open(body)
	if err != nil {
		return err
	}
	var flags zmtp.Flags
	if more {
		flags |= zmtp.More
	}
	if command {
		flags |= zmtp.Command
	}
	s.plain = zmtp.AppendFrame(s.plain[:0], flags, text)
	return nil
}
