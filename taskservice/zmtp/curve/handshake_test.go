package curve_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"zmicroservices/taskservice/zmtp"
	"zmicroservices/taskservice/zmtp/curve"
)

// patience is what a test waits for one thing on a busy machine.
const patience = 20 * time.Second

func pair(t testing.TB) curve.Pair {
	t.Helper()
	p, err := curve.NewPair()
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func socketType(s string) zmtp.Metadata {
	return zmtp.Metadata{{Name: zmtp.SocketTypeProperty, Value: []byte(s)}}
}

// couple is a client and a server that know each other.
type couple struct {
	credentials curve.Credentials
	options     curve.ServerOptions
}

func newCouple(t testing.TB) couple {
	server, client := pair(t), pair(t)
	return couple{
		credentials: curve.Credentials{Pair: client, Server: server.Public},
		options: curve.ServerOptions{Pair: server, Metadata: socketType("PUB"), Authorize: func(k curve.Key) error {
			if k != client.Public {
				return errors.New("who is this")
			}
			return nil
		}},
	}
}

func (c couple) client(t testing.TB) *curve.Client {
	t.Helper()
	client, err := curve.NewClient(c.credentials, socketType("SUB"))
	if err != nil {
		t.Fatal(err)
	}
	return client
}

// wires are the two ends of a connection.
func wires(t testing.TB) (dialled, accepted net.Conn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if dialled, err = net.Dial("tcp", l.Addr().String()); err != nil {
		t.Fatal(err)
	}
	if accepted, err = l.Accept(); err != nil {
		t.Fatal(err)
	}
	for _, conn := range []net.Conn{dialled, accepted} {
		conn.SetDeadline(time.Now().Add(patience))
		t.Cleanup(func() { conn.Close() })
	}
	return dialled, accepted
}

// shake runs both halves over a real connection.
func (c couple) shake(t testing.TB) (client *curve.Client, server *curve.Server, clientErr, serverErr error) {
	t.Helper()
	dialled, accepted := wires(t)
	server = curve.NewServer(c.options)
	done := make(chan error, 1)
	go func() { // ends with the handshake, which has a deadline
		s, err := zmtp.Handshake(accepted, zmtp.Server{Greeted: curve.Name, Mechanisms: func(string) zmtp.Mechanism { return server }, Peers: []zmtp.SocketType{zmtp.SUB}})
		if err == nil && s.Peer != zmtp.SUB {
			err = fmt.Errorf("peer is %s", s.Peer)
		}
		if err != nil {
			accepted.Close()
		}
		done <- err
	}()
	client = c.client(t)
	s, err := zmtp.Connect(dialled, zmtp.Client{Mechanism: client, Peers: []zmtp.SocketType{zmtp.PUB}})
	if err == nil && s.Peer != zmtp.PUB {
		err = fmt.Errorf("peer is %s", s.Peer)
	}
	if err != nil {
		dialled.Close()
	}
	return client, server, err, <-done
}

func TestTheTwoHalvesUnderstandEachOther(t *testing.T) {
	c := newCouple(t)
	client, server, err1, err2 := c.shake(t)
	if err := errors.Join(err1, err2); err != nil {
		t.Fatal(err)
	}
	if server.Client() != c.credentials.Public || server.Key() != c.credentials.Public.String() || client.Key() != c.options.Pair.Public.String() {
		t.Errorf("server met %s, client %s", server.Key(), client.Key())
	}
	for _, ends := range [][2]*curve.Session{{client.Session(), server.Session()}, {server.Session(), client.Session()}} {
		for _, size := range []int{0, 1, 200, 222, 223, 224, 300, 70_000} {
			body := bytes.Repeat([]byte{'x'}, size)
			for _, flags := range [][2]bool{{false, false}, {true, false}, {false, true}} {
				frame := ends[0].Seal([]byte("before"), flags[0], flags[1], body)
				if len(frame) != len("before")+curve.SealedSize(size) {
					t.Errorf("%d bytes sealed in %d, not in %d", size, len(frame), curve.SealedSize(size))
				}
				h, sealed, rest, err := zmtp.SplitFrame(frame[len("before"):])
				if err != nil || len(rest) != 0 || h.Command() || h.More() {
					t.Fatalf("frame %+v, %v", h, err)
				}
				again := bytes.Clone(sealed)
				more, command, plain, err := ends[1].Open(sealed)
				if err != nil || more != flags[0] || command != flags[1] || !bytes.Equal(plain, body) {
					t.Fatalf("opened %.20q more=%v command=%v, %v", plain, more, command, err)
				}
				if _, _, _, err := ends[1].Open(again); !errors.Is(err, curve.ErrNonce) {
					t.Errorf("opened twice: %v", err)
				}
			}
		}
	}
}

// What either half says when the other is not who it should be.
func TestWhoIsNotLetInHearsIt(t *testing.T) {
	for name, row := range map[string]struct {
		change         func(*couple)
		client, server error
	}{
		"a key that nobody knows": {func(c *couple) { c.credentials.Pair = pair(t) }, curve.ErrDenied, curve.ErrDenied},
		"no Authorize":            {func(c *couple) { c.options.Authorize = nil }, curve.ErrDenied, curve.ErrDenied},
		"another server's key":    {func(c *couple) { c.credentials.Server = pair(t).Public }, nil, curve.ErrBox},
		"a key that is not ours":  {func(c *couple) { c.credentials.Public = c.options.Pair.Public }, nil, curve.ErrBox},
	} {
		t.Run(name, func(t *testing.T) {
			c := newCouple(t)
			row.change(&c)
			_, server, err1, err2 := c.shake(t)
			if err1 == nil || row.client != nil && !errors.Is(err1, row.client) {
				t.Errorf("client: %v", err1)
			}
			if !errors.Is(err2, row.server) || server.Key() != "" || server.Session() != nil {
				t.Errorf("server: %v, key %q", err2, server.Key())
			}
		})
	}
}

// step feeds one command frame to a half.
func step(t testing.TB, m zmtp.Mechanism, frame []byte) (reply []byte, done bool, err error) {
	t.Helper()
	_, body, _, err := zmtp.SplitFrame(frame)
	if err != nil {
		t.Fatal(err)
	}
	name, data, err := zmtp.ParseCommand(body)
	if err != nil {
		t.Fatal(err)
	}
	reply, _, done, err = m.Receive(name, data)
	return reply, done, err
}

// A recording of one connection opens nothing on another.
func TestAReplayedHandshakeFails(t *testing.T) {
	c := newCouple(t)
	client, first := c.client(t), curve.NewServer(c.options)
	hello := client.Open()
	welcome, _, err := step(t, first, hello)
	if err != nil {
		t.Fatal(err)
	}
	initiate, _, err := step(t, client, welcome)
	if err != nil {
		t.Fatal(err)
	}
	second := curve.NewServer(c.options)
	if _, _, err := step(t, second, hello); err != nil {
		t.Fatal(err) // anybody may say hello
	}
	if reply, done, err := step(t, second, initiate); !errors.Is(err, curve.ErrBox) || done || reply != nil {
		t.Errorf("a replayed INITIATE: %v", err)
	}
	if _, _, err := step(t, second, hello); !errors.Is(err, zmtp.ErrMalformed) {
		t.Errorf("a HELLO after a failure: %v", err)
	}
	if _, done, err := step(t, first, initiate); !done || err != nil {
		t.Errorf("where it was meant for: %v", err)
	}
	if _, _, err := step(t, first, initiate); !errors.Is(err, zmtp.ErrMalformed) {
		t.Errorf("INITIATE twice: %v", err)
	}
	if _, _, err := step(t, client, welcome); !errors.Is(err, zmtp.ErrMalformed) {
		t.Errorf("WELCOME twice: %v", err)
	}
}

// Every bit of a handshake is under a box, padding and a server's long nonces apart.
func TestAChangedHandshakeFails(t *testing.T) {
	c := newCouple(t)
	for i := 8; i < 202; i += 7 {
		client, server := c.client(t), curve.NewServer(c.options)
		hello := client.Open()
		hello[i] ^= 0x10
		_, _, err := step(t, server, hello)
		padding := i >= 2+6+2 && i < 2+6+74
		if (err == nil) != padding {
			t.Errorf("HELLO with byte %d changed: %v", i, err)
		}
	}
	for i := 11; i < 11+24; i += 5 {
		client, server := c.client(t), curve.NewServer(c.options)
		welcome, _, err := step(t, server, client.Open())
		if err != nil {
			t.Fatal(err)
		}
		initiate, _, err := step(t, client, welcome)
		if err != nil {
			t.Fatal(err)
		}
		changed := bytes.Clone(initiate)
		changed[len(changed)-i] ^= 1
		if _, _, err := step(t, server, changed); err == nil {
			t.Errorf("INITIATE with byte %d from its end changed", i)
		}
	}
}

func TestABrokenSealEndsTheSession(t *testing.T) {
	client, server, err1, err2 := newCouple(t).shake(t)
	if err := errors.Join(err1, err2); err != nil {
		t.Fatal(err)
	}
	sealed := func() []byte {
		_, body, _, _ := zmtp.SplitFrame(client.Session().Seal(nil, false, false, []byte("x")))
		return body
	}
	for name, row := range map[string]struct {
		change func([]byte) []byte
		want   error
	}{
		"short":             {func(b []byte) []byte { return b[:curve.Overhead-1] }, zmtp.ErrMalformed},
		"another command":   {func(b []byte) []byte { b[1] = 'm'; return b }, zmtp.ErrMalformed},
		"plain":             {func([]byte) []byte { return []byte(strings.Repeat("control @@@ {}", 9)) }, zmtp.ErrMalformed},
		"a changed body":    {func(b []byte) []byte { b[len(b)-1] ^= 1; return b }, curve.ErrBox},
		"a changed nonce":   {func(b []byte) []byte { b[15]++; return b }, curve.ErrBox},
		"nonce zero":        {func(b []byte) []byte { clear(b[8:16]); return b }, curve.ErrNonce},
		"its own reflected": {func([]byte) []byte { return server.Session().Seal(nil, false, false, []byte("x"))[2:] }, nil},
	} {
		if _, _, _, err := server.Session().Open(row.change(sealed())); err == nil || row.want != nil && !errors.Is(err, row.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	// What did not open has not moved the nonce.
	if _, _, plain, err := server.Session().Open(sealed()); err != nil || string(plain) != "x" {
		t.Errorf("opened %q, %v", plain, err)
	}
}

func FuzzServer(f *testing.F) {
	c := newCouple(f)
	client := c.client(f)
	hello := client.Open()[2:]
	f.Add(hello, []byte("\x08INITIATE"))
	f.Add(hello, binary.BigEndian.AppendUint64([]byte("\x08INITIATE"), 2))
	f.Add([]byte("\x05HELLO"), []byte("\x05ERROR\x03400"))
	f.Fuzz(func(t *testing.T, first, second []byte) {
		server := curve.NewServer(c.options)
		for _, body := range [][]byte{first, second} {
			name, data, err := zmtp.ParseCommand(body)
			if err != nil {
				return
			}
			if _, _, done, err := server.Receive(name, data); done || err != nil {
				if done {
					t.Fatal("let in without a key")
				}
				return
			}
		}
	})
}

func FuzzClient(f *testing.F) {
	c := newCouple(f)
	f.Add([]byte("\x07WELCOME"), []byte("\x05READY"))
	f.Add([]byte("\x05ERROR\x03400"), []byte("\x05READY"))
	f.Fuzz(func(t *testing.T, first, second []byte) {
		client, err := curve.NewClient(c.credentials, nil)
		if err != nil {
			t.Fatal(err)
		}
		for _, body := range [][]byte{first, second} {
			name, data, err := zmtp.ParseCommand(body)
			if err != nil {
				return
			}
			if _, _, done, err := client.Receive(name, data); done || err != nil {
				if done {
					t.Fatal("joined a server without a key")
				}
				return
			}
		}
	})
}

func FuzzOpen(f *testing.F) {
	client, server, err1, err2 := newCouple(f).shake(f)
	if err := errors.Join(err1, err2); err != nil {
		f.Fatal(err)
	}
	f.Add(client.Session().Seal(nil, false, false, []byte("x"))[2:])
	f.Add(append([]byte("\x07MESSAGE\xff"), make([]byte, 60)...))
	f.Fuzz(func(t *testing.T, body []byte) {
		before := bytes.Clone(body)
		_, _, plain, err := server.Session().Open(body)
		if err != nil && !bytes.Equal(body, before) && !errors.Is(err, zmtp.ErrMalformed) {
			t.Fatalf("changed what it did not open: %v", err)
		}
		if err == nil && len(plain) != len(body)-curve.Overhead {
			t.Fatalf("%d bytes of %d", len(plain), len(body))
		}
	})
}

func FuzzParseKey(f *testing.F) {
	f.Add(strings.Repeat("0", 40))
	f.Add("rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7") // of RFC 32's neighbours: zmq_curve(7)
	f.Add(strings.Repeat("#", 40))
	f.Fuzz(func(t *testing.T, text string) {
		key, err := curve.ParseKey(text)
		if err == nil && key.String() != text {
			t.Fatalf("%q read as %s", text, key)
		}
	})
}
