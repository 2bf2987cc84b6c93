package abuse

import (
	"bufio"
	"bytes"
	"io"
	"math/rand/v2"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"zmicroservices/taskservice/keys"
	"zmicroservices/taskservice/zmtp"
	"zmicroservices/taskservice/zmtp/curve"
	"zmicroservices/test/harness"
)

// cheat is what somebody does who wants to speak on a sealed bus and may not, or no
// longer. It gives a connection that has to be hung up on.
type cheat struct {
	name string
	try  func(t *testing.T, s *site, k *harness.Keyring) net.Conn
}

// lie is a topic that nobody may ever hear; truth is what was said before.
const lie, truth = "lie", "truth"

var cheats = []cheat{
	{"NULL", func(t *testing.T, s *site, _ *harness.Keyring) net.Conn {
		return written(t, s, append(harness.Greeting(), append(harness.Ready(zmtp.PUB), word(lie)...)...))
	}},
	{"PLAIN", func(t *testing.T, s *site, _ *harness.Keyring) net.Conn {
		return written(t, s, zmtp.AppendGreeting(nil, zmtp.Greeting{Major: 3, Minor: 1, Mechanism: "PLAIN"}))
	}},
	{"a HELLO that is cut short", func(t *testing.T, s *site, _ *harness.Keyring) net.Conn {
		return written(t, s, append(curveGreeting(), zmtp.AppendCommand(nil, "HELLO", make([]byte, 100))...))
	}},
	{"a HELLO of zeros", func(t *testing.T, s *site, _ *harness.Keyring) net.Conn {
		return written(t, s, append(curveGreeting(), zmtp.AppendCommand(nil, "HELLO", make([]byte, 194))...))
	}},
	{"an INITIATE before any HELLO", func(t *testing.T, s *site, _ *harness.Keyring) net.Conn {
		return written(t, s, append(curveGreeting(), zmtp.AppendCommand(nil, "INITIATE", make([]byte, 257))...))
	}},
	{"a READY instead of a HELLO", func(t *testing.T, s *site, _ *harness.Keyring) net.Conn {
		return written(t, s, append(curveGreeting(), harness.Ready(zmtp.PUB)...))
	}},
	{"a key that nobody knows", func(t *testing.T, s *site, k *harness.Keyring) net.Conn {
		return refused(t, s, k.Credentials(k.Stranger(keys.Grant{Name: "stranger", Role: keys.Operate})))
	}},
	{"another server's key", func(t *testing.T, s *site, k *harness.Keyring) net.Conn {
		c := k.Credentials(k.Add(keys.Grant{Name: "misled", Role: keys.Serve}))
		other := newPair(t)
		c.Server = other.Public
		return refused(t, s, c)
	}},
	{"somebody's public key without the secret one", func(t *testing.T, s *site, k *harness.Keyring) net.Conn {
		c := k.Credentials(k.Add(keys.Grant{Name: "victim", Role: keys.Operate}))
		c.Secret = newPair(t).Secret
		return refused(t, s, c)
	}},
	{"a handshake that was overheard", func(t *testing.T, s *site, k *harness.Keyring) net.Conn {
		tape := &recorder{Conn: connect(t, s.Publish)}
		sealed := joined(t, tape, k, "overheard")
		say(t, sealed, truth)
		return written(t, s, tape.said())
	}},
	{"a message twice", func(t *testing.T, s *site, k *harness.Keyring) net.Conn {
		sealed := joined(t, connect(t, s.Publish), k, "twice")
		frame := sealed.Session.Seal(nil, false, false, []byte(truth))
		return put(t, sealed.Conn, append(bytes.Clone(frame), frame...))
	}},
	{"a message after a later one", func(t *testing.T, s *site, k *harness.Keyring) net.Conn {
		sealed := joined(t, connect(t, s.Publish), k, "late")
		early := sealed.Session.Seal(nil, false, false, []byte(lie))
		return put(t, sealed.Conn, append(sealed.Session.Seal(nil, false, false, []byte(truth)), early...))
	}},
	{"a message that was changed", func(t *testing.T, s *site, k *harness.Keyring) net.Conn {
		sealed := joined(t, connect(t, s.Publish), k, "changed")
		frame := sealed.Session.Seal(nil, false, false, []byte(lie))
		frame[len(frame)-1] ^= 1
		return put(t, sealed.Conn, frame)
	}},
	{"a long message that was changed", func(t *testing.T, s *site, k *harness.Keyring) net.Conn {
		sealed := joined(t, connect(t, s.Publish), k, "long")
		frame := sealed.Session.Seal(nil, false, false, append([]byte(lie), make([]byte, 300_000)...))
		frame[len(frame)-1] ^= 1
		return put(t, sealed.Conn, frame)
	}},
	{"another connection's message", func(t *testing.T, s *site, k *harness.Keyring) net.Conn {
		mine := joined(t, connect(t, s.Publish), k, "mine")
		yours := joined(t, connect(t, s.Publish), k, "yours")
		return put(t, yours.Conn, mine.Session.Seal(nil, false, false, []byte(lie)))
	}},
	{"a plain message on a sealed connection", func(t *testing.T, s *site, k *harness.Keyring) net.Conn {
		return put(t, joined(t, connect(t, s.Publish), k, "plain").Conn, word(lie))
	}},
	{"garbage on a sealed connection", func(t *testing.T, s *site, k *harness.Keyring) net.Conn {
		garbage := make([]byte, 10_000)
		for i, r := 0, rand.New(rand.NewPCG(3, 4)); i < len(garbage); i++ {
			garbage[i] = byte(r.Uint32()) | 0x80 // no flags that there are
		}
		return put(t, joined(t, connect(t, s.Publish), k, "garbage").Conn, garbage)
	}},
	{"2^62 bytes announced on a sealed connection", func(t *testing.T, s *site, k *harness.Keyring) net.Conn {
		return put(t, joined(t, connect(t, s.Publish), k, "vast").Conn, absurd(0, 1<<62))
	}},
	{"2^40 bytes announced on a sealed connection", func(t *testing.T, s *site, k *harness.Keyring) net.Conn {
		return put(t, joined(t, connect(t, s.Publish), k, "large").Conn, absurd(0, 1<<40))
	}},
	{"a MESSAGE too short to be one", func(t *testing.T, s *site, k *harness.Keyring) net.Conn {
		return put(t, joined(t, connect(t, s.Publish), k, "short").Conn, zmtp.AppendFrame(nil, 0, []byte("\x07MESSAGE\x00")))
	}},
}

