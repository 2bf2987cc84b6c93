package forwarder

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"zmicroservices/taskservice/zmtp"
)

func TestMain(m *testing.M) {
	if role := os.Getenv("ZMS_TEST_ROLE"); role != "" {
		os.Exit(play(role))
	}
	goleak.VerifyTestMain(m)
}

// patience is how long a test waits for what must happen.
const patience = 40 * time.Second

// log is a slog.Handler's writer that tests look into.
type logBook struct {
	mu sync.Mutex // guards b
	b  strings.Builder
}

func (l *logBook) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logBook) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// device is a running forwarder.
type device struct {
	*Forwarder
	t    *testing.T
	log  *logBook
	stop func()
}

// start runs a forwarder on free ports until the test ends, and then sees to it
// that it gave everything back.
func start(t *testing.T, change func(*Options)) *device {
	t.Helper()
	book := &logBook{}
	o := Options{
		FrontBind:   []string{"tcp://127.0.0.1:0"},
		BackendBind: []string{"tcp://127.0.0.1:0"},
		Logger:      slog.New(slog.NewTextHandler(book, &slog.HandlerOptions{Level: slog.LevelDebug})),
	}
	if byCurve {
		o.Security = curveSecurity(serverPair, nil)
	}
	if change != nil {
		change(&o)
	}
	f, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- f.Run(ctx) }()
	d := &device{Forwarder: f, t: t, log: book}
	d.stop = sync.OnceFunc(func() {
		cancel()
		select {
		case err := <-done:
			if err != nil {
				t.Errorf("Run: %v", err)
			}
		case <-time.After(patience):
			t.Fatal("Run does not return")
		}
		if n := f.depot.live.Load(); n != 0 {
			t.Errorf("%d bytes of chunks were not given back", n)
		}
		if n := f.trie.size; n != 0 {
			t.Errorf("%d subscriptions were left", n)
		}
	})
	t.Cleanup(func() {
		d.stop()
		if t.Failed() {
			t.Log(book.String())
		}
	})
	return d
}

// eventually waits until a condition holds. It is for what has no event to wait
// for; the condition is looked at every millisecond.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	end := time.After(patience)
	for !holds() {
		select {
		case <-tick.C:
		case <-end:
			t.Fatalf("waited in vain for %s", what)
		}
	}
}

// client is a peer that speaks ZMTP by hand.
type client struct {
	net.Conn
	t testing.TB
	r *bufio.Reader
}

