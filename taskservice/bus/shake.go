package bus

import (
	"fmt"
	"io"
	"slices"

	"zmicroservices/taskservice/zmtp"
)

// refusedError is a peer that will not or must not be talked to, however often
// it is dialled: the wrong port, the wrong protocol, the wrong mechanism.
type refusedError struct{ err error }

func (e *refusedError) Error() string { return e.err.Error() }
func (e *refusedError) Unwrap() error { return e.err }

func refuse(format string, a ...any) error { return &refusedError{fmt.Errorf(format, a...)} }

// readGreeting passes on the peer's greeting, if it is one of ZMTP 3.
func (g *guard) readGreeting() error {
	b := make([]byte, zmtp.GreetingSize)
	// The beginning first: who is no ZeroMQ peer may never send more.
	if _, err := io.ReadFull(g.in, b[:zmtp.VersionPrefix]); err != nil {
		return err
	}
	if err := zmtp.CheckVersion(b[:zmtp.VersionPrefix]); err != nil {
		return refuse("%w", err)
	}
	if _, err := io.ReadFull(g.in, b[zmtp.VersionPrefix:]); err != nil {
		return err
	}
	peer, err := zmtp.ParseGreeting(b)
	if err != nil {
		return refuse("%w", err)
	}
	if peer.Mechanism != "NULL" {
		return refuse("peer asks for %s, this client offers NULL: %w", peer.Mechanism, zmtp.ErrMechanism)
	}
	g.peer.Store(&peer)
	g.head = zmtp.AppendGreeting(nil, peer) // its flags as zmq4 wants them
	g.stage = handshake
	return nil
}

// readReady passes on the peer's READY, with nothing in it but a socket type
// that we can talk to: zmq4 panics at unknown ones and at torn metadata.
func (g *guard) readReady() error {
	header, _, err := g.readHeader()
	if err != nil {
		return err
	}
	if !header.Command() {
		return refuse("peer sent a message before READY: %w", zmtp.ErrMalformed)
	}
	name, data, err := g.readCommand(header)
	if err != nil {
		return err
	}
	// The client's half of NULL is the server's: it has no roles.
	_, metadata, _, err := zmtp.Null{}.Receive(name, data)
	if err != nil {
		return refuse("%w", err)
	}
	value, _ := metadata.Get(zmtp.SocketTypeProperty)
	socket := zmtp.SocketType(value)
	if !slices.Contains(g.peers, socket) {
		return refuse("peer is a %.32q socket, this one is for %v (is the other of the two endpoints meant?): %w", socket, g.peers, zmtp.ErrSocketType)
	}
	g.head = zmtp.AppendCommand(nil, zmtp.ReadyCommand,
		zmtp.AppendMetadata(nil, zmtp.Metadata{{Name: zmtp.SocketTypeProperty, Value: value}}))
	g.stage = traffic
	return nil
}
