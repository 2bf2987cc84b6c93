package forwarder

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"zmicroservices/taskservice/zmtp"
	"zmicroservices/taskservice/zmtp/curve"
)

// sealed runs a forwarder that lets in the owner of clientPair alone.
func sealed(t *testing.T, change func(*Options)) *device {
	t.Helper()
	byCurve = true
	t.Cleanup(func() { byCurve = false })
	return start(t, func(o *Options) {
		o.Security = curveSecurity(serverPair, func(k curve.Key) error {
			if k != clientPair.Public {
				return errors.New("nobody knows it")
			}
			return nil
		})
		if change != nil {
			change(o)
		}
	})
}

func TestWhoHasNoKeyIsRefused(t *testing.T) {
	type talk func(c *client, socket string) error
	shake := func(own curve.Pair, server curve.Key) talk {
		return func(c *client, socket string) error { return c.greetCurve(1, socket, own, server) }
	}
	send := func(b ...[]byte) talk {
		return func(c *client, _ string) error {
			c.send(cat(b...))
			_, err := io.ReadAll(c.Conn)
			return err
		}
	}
	curve := greeting(3, 1, "CURVE")
	for _, stranger := range []struct {
		name string
		talk talk
		log  string
	}{
		{"unknown key", shake(pair(t), serverPair.Public), "nobody knows it"},
		{"another server's key", shake(clientPair, pair(t).Public), "another server's key"},
		{"NULL", send(greeting(3, 1, "NULL"), ready("Socket-Type", "PUB")), "peer asks for NULL, this endpoint offers CURVE"},
		{"PLAIN", send(greeting(3, 1, "PLAIN")), "peer asks for PLAIN"},
		{"READY", send(curve, ready("Socket-Type", "PUB")), "malformed"},
		{"a message", send(curve, wire("context @@@ {}")), "a message before"},
		{"an empty HELLO", send(curve, zmtp.AppendCommand(nil, "HELLO", nil)), "HELLO"},
		{"zeros", send(curve, zmtp.AppendCommand(nil, "HELLO", make([]byte, 198))), "HELLO"},
	} {
		t.Run(stranger.name, func(t *testing.T) {
			d := sealed(t, nil)
			for endpoint, socket := range map[string]string{d.Front()[0]: "PUB", d.Back()[0]: "SUB"} {
				c := connect(t, endpoint)
				_ = stranger.talk(c, socket) // however it ends there: it is refused here
				c.closed()
			}
			eventually(t, "two refusals", func() bool { return d.Stats().Refused == 2 })
			eventually(t, "a line in the log", func() bool { return strings.Contains(d.log.String(), stranger.log) })
			s := d.subscriber(t, "")
			d.publisher(t, 1).say("served")
			s.hears("served")
			eventually(t, "one message to be counted", func() bool { return d.Stats().In.Messages == 1 })
		})
	}
}

// TestARecordedConnectionCannotBePlayedAgain plays what a client has sent, bytes by
// bytes, to the same forwarder.
func TestARecordedConnectionCannotBePlayedAgain(t *testing.T) {
	d := sealed(t, nil)
	s := d.subscriber(t, "")
	c := connect(t, d.Front()[0])
	tape := &recorder{Conn: c.Conn}
	c.Conn = tape
	if err := c.greetCurve(1, "PUB", clientPair, serverPair.Public); err != nil {
		t.Fatal(err)
	}
	c.say("once")
	s.hears("once")
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	again := connect(t, d.Front()[0])
	again.send(tape.sent)
	again.closed()
	eventually(t, "a refusal", func() bool { return d.Stats().Refused == 1 })
	d.publisher(t, 1).say("twice")
	s.hears("twice")
}