func connect(t testing.TB, endpoint string) *client {
	t.Helper()
	network, address, _ := strings.Cut(endpoint, "://")
	if network == "ipc" {
		network = "unix"
	}
	c, err := net.Dial(network, address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	if err := c.SetReadDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	return &client{Conn: c, t: t, r: bufio.NewReaderSize(c, 64<<10)}
}

// greet exchanges greetings and sends READY.
func (c *client) greet(minor byte, socket string) {
	c.t.Helper()
	c.send(zmtp.AppendGreeting(nil, zmtp.Greeting{Major: 3, Minor: minor, Mechanism: "NULL"}))
	var b [zmtp.GreetingSize]byte
	if _, err := io.ReadFull(c.r, b[:]); err != nil {
		c.t.Fatalf("read greeting: %v", err)
	}
	if g, err := zmtp.ParseGreeting(b[:]); err != nil || g.Major != 3 || g.Minor != 1 || g.Mechanism != "NULL" {
		c.t.Fatalf("greeting %+v, %v", g, err)
	}
	c.send(zmtp.AppendCommand(nil, zmtp.ReadyCommand, zmtp.AppendMetadata(nil, zmtp.Metadata{{Name: "Socket-Type", Value: []byte(socket)}})))
}

// dial connects and shakes hands.
func dial(t testing.TB, endpoint string, minor byte, socket string) *client {
	t.Helper()
	c := connect(t, endpoint)
	if byCurve {
		if err := c.greetCurve(minor, socket, clientPair, serverPair.Public); err != nil {
			t.Fatalf("shake hands: %v", err)
		}
		return c
	}
	c.greet(minor, socket)
	h, body := c.frame()
	if name, _, err := zmtp.ParseCommand(body); !h.Command() || err != nil || string(name) != zmtp.ReadyCommand {
		t.Fatalf("%v %q instead of READY", h, body)
	}
	return c
}

// publisher dials the front and waits to be subscribed to.
func (d *device) publisher(t testing.TB, minor byte) *client {
	t.Helper()
	c := dial(t, d.Front()[0], minor, "PUB")
	h, body := c.frame()
	want := "\x01"
	if minor > 0 {
		want = "\x09SUBSCRIBE"
	}
	if h.Command() != (minor > 0) || string(body) != want {
		t.Fatalf("%v %q instead of a subscription to everything", h, body)
	}
	return c
}

// subscriber dials the back and waits until its prefixes are active.
func (d *device) subscriber(t testing.TB, prefixes ...string) *client {
	t.Helper()
	c := dial(t, d.Back()[0], 0, "SUB")
	for i, p := range prefixes {
		c.subscribe(p)
		if i == len(prefixes)-1 {
			c.sync()
		}
	}
	return c
}

// sync waits until all that c sent has been dealt with.
func (c *client) sync() {
	c.t.Helper()
	c.send(zmtp.AppendPing(nil, 0, []byte("sync")))
	h, body := c.frame()
	if !h.Command() || string(body) != "\x04PONGsync" {
		c.t.Fatalf("%v %q instead of PONG", h, body)
	}
}

func (c *client) subscribe(prefix string) {
	c.t.Helper()
	c.send(zmtp.AppendSubscription(nil, zmtp.Greeting{Major: 3}, true, []byte(prefix)))
}

func (c *client) send(b []byte) {
	c.t.Helper()
	if _, err := c.Write(b); err != nil {
		c.t.Fatalf("send: %v", err)
	}
}

// say sends a message.
func (c *client) say(frames ...string) {
	c.t.Helper()
	c.send(wire(frames...))
}

// wire is a message as it is sent.
func wire(frames ...string) []byte {
	var b []byte
	for i, f := range frames {
		flags := zmtp.More
		if i == len(frames)-1 {
			flags = 0
		}
		b = zmtp.AppendFrame(b, flags, []byte(f))
	}
	return b
}

func (c *client) frame() (zmtp.Header, []byte) {
	c.t.Helper()
	h, body, err := c.tryFrame()
	if err != nil {
		c.t.Fatalf("read frame: %v", err)
	}
	return h, body
}

func (c *client) tryFrame() (zmtp.Header, []byte, error) { return readFrame(c.r) }

// hear reads a whole message.
func (c *client) hear() []string {
	c.t.Helper()
	var frames []string
	for {
		h, body := c.frame()
		if h.Command() {
			c.t.Fatalf("command %q instead of a message", body)
		}
		frames = append(frames, string(body))
		if !h.More() {
			return frames
		}
	}
}

// hears checks the next messages, each of one frame.
func (c *client) hears(want ...string) {
	c.t.Helper()
	for _, w := range want {
		if got := c.hear(); len(got) != 1 || got[0] != w {
			c.t.Fatalf("heard %.80q, want %.80q", got, w)
		}
	}
}

// closed checks that the forwarder ends the connection; what comes before is
// returned.
func (c *client) closed() []byte {
	c.t.Helper()
	b, err := io.ReadAll(c.r)
	if nerr, ok := errors.AsType[net.Error](err); ok && nerr.Timeout() {
		c.t.Fatal("the connection was not closed")
	}
	return b
}

// numbered is a message that tells who sent it and which it is.
func numbered(who byte, n, size int) string {
	b := make([]byte, max(size, 9))
	b[0] = who
	binary.BigEndian.PutUint64(b[1:], uint64(n))
	for i := 9; i < len(b); i++ {
		b[i] = byte(n + i)
	}
	return string(b)
}

func number(s string) int { return int(binary.BigEndian.Uint64([]byte(s)[1:])) }

// play is what the test binary does when it is re-executed as a peer.
func play(role string) int {
	name, arg, _ := strings.Cut(role, " ")
	var err error
	switch name {
	case "publisher":
		err = publishAt(arg)
	case "starved":
		err = starve()
	default:
		err = fmt.Errorf("no such role: %s", role)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// publishAt is a publisher that says nothing, until stdin ends.
func publishAt(address string) error {
	c, err := net.Dial("tcp", address)
	if err != nil {
		return err
	}
	if _, err := c.Write(cat(greeting(3, 0, "NULL"), ready("Socket-Type", "PUB"))); err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, os.Stdin)
	return err
}

func readFull(c *client, b []byte) (int, error) { return io.ReadFull(c.r, b) }
