package bus

import (
	"errors"
	"fmt"
	"io"
	"net"
	"syscall"

	"zmicroservices/taskservice/zmtp"
	"zmicroservices/taskservice/zmtp/curve"
	"zmicroservices/taskservice/zmtp/plain"
)

// refusedError is a peer that will not or must not be talked to, however often
// it is dialled: the wrong port, the wrong protocol, the wrong key.
type refusedError struct{ err error }

func (e *refusedError) Error() string { return e.err.Error() }
func (e *refusedError) Unwrap() error { return e.err }

// final are the errors of a handshake that another attempt would end with, too.
var final = []error{
	zmtp.ErrMalformed, zmtp.ErrVersion, zmtp.ErrMechanism, zmtp.ErrSocketType, zmtp.ErrTooLong, zmtp.ErrPeer,
	curve.ErrBox, curve.ErrNonce,
}

// security is what a bus proves to its forwarder: nothing, or one of the two.
type security struct {
	curve *curve.Credentials
	plain *plain.Credentials
}

func (s security) validate() error {
	switch {
	case s.curve != nil && s.plain != nil:
		return errors.New("bus has credentials both of CURVE and of PLAIN")
	case s.curve != nil && (s.curve.Server.IsZero() || s.curve.Public.IsZero() || s.curve.Secret.IsZero()):
		return errors.New("bus has credentials of CURVE that lack the server's key or the client's pair")
	case s.plain != nil:
		return s.plain.Validate()
	}
	return nil
}

// mechanism is our half of one handshake.
func (s security) mechanism(metadata zmtp.Metadata) (zmtp.Mechanism, error) {
	switch {
	case s.curve != nil:
		return curve.NewClient(*s.curve, metadata)
	case s.plain != nil:
		return plain.NewClient(*s.plain, metadata)
	}
	return zmtp.Null{Metadata: metadata}, nil
}

// agreement is what hands were shaken on.
type agreement struct {
	*zmtp.Session
	sealing *curve.Session // nil without CURVE
}

// shake shakes hands with the real peer, before zmq4 sees the connection.
func shake(conn net.Conn, to end) (agreement, error) {
	mechanism, err := to.security.mechanism(socketType(zmtp.SocketType(to.as)))
	if err != nil {
		return agreement{}, err
	}
	counted := &counter{Conn: conn}
	session, err := zmtp.Connect(counted, zmtp.Client{Peers: to.peers, Mechanism: mechanism, MaxCommand: maxCommand})
	if err != nil {
		return agreement{}, judge(err, mechanism, counted.read >= zmtp.GreetingSize)
	}
	agreed := agreement{Session: session}
	if c, ok := mechanism.(*curve.Client); ok {
		agreed.sealing = c.Session()
	}
	return agreed, nil
}

// counter counts what is read.
type counter struct {
	net.Conn
	read int
}

func (c *counter) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.read += n
	return n, err
}

// judge says whether it is worth to try again, and what may be wrong. greeted
// says that the peer's whole greeting has come.
func judge(err error, m zmtp.Mechanism, greeted bool) error {
	if errors.Is(err, zmtp.ErrSocketType) {
		err = fmt.Errorf("%w (is the other of the two endpoints meant?)", err)
	}
	for _, f := range final {
		if errors.Is(err, f) {
			return &refusedError{err}
		}
	}
	if !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, syscall.ECONNRESET) {
		return err
	}
	// It may as well be on its way down, which is why it is tried again.
	if greeted {
		if m.Name() == curve.Name {
			return fmt.Errorf("%w (a server hangs up on who has another server's key; ours is %s)", err, m.Key())
		}
		return err
	}
	return fmt.Errorf("%w (a server hangs up on who asks for another mechanism; ours is %s)", err, m.Name())
}

func socketType(t zmtp.SocketType) zmtp.Metadata {
	return zmtp.Metadata{{Name: zmtp.SocketTypeProperty, Value: []byte(t)}}
}