func TestWhoSendsOtherThanItsNextFrameIsDisconnected(t *testing.T) {
	sealOf := func(c *client, body string) []byte {
		return c.Conn.(*sealedConn).session.Seal(nil, false, false, []byte(body))
	}
	flip := func(b []byte, i int) []byte { b[i] ^= 1; return b }
	for name, garbage := range map[string]func(c *client) []byte{
		"the same frame":    func(c *client) []byte { b := sealOf(c, "x"); return cat(b, b) },
		"an earlier frame":  func(c *client) []byte { b := sealOf(c, "x"); return cat(sealOf(c, "x"), b) },
		"a changed text":    func(c *client) []byte { b := sealOf(c, "xyz"); return cat(sealOf(c, "x"), flip(b, len(b)-1)) },
		"a changed tag":     func(c *client) []byte { b := sealOf(c, "xyz"); return cat(sealOf(c, "x"), flip(b, 20)) },
		"plain text":        func(c *client) []byte { return cat(sealOf(c, "x"), wire("context @@@ {}")) },
		"a plain command":   func(c *client) []byte { return cat(sealOf(c, "x"), zmtp.AppendPing(nil, 0, nil)) },
		"an empty frame":    func(c *client) []byte { return cat(sealOf(c, "x"), wire("")) },
		"noise":             func(c *client) []byte { return cat(sealOf(c, "x"), []byte(strings.Repeat("\x01noise", 50))) },
		"reserved flags":    func(c *client) []byte { return cat(sealOf(c, "x"), []byte{8, 1, 'x'}) },
		"2^62":              func(c *client) []byte { return cat(sealOf(c, "x"), []byte{2, 0x40, 0, 0, 0, 0, 0, 0, 0}) },
		"more than a limit": func(c *client) []byte { return cat(sealOf(c, "x"), []byte{2, 0, 0, 0, 0, 0x10, 0, 0, 0}) },
		"another's frame":   func(c *client) []byte { return cat(sealOf(c, "x"), sealOf(beside(c), "x")) },
	} {
		t.Run(name, func(t *testing.T) {
			d := sealed(t, func(o *Options) { o.Limits.MaxMessage = 1 << 20 })
			s, p, bystander := d.subscriber(t, ""), d.publisher(t, 1), d.publisher(t, 1)
			b := garbage(p)
			if _, err := p.raw().Write(b); err != nil {
				t.Fatal(err)
			}
			// What was right before the mistake is forwarded.
			s.hears("x")
			p.closed()
			bystander.say("served")
			s.hears("served")
			eventually(t, "a line in the log", func() bool { return strings.Contains(d.log.String(), "peer disconnected") })
		})
	}
}

// beside is another connection to where c leads.
func beside(c *client) *client {
	return dial(c.t, "tcp://"+c.raw().RemoteAddr().String(), 1, "PUB")
}

func TestLongSealedMessagesComeWholeAndInPieces(t *testing.T) {
	d := sealed(t, nil)
	s, p := d.subscriber(t, ""), d.publisher(t, 1)
	sent := make(chan struct{}) // filled by each sender
	for _, size := range []int{bigChunk - sealOverhead, bigChunk - 9, bigChunk, bigChunk + 1, 1 << 20, 5<<20 + 7} {
		m := numbered('l', size, size)
		go func() {
			_, _ = p.Write(wire("head", m, "tail"))
			sent <- struct{}{}
		}()
		if got := s.hear(); !slices.Equal(got, []string{"head", m, "tail"}) {
			t.Fatalf("%d bytes: %d frames came, not what was sent", size, len(got))
		}
		<-sent
	}
	if n := d.underway.Load() + d.sealing.Load(); n != 0 {
		t.Errorf("%d bytes are still underway", n)
	}
}

func TestAStalledSealedMessageGivesWayWhenMemoryIsShort(t *testing.T) {
	d := sealed(t, func(o *Options) {
		o.Limits.Memory, o.Limits.Handshake, o.Limits.Heartbeat = 8<<20, time.Second, 20*time.Millisecond
	})
	p := d.publisher(t, 1)
	b := p.Conn.(*sealedConn).session.Seal(nil, false, false, make([]byte, 4<<20))
	if _, err := p.raw().Write(b[:2<<20+100]); err != nil {
		t.Fatal(err)
	}
	p.closed()
	s := d.subscriber(t, "")
	d.publisher(t, 1).say("served")
	s.hears("served")
}