// Whoever cannot prove who he is, or says again what was said, is hung up on;
// nothing of it is ever forwarded, and nobody else notices.
func TestCheatsOnASealedBusAreHungUpOn(t *testing.T) {
	k := harness.NewKeyring(t)
	s := newSiteOf(t, k.Start, harness.File{})
	heard := harness.Subscriber(t, s.Subscribe, lie, truth, "hail")
	greet(t, heard, s.by.out, "hail")
	for _, c := range cheats {
		t.Run(c.name, func(t *testing.T) {
			conn := c.try(t, s, k)
			defer conn.Close()
			if err := conn.SetReadDeadline(time.Now().Add(harness.Patience)); err != nil {
				t.Fatal(err)
			}
			if _, err := io.Copy(io.Discard, conn); isTimeout(err) {
				t.Error("was not hung up on")
			}
		})
	}
	s.served("after the cheats")
	s.bounded("cheats", 64)
	s.Send("hail.end @@@ {}")
	truths := 0
	for {
		frame, err := heard.Receive()
		if err != nil {
			t.Fatal(err)
		}
		switch word := string(frame); {
		case strings.HasPrefix(word, lie):
			t.Errorf("%.20q was forwarded", word)
		case strings.HasPrefix(word, truth):
			truths++
		case strings.HasPrefix(word, "hail.end"):
			if truths != 3 {
				t.Errorf("%d true words were forwarded, each once: want 3", truths)
			}
			_ = heard.Close()
			s.recovered()
			return
		}
	}
}

// Whose key is withdrawn is hung up on, at either port, and does not come in again.
func TestWhoseKeyIsRemovedIsHungUpOn(t *testing.T) {
	k := harness.NewKeyring(t)
	s := newSiteOf(t, k.Start, harness.File{})
	guest := k.Credentials(k.Add(keys.Grant{Name: "guest", Role: keys.Serve}))
	in, err := harness.NewSubscriberAs(&guest, s.Subscribe, "guest")
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	out, err := harness.NewPublisherAs(&guest, s.Publish)
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	greet(t, in, out, "guest")
	s.served("while there is a guest")
	k.Remove("guest")
	for name, c := range map[string]*harness.Client{"subscriber": in, "publisher": out} {
		if err := c.SetReadDeadline(time.Now().Add(harness.Patience)); err != nil {
			t.Fatal(err)
		}
		if _, err := io.Copy(io.Discard, c); isTimeout(err) {
			t.Errorf("the %s was not hung up on", name)
		}
	}
	for _, endpoint := range []string{s.Publish, s.Subscribe} {
		conn := connect(t, endpoint)
		if _, err := harness.Seal(conn, zmtp.SUB, guest); err == nil {
			t.Errorf("%s let in whose key was removed", endpoint)
		}
		_ = conn.Close()
	}
	s.served("when the guest is gone")
	s.recovered()
}

