package bus_test

import (
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"zmicroservices/taskservice/bus"
	"zmicroservices/taskservice/internal/zmqtest"
	"zmicroservices/taskservice/zmtp"
	"zmicroservices/taskservice/zmtp/curve"
	"zmicroservices/taskservice/zmtp/plain"
)

// mechanisms runs a test with libzmq's forwarders of each mechanism.
func mechanisms(t *testing.T, test func(*testing.T, *zmqtest.Forwarder, bus.Options)) {
	t.Run("CURVE", func(t *testing.T) {
		s, credentials := zmqtest.NewCurve(t)
		f := zmqtest.NewSecureForwarder(t, zmqtest.Proxy, s)
		o := both(f)
		o.Curve = credentials
		test(t, f, o)
	})
	t.Run("PLAIN", func(t *testing.T) {
		s := &zmqtest.Security{Mechanism: plain.Name, User: "kermit", Password: "green"}
		f := zmqtest.NewSecureForwarder(t, zmqtest.Device, s)
		o := both(f)
		o.Plain = &plain.Credentials{User: "kermit", Password: "green"}
		test(t, f, o)
	})
}

func TestTheBusIsTheSameUnderEveryMechanism(t *testing.T) {
	mechanisms(t, func(t *testing.T, f *zmqtest.Forwarder, o bus.Options) {
		observer := f.Observe(t)
		o.Topics = []string{"x"}
		b := dial(t, o)
		for _, size := range []int{1, 200, 300, 70_000, 2 << 20} {
			want := fmt.Sprintf("x @@@ %d", size) + strings.Repeat("y", size)
			publish(t, b, want)
			receive(t, b, want)
			if got := observer.Next(t); got != want {
				t.Fatalf("observer saw %.40q, want %.40q", got, want)
			}
		}
		if err := b.Subscribe(within(t, patience), "later"); err != nil {
			t.Fatal(err)
		}
		publish(t, b, "unheard of")
		publish(t, b, "later")
		receive(t, b, "later")
		f.Kill()
		f.Start(t)
		rejoined(t, b)
		publish(t, b, "x last")
		receive(t, b, "x last")
		if err := b.Close(within(t, patience)); err != nil {
			t.Error(err)
		}
	})
}

func TestCloseLosesNothingUnderCurve(t *testing.T) {
	s, credentials := zmqtest.NewCurve(t)
	f := zmqtest.NewSecureForwarder(t, zmqtest.Device, s)
	o := f.Observe(t)
	b := dial(t, bus.Options{Backend: f.Backend, Curve: credentials})
	for i := range 1000 {
		publish(t, b, fmt.Sprintf("n%d", i))
	}
	if err := b.Close(within(t, patience)); err != nil {
		t.Fatal(err)
	}
	for i := range 1000 {
		if got, want := o.Next(t), fmt.Sprintf("n%d", i); got != want {
			t.Fatalf("observer saw %q, want %q", got, want)
		}
	}
}

func TestWhoIsNotLetInHearsItAtOnce(t *testing.T) {
	s, credentials := zmqtest.NewCurve(t)
	curved := zmqtest.NewSecureForwarder(t, zmqtest.Device, s)
	stranger := *credentials
	var err error
	if stranger.Pair, err = curve.NewPair(); err != nil {
		t.Fatal(err)
	}
	plainly := zmqtest.NewSecureForwarder(t, zmqtest.Device, &zmqtest.Security{Mechanism: plain.Name, User: "kermit", Password: "green"})
	for name, row := range map[string]struct {
		o    bus.Options
		want error
	}{
		"an unknown key":     {bus.Options{Frontend: curved.Frontend, Curve: &stranger}, curve.ErrDenied},
		"a wrong password":   {bus.Options{Frontend: plainly.Frontend, Plain: &plain.Credentials{User: "kermit", Password: "blue"}}, plain.ErrDenied}, // told by "^RROR"
		"both":               {bus.Options{Frontend: curved.Frontend, Curve: credentials, Plain: &plain.Credentials{}}, nil},
		"half a certificate": {bus.Options{Frontend: curved.Frontend, Curve: &curve.Credentials{Server: s.Server.Public}}, nil},
		"too long a name":    {bus.Options{Frontend: plainly.Frontend, Plain: &plain.Credentials{User: strings.Repeat("x", 300)}}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			ctx := within(t, patience)
			_, err := bus.Dial(ctx, row.o)
			if err == nil || row.want != nil && !errors.Is(err, row.want) || ctx.Err() != nil {
				t.Errorf("got %v, want %v", err, row.want)
			}
		})
	}
}

// libzmq hangs up on who asks for another mechanism before it says which it has.
func TestAnotherMechanismIsHintedAt(t *testing.T) {
	s, credentials := zmqtest.NewCurve(t)
	curved, open := zmqtest.NewSecureForwarder(t, zmqtest.Device, s), zmqtest.NewForwarder(t, zmqtest.Device)
	for name, o := range map[string]bus.Options{
		"NULL":  {Frontend: curved.Frontend},
		"PLAIN": {Backend: curved.Backend, Plain: &plain.Credentials{User: "kermit"}},
		"CURVE": {Backend: open.Backend, Curve: credentials},
	} {
		hinted(t, o, func(err error) bool {
			return strings.Contains(err.Error(), "ours is "+name) || errors.Is(err, zmtp.ErrMechanism)
		})
	}
}