func TestAKeyThatIsWithdrawnEndsItsConnectionsAtOnce(t *testing.T) {
	var withdrawn atomic.Bool
	d := sealed(t, func(o *Options) {
		o.Security = curveSecurity(serverPair, nil)
		o.Vouch = func(p *Peer) error {
			if withdrawn.Load() && p.Key == clientPair.Public.String() {
				return errors.New("withdrawn")
			}
			p.Name, p.Role = "pump", "serve"
			return nil
		}
	})
	s, p := d.subscriber(t, ""), d.publisher(t, 1)
	other := pair(t)
	stays := connect(t, d.Back()[0])
	if err := stays.greetCurve(1, "SUB", other, serverPair.Public); err != nil {
		t.Fatal(err)
	}
	stays.subscribe("")
	stays.sync()
	for _, peer := range d.Stats().Publishers {
		if peer.Peer.Name != "pump" || peer.Peer.Role != "serve" || peer.Peer.Mechanism != "CURVE" {
			t.Errorf("peer %+v", peer.Peer)
		}
	}
	withdrawn.Store(true)
	d.Expel(errors.New("key withdrawn"), func(p Peer) bool { return p.Key == clientPair.Public.String() })
	s.closed()
	p.closed()
	eventually(t, "the peers to be gone", func() bool { return d.Stats().Connections == 1 })
	eventually(t, "a line in the log", func() bool { return strings.Contains(d.log.String(), "key withdrawn") })
	if err := d.Publish([]byte("after")); err != nil {
		t.Fatal(err)
	}
	stays.hears("after")
}

// A key may be withdrawn after its owner was let in and before anybody can see
// that it is there.
func TestAKeyThatIsWithdrawnInTheHandshakeIsAskedForAgain(t *testing.T) {
	var asked atomic.Int32
	inside, goOn := make(chan struct{}), make(chan struct{})
	d := sealed(t, func(o *Options) {
		o.Vouch = func(*Peer) error {
			if asked.Add(1) == 1 {
				close(inside)
				<-goOn
				return nil
			}
			return errors.New("withdrawn")
		}
	})
	c := connect(t, d.Front()[0])
	if err := c.greetCurve(1, "PUB", clientPair, serverPair.Public); err != nil {
		t.Fatal(err)
	}
	<-inside
	d.Expel(errors.New("key withdrawn"), func(Peer) bool { return true })
	close(goOn)
	c.closed()
	if n := asked.Load(); n != 2 {
		t.Errorf("asked %d times", n)
	}
}

// What it may do may be changed then, too: who was let in as an operator does not stay
// one.
func TestAKeyThatIsChangedInTheHandshakeIsRefused(t *testing.T) {
	var asked atomic.Int32
	inside, goOn := make(chan struct{}), make(chan struct{})
	d := sealed(t, func(o *Options) {
		o.Vouch = func(p *Peer) error {
			p.Role = "observe"
			if asked.Add(1) == 1 {
				p.Role = "operate"
				close(inside)
				<-goOn
			}
			return nil
		}
	})
	c := connect(t, d.Front()[0])
	if err := c.greetCurve(1, "PUB", clientPair, serverPair.Public); err != nil {
		t.Fatal(err)
	}
	<-inside
	d.Expel(errors.New("key changed"), func(Peer) bool { return true })
	close(goOn)
	c.closed()
	// Who comes back does so as what he is.
	c = connect(t, d.Front()[0])
	if err := c.greetCurve(1, "PUB", clientPair, serverPair.Public); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the peer to be in", func() bool {
		in := d.Stats().Publishers
		return len(in) == 1 && in[0].Peer.Role == "observe"
	})
}

func TestWhoMayListenOnlyIsNotHeard(t *testing.T) {
	d := sealed(t, func(o *Options) {
		o.Vouch = func(p *Peer) error { p.Mute = true; return nil }
	})
	s, p := d.subscriber(t, ""), d.publisher(t, 1)
	for i := range 10 {
		p.say(fmt.Sprint("anything ", i), "more")
	}
	eventually(t, "all to be denied", func() bool { return d.Stats().Denied == 10 })
	if got := d.Stats().Publishers[0].Denied; got != 10 {
		t.Errorf("%d are denied to the peer", got)
	}
	if err := d.Publish([]byte("served")); err != nil {
		t.Fatal(err)
	}
	s.hears("served")
	if log := d.log.String(); strings.Count(log, "message denied") != 1 || !strings.Contains(log, "peer may listen only") {
		t.Error("the log does not say it, once")
	}
}

// The ipc endpoint of a forwarder with keys needs none.
func TestUnixSocketsNeedNoKey(t *testing.T) {
	d := start(t, func(o *Options) {
		o.FrontBind = []string{"ipc://" + t.TempDir() + "/front"}
		o.Security = curveSecurity(serverPair, nil)
	})
	p := d.publisher(t, 1)
	s := connect(t, d.Back()[0])
	if err := s.greetCurve(1, "SUB", clientPair, serverPair.Public); err != nil {
		t.Fatal(err)
	}
	s.subscribe("")
	s.sync()
	p.say("across")
	s.hears("across")
}
