package forwarder

import (
	"errors"
	"io"
	"net"
	"testing"

	"zmicroservices/taskservice/zmtp"
	"zmicroservices/taskservice/zmtp/curve"
)

// byCurve makes every forwarder and client of a test speak CURVE. Tests of this
// package run one after the other.
var byCurve bool

// pair makes a pair of keys.
func pair(t testing.TB) curve.Pair {
	t.Helper()
	p, err := curve.NewPair()
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// The pairs of all servers and of all clients that have no reason for their own.
var serverPair, clientPair = func() (curve.Pair, curve.Pair) {
	s, err := curve.NewPair()
	c, err2 := curve.NewPair()
	if err = errors.Join(err, err2); err != nil {
		panic(err)
	}
	return s, c
}()

// curveSecurity lets in whom authorize lets in; nil: everybody.
func curveSecurity(server curve.Pair, authorize func(curve.Key) error) *Security {
	if authorize == nil {
		authorize = func(curve.Key) error { return nil }
	}
	return &Security{Mechanism: curve.Name, New: func(m zmtp.Metadata) zmtp.Mechanism {
		return curve.NewServer(curve.ServerOptions{Pair: server, Authorize: authorize, Metadata: m})
	}}
}

// sealedConn shows a test the plain frames of a sealed connection.
type sealedConn struct {
	net.Conn
	session *curve.Session
	in      []byte // of a frame that is not whole
	out     []byte // sealed, and not yet written
	plain   []byte // opened, and not yet read
}

// Write seals the frames that are whole by now.
func (c *sealedConn) Write(b []byte) (int, error) {
	c.out = c.out[:0]
	rest := b
	if len(c.in) > 0 {
		c.in = append(c.in, b...)
		rest = c.in
	}
	for {
		h, body, next, err := zmtp.SplitFrame(rest)
		if errors.Is(err, zmtp.ErrShort) {
			break
		}
		if err != nil {
			return 0, err
		}
		c.out = c.session.Seal(c.out, h.More(), h.Command(), body)
		rest = next
	}
	c.in = append(c.in[:0], rest...)
	if _, err := c.Conn.Write(c.out); err != nil {
		return 0, err
	}
	return len(b), nil
}

func (c *sealedConn) Read(b []byte) (int, error) {
	for len(c.plain) == 0 {
		h, body, err := readFrame(c.Conn)
		if err != nil {
			return 0, err
		}
		if h.Command() {
			return 0, errors.New("a command outside of MESSAGE")
		}
		more, command, plain, err := c.session.Open(body)
		if err != nil {
			return 0, err
		}
		var flags zmtp.Flags
		if more {
			flags |= zmtp.More
		}
		if command {
			flags |= zmtp.Command
		}
		c.plain = zmtp.AppendFrame(nil, flags, plain)
	}
	n := copy(b, c.plain)
	c.plain = c.plain[n:]
	return n, nil
}

// recorder keeps what is written.
type recorder struct {
	net.Conn
	sent []byte
}

func (r *recorder) Write(b []byte) (int, error) {
	r.sent = append(r.sent, b...)
	return r.Conn.Write(b)
}

// raw is the connection below the seal.
func (c *client) raw() net.Conn {
	if sealed, ok := c.Conn.(*sealedConn); ok {
		return sealed.Conn
	}
	return c.Conn
}

func readFrame(r io.Reader) (h zmtp.Header, body []byte, err error) {
	var b [zmtp.MaxHeader]byte
	n := 2
	if _, err := io.ReadFull(r, b[:2]); err != nil {
		return h, nil, err
	}
	if b[0]&byte(zmtp.Long) != 0 {
		n = zmtp.MaxHeader
		if _, err := io.ReadFull(r, b[2:]); err != nil {
			return h, nil, err
		}
	}
	if h, err = zmtp.ParseHeader(b[:n]); err != nil {
		return h, nil, err
	}
	body = make([]byte, h.Size)
	_, err = io.ReadFull(r, body)
	return h, body, err
}

// greetCurve shakes hands as the owner of a pair.
func (c *client) greetCurve(minor byte, socket string, own curve.Pair, server curve.Key) error {
	c.send(zmtp.AppendGreeting(nil, zmtp.Greeting{Major: 3, Minor: minor, Mechanism: curve.Name}))
	var b [zmtp.GreetingSize]byte
	if _, err := io.ReadFull(c.Conn, b[:]); err != nil {
		return err
	}
	g, err := zmtp.ParseGreeting(b[:])
	if err != nil || g.Mechanism != curve.Name || !g.AsServer {
		c.t.Fatalf("greeting %+v, %v", g, err)
	}
	m, err := curve.NewClient(curve.Credentials{Pair: own, Server: server},
		zmtp.Metadata{{Name: zmtp.SocketTypeProperty, Value: []byte(socket)}})
	if err != nil {
		c.t.Fatal(err)
	}
	c.send(m.Open())
	for done := false; !done; {
		_, body, err := readFrame(c.Conn)
		if err != nil {
			return err
		}
		name, data, err := zmtp.ParseCommand(body)
		if err != nil {
			return err
		}
		var reply []byte
		if reply, _, done, err = m.Receive(name, data); err != nil {
			return err
		}
		c.send(reply)
	}
	sealed := &sealedConn{Conn: c.Conn, session: m.Session()}
	c.Conn = sealed
	c.r.Reset(sealed)
	return nil
}

// What holds for plain connections holds for sealed ones.
func TestSealedConnectionsKeepTheSamePromises(t *testing.T) {
	byCurve = true
	defer func() { byCurve = false }()
	for name, test := range map[string]func(*testing.T){
		"prefixes":  TestAMessageReachesThoseWhoSubscribedToAPrefixOfIt,
		"set":       TestSubscriptionsAreASetPerPeer,
		"order":     TestManyPublishersKeepTheirOrderAndNeverMix,
		"publish":   TestPublishReachesSubscribersInOrder,
		"guard":     TestAGuardedMessageIsForwardedOnlyIfAdmitted,
		"taps":      TestTapsGetTheirTopicsAfterTheyWereForwarded,
		"retained":  TestANewSubscriptionGetsWhatIsRetainedAndThenWhatIsNew,
		"drop":      TestAFullQueueDropsTheNewestWholeAndCounted,
		"stalled":   TestAStalledSubscriberDelaysNobodyElse,
		"streams":   TestAnyStreamOfMessagesComesOutAsItWentIn,
		"drain":     TestDrainWaitsForReadersAndNotForTheStalled,
		"reserve":   TestTheControlPlaneHasAReserveInAFullQueue,
		"settle":    TestSettleReturnsWhenDeadPublishersAreHeard,
		"ping":      TestAPingIsAnswered,
		"pings":     TestWeSendPingsToThoseWhoKnowThem,
		"ttl":       TestAPeerThatIsSilentForLongerThanItsTTLIsClosed,
		"questions": TestNobodySeesTheAnswerBeforeTheQuestion,
		"alloc":     TestNothingIsAllocatedForAMessage,
		"memory":    TestMemoryIsBoundedOverAllQueues,
	} {
		t.Run(name, test)
	}
}