// hinted dials what goes on being tried, for longer each time, until the reason
// has been seen.
func hinted(t *testing.T, o bus.Options, reason func(error) bool) {
	t.Helper()
	for d := 100 * time.Millisecond; ; d *= 2 {
		_, err := bus.Dial(within(t, d), o)
		if err != nil && reason(err) {
			return
		}
		if err == nil || d > patience {
			t.Errorf("got %v", err)
			return
		}
	}
}

// A server whose key is another hangs up, and says nothing: the hint is ours.
func TestAnotherServersKeyIsHintedAt(t *testing.T) {
	s, credentials := zmqtest.NewCurve(t)
	h := listen(t)
	go func() { // ends with the listener
		for {
			conn, err := h.Accept()
			if err != nil {
				return
			}
			conn.SetDeadline(time.Now().Add(patience))
			m := curve.NewServer(curve.ServerOptions{Pair: s.Client}) // not the pair that is meant
			_, _ = zmtp.Handshake(conn, zmtp.Server{Greeted: curve.Name, Mechanisms: func(string) zmtp.Mechanism { return m }})
			conn.Close()
		}
	}()
	hinted(t, bus.Options{Frontend: h.endpoint, Curve: credentials}, func(err error) bool {
		return strings.Contains(err.Error(), "another server's key; ours is "+s.Server.Public.String())
	})
}

// sealedPeer is the forwarder's end of a connection with CURVE.
type sealedPeer struct {
	peer
	session *curve.Session
}

func (h hub) acceptSealed(t *testing.T, pair curve.Pair) sealedPeer {
	t.Helper()
	p := h.accept(t)
	m := curve.NewServer(curve.ServerOptions{
		Pair:      pair,
		Authorize: func(curve.Key) error { return nil },
		Metadata:  zmtp.Metadata{{Name: zmtp.SocketTypeProperty, Value: []byte("PUB")}},
	})
	if _, err := zmtp.Handshake(p, zmtp.Server{Greeted: curve.Name, Mechanisms: func(string) zmtp.Mechanism { return m }, Peers: []zmtp.SocketType{zmtp.SUB}}); err != nil {
		t.Fatal(err)
	}
	return sealedPeer{p, m.Session()}
}

// pong answers one PING.
func (p sealedPeer) pong() {
	p.t.Helper()
	_, body, err := p.peer.next()
	if err != nil {
		p.t.Fatal(err)
	}
	_, command, plain, err := p.session.Open([]byte(body))
	if err != nil || !command || !strings.HasPrefix(string(plain), "\x04PING") {
		p.t.Fatalf("opened %q, %v, want a PING", plain, err)
	}
	p.write(p.session.Seal(nil, false, true, append([]byte("\x04PONG"), plain[7:]...)))
}

// What is not sealed as it should be ends the connection, and reaches nobody.
func TestASealedConnectionEndsWithTheFirstFrameThatDoesNotOpen(t *testing.T) {
	s, credentials := zmqtest.NewCurve(t)
	h := listen(t)
	later := joining(t, bus.Options{Frontend: h.endpoint, Curve: credentials})
	p := h.acceptSealed(t, s.Server)
	p.pong()
	p.pong()
	b := later()
	for name, frame := range map[string]func(good []byte) []byte{
		"in the clear":     func([]byte) []byte { return zmtp.AppendFrame(nil, 0, []byte("control @@@ {}")) },
		"a clear PING":     func([]byte) []byte { return zmtp.AppendPing(nil, 0, nil) },
		"a flipped bit":    func(good []byte) []byte { good[len(good)-1] ^= 1; return good },
		"sent twice":       func(good []byte) []byte { return append(good, good...) },
		"2^62 bytes":       func([]byte) []byte { return []byte{2, 0x40, 0, 0, 0, 0, 0, 0, 0} },
		"a long command":   func([]byte) []byte { return p.session.Seal(nil, false, true, make([]byte, 70_000)) },
		"a torn command":   func([]byte) []byte { return p.session.Seal(nil, false, true, []byte{9, 'x'}) },
		"more and command": func([]byte) []byte { return p.session.Seal(nil, true, true, []byte("\x04PING\x00\x00")) },
	} {
		p.write(p.session.Seal(nil, true, false, []byte("one of two frames")))
		p.write(p.session.Seal(nil, false, false, []byte("and the other")))
		p.write(p.session.Seal(nil, false, false, nil))
		receive(t, b, "")
		p.write(frame(p.session.Seal(nil, false, false, []byte("good"))))
		if name == "sent twice" {
			receive(t, b, "good")
		}
		if _, body, err := p.next(); err == nil {
			t.Errorf("%s: the connection was kept, %q", name, body)
		}
		p = h.acceptSealed(t, s.Server)
		p.pong()
		p.pong()
		rejoined(t, b)
	}
}

var _ net.Conn = sealedPeer{}
