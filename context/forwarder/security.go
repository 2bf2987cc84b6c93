package forwarder

import (
	"errors"
	"fmt"
	"reflect"
	"strings"

	"zmicroservices/taskservice/zmtp"
	"zmicroservices/taskservice/zmtp/curve"
)

// Security is what the peers of an endpoint have to prove.
type Security struct {
	// Mechanism is the name in our greeting: "CURVE", "PLAIN".
	Mechanism string
	// New makes our half of one connection's handshake; metadata is what its
	// READY says. A mechanism with a method Session() *curve.Session seals all
	// that follows.
	New func(metadata zmtp.Metadata) zmtp.Mechanism
}

// security is that of an endpoint. A unix socket's peers are known by the kernel,
// and what they say passes no wire.
func (o *Options) security(endpoint string) *Security {
	if strings.HasPrefix(endpoint, "ipc://") {
		return nil
	}
	return o.Security
}

// agree makes the handshake ask for what s says; nil is NULL.
func (s *Security) agree(server *zmtp.Server) {
	if s == nil {
		return
	}
	server.Greeted = s.Mechanism
	server.Mechanisms = func(name string) zmtp.Mechanism {
		if name != s.Mechanism {
			return nil
		}
		return s.New(zmtp.Metadata{{Name: zmtp.SocketTypeProperty, Value: []byte(server.Socket)}})
	}
}

// admit takes in what the handshake has shown of the peer.
func (c *conn) admit(session *zmtp.Session) error {
	c.session = session
	c.peer.Mechanism, c.peer.Key = session.Mechanism.Name(), session.Mechanism.Key()
	if m, ok := session.Mechanism.(interface{ Session() *curve.Session }); ok {
		c.sealed = m.Session()
		c.out.seal(&sealer{f: c.f, session: c.sealed})
	}
	return c.f.vouch(&c.peer)
}

// vouch has a peer with a key named.
func (f *Forwarder) vouch(p *Peer) error {
	if p.Key == "" || f.o.Vouch == nil {
		return nil
	}
	if err := f.o.Vouch(p); err != nil {
		return fmt.Errorf("key %s: %w", p.Key, err)
	}
	return nil
}

var errChanged = errors.New("what its key may do was changed in its handshake")

// join makes the peer visible to everybody. Its key may have been withdrawn since
// it was asked for, or be good for something else by now.
func (c *conn) join() error {
	c.joined.Store(true)
	if !c.doubted.Load() {
		return nil
	}
	again := c.peer
	if err := c.f.vouch(&again); err != nil {
		return err
	}
	if !reflect.DeepEqual(again, c.peer) {
		return errChanged // others may look at the peer already: it is not to be mended
	}
	return nil
}

// Expel disconnects all peers that which says; reason is what the log says. Who is
// in its handshake has Vouch asked again.
func (f *Forwarder) Expel(reason error, which func(Peer) bool) {
	for _, c := range f.snapshot() {
		c.doubted.Store(true) // before joined is looked at: see join
		if c.joined.Load() && which(c.peer) {
			c.abort(reason)
		}
	}
}