func curveGreeting() []byte {
	return zmtp.AppendGreeting(nil, zmtp.Greeting{Major: 3, Minor: 1, Mechanism: curve.Name})
}

func newPair(t *testing.T) curve.Pair {
	t.Helper()
	pair, err := curve.NewPair()
	if err != nil {
		t.Fatal(err)
	}
	return pair
}

// word is a message as it goes over the wire unsealed.
func word(text string) []byte { return zmtp.AppendFrame(nil, 0, []byte(text)) }

func connect(t *testing.T, endpoint string) net.Conn {
	t.Helper()
	c, err := harness.Connect(endpoint)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// written connects to the front and says these bytes, as far as anybody listens.
func written(t *testing.T, s *site, b []byte) net.Conn {
	t.Helper()
	return put(t, connect(t, s.Publish), b)
}

func put(t *testing.T, c net.Conn, b []byte) net.Conn {
	t.Helper()
	if err := c.SetWriteDeadline(time.Now().Add(harness.Patience)); err != nil {
		t.Fatal(err)
	}
	_, _ = c.Write(b) // who is hung up on meanwhile cannot
	return c
}

// refused shakes hands as a client that must not be let in.
func refused(t *testing.T, s *site, c curve.Credentials) net.Conn {
	t.Helper()
	conn := connect(t, s.Publish)
	if _, err := harness.Seal(conn, zmtp.PUB, c); err == nil {
		t.Error("was let in")
	}
	return conn
}

// joined is a publisher of a key of its own that was let in and subscribed to.
func joined(t *testing.T, conn net.Conn, k *harness.Keyring, name string) *harness.Sealed {
	t.Helper()
	sealed, err := harness.Seal(conn, zmtp.PUB, k.Credentials(k.Add(keys.Grant{Name: name, Role: keys.Serve})))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := bufio.NewReader(sealed).ReadByte(); err != nil { // the subscription
		t.Fatal(err)
	}
	return sealed
}

func say(t *testing.T, sealed *harness.Sealed, text string) {
	t.Helper()
	if _, err := sealed.Write(word(text)); err != nil {
		t.Fatal(err)
	}
}

// recorder keeps what is written.
type recorder struct {
	net.Conn
	mu   sync.Mutex // guards tape
	tape []byte
}

func (r *recorder) Write(b []byte) (int, error) {
	r.mu.Lock()
	r.tape = append(r.tape, b...)
	r.mu.Unlock()
	return r.Conn.Write(b)
}

func (r *recorder) said() []byte {
	r.mu.Lock()
	defer r.mu.Unlock()
	return bytes.Clone(r.tape)
}

// A handshake costs the arithmetic of curves before anybody knows who asks for it:
// strangers who begin one after the other take a share of the machine, and no more.
func TestAFloodOfHandshakesDisturbsNobody(t *testing.T) {
	k := harness.NewKeyring(t)
	s := newSiteOf(t, k.Start, harness.File{})
	stranger := k.Credentials(k.Stranger(keys.Grant{Name: "stranger"}))
	end := make(chan struct{})
	var running sync.WaitGroup
	var tried, let atomic.Int64
	for _, endpoint := range []string{s.Publish, s.Subscribe} {
		running.Go(func() { // ends with end
			for {
				select {
				case <-end:
					return
				default:
				}
				conn, err := harness.Connect(endpoint)
				if err != nil {
					return // the provider has ended, which the rest of the test sees
				}
				if _, err := harness.Seal(conn, zmtp.SUB, stranger); err == nil {
					let.Add(1)
				}
				tried.Add(1)
				_ = conn.Close()
			}
		})
	}
	s.served("while two begin handshakes")
	close(end)
	running.Wait()
	t.Logf("%d handshakes were begun", tried.Load())
	if n := let.Load(); n > 0 {
		t.Errorf("%d of them succeeded", n)
	}
	s.bounded("handshakes", 64)
	s.recovered()
}
