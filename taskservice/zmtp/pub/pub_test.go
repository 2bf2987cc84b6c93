package pub

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"zmicroservices/taskservice/zmtp"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience is how long anything may take that takes a blink on an idle machine.
const patience = time.Minute

// run serves an endpoint until the test ends.
func run(t *testing.T, endpoint string) *Server {
	t.Helper()
	s, err := Listen(endpoint, Options{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1) // what Run gave
	go func() { ended <- s.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("run: %v", err)
		}
	})
	return s
}

// join connects as a SUB of ZMTP 3.1 and waits until it is served.
func join(t *testing.T, s *Server, kind zmtp.SocketType, prefixes ...string) net.Conn {
	t.Helper()
	scheme, address, _ := strings.Cut(s.Endpoint(), "://")
	c, err := net.Dial(map[string]string{"tcp": "tcp", "ipc": "unix"}[scheme], address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	if err := c.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	_, err = zmtp.Connect(c, zmtp.Client{
		Peers:     []zmtp.SocketType{zmtp.PUB},
		Mechanism: zmtp.Null{Metadata: zmtp.Metadata{{Name: zmtp.SocketTypeProperty, Value: []byte(kind)}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range prefixes {
		say(t, c, zmtp.AppendCommand(nil, zmtp.SubscribeCommand, []byte(p)))
	}
	settle(t, c)
	return c
}

func say(t *testing.T, c net.Conn, b []byte) {
	t.Helper()
	if _, err := c.Write(b); err != nil {
		t.Fatal(err)
	}
}

// settle waits until all that was said is heard: a PING is answered in its turn.
func settle(t *testing.T, c net.Conn) {
	t.Helper()
	say(t, c, zmtp.AppendPing(nil, 0, []byte("here")))
	want := zmtp.AppendPong(nil, []byte("here"))
	got := make([]byte, len(want))
	if _, err := io.ReadFull(c, got); err != nil || string(got) != string(want) {
		t.Fatalf("%q %v, want %q", got, err, want)
	}
}

// expect reads one message.
func expect(t *testing.T, c net.Conn, want string) {
	t.Helper()
	frame := zmtp.AppendFrame(nil, 0, []byte(want))
	got := make([]byte, len(frame))
	if _, err := io.ReadFull(c, got); err != nil || string(got) != string(frame) {
		t.Fatalf("%q %v, want %q", got, err, frame)
	}
}

func TestSubscribersGetWhatTheyAskFor(t *testing.T) {
	s := run(t, "tcp://127.0.0.1:*")
	all, some := join(t, s, zmtp.SUB, ""), join(t, s, zmtp.XSUB, "mon", "mon", "control")
	message := []byte("monitor @@@ {}")
	s.Publish(message)
	copy(message, "xxxxxxx") // is ours again
	s.Publish([]byte("control @@@ {}"))
	s.Publish([]byte("other @@@ {}"))
	for _, want := range []string{"monitor @@@ {}", "control @@@ {}", "other @@@ {}"} {
		expect(t, all, want)
	}
	expect(t, some, "monitor @@@ {}")
	expect(t, some, "control @@@ {}")
	// It has subscribed twice, and cancels once: as a message, as 3.0 has it.
	say(t, some, zmtp.AppendFrame(nil, 0, []byte("\x00mon")))
	say(t, some, zmtp.AppendCommand(nil, zmtp.CancelCommand, []byte("control")))
	settle(t, some)
	s.Publish([]byte("control @@@ {}"))
	s.Publish([]byte("monitor @@@ {}"))
	expect(t, some, "monitor @@@ {}")
	if st := s.Stats(); st != (Stats{Subscribers: 2, Published: 5}) {
		t.Errorf("stats %+v", st)
	}
}

func TestWhoDoesNotReadLosesMessagesAndHoldsUpNobody(t *testing.T) {
	s := run(t, "ipc://"+filepath.Join(t.TempDir(), "p"))
	join(t, s, zmtp.SUB, "big")
	small := join(t, s, zmtp.SUB, "small")
	big := append([]byte("big"), make([]byte, 8<<20)...)
	for s.Stats().Dropped == 0 {
		s.Publish(big)
	}
	s.Publish([]byte("small"))
	expect(t, small, "small")
}

func TestPeersThatDoNotBehaveAreHungUpOn(t *testing.T) {
	s := run(t, "tcp://127.0.0.1:0")
	for name, said := range map[string][]byte{
		"a message":            zmtp.AppendFrame(nil, 0, []byte("hello")),
		"one in two parts":     zmtp.AppendFrame(nil, zmtp.More, []byte("\x01x")),
		"a long subscription":  zmtp.AppendFrame(nil, 0, append([]byte{1}, make([]byte, maxFrame)...)),
		"no command":           zmtp.AppendFrame(nil, zmtp.Command, []byte{0}),
		"a ping without a TTL": zmtp.AppendCommand(nil, zmtp.PingCommand, nil),
		"reserved flags":       {0xff, 0},
	} {
		c := join(t, s, zmtp.SUB, "x")
		say(t, c, said)
		if n, err := c.Read(make([]byte, 1)); n != 0 || err == nil {
			t.Errorf("%s: %d %v", name, n, err)
		}
	}
	c := join(t, s, zmtp.SUB)
	for i := range maxPrefixes + 1 {
		say(t, c, zmtp.AppendCommand(nil, zmtp.SubscribeCommand, fmt.Append(nil, i)))
	}
	if n, err := c.Read(make([]byte, 1)); n != 0 || err == nil {
		t.Errorf("too many subscriptions: %d %v", n, err)
	}
}

func TestWhatWaitsGoesOutAtTheEnd(t *testing.T) {
	s, err := Listen("tcp://localhost:0", Options{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1) // what Run gave
	go func() { ended <- s.Run(ctx) }()
	c := join(t, s, zmtp.SUB, "")
	s.Publish([]byte("last words"))
	cancel()
	expect(t, c, "last words")
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if n, err := c.Read(make([]byte, 1)); n != 0 || !errors.Is(err, io.EOF) {
		t.Errorf("after the end: %d %v", n, err)
	}
}

func TestEndpointsThatCannotBeAreRefused(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	taken := run(t, "ipc://"+filepath.Join(dir, "taken")).Endpoint()
	tcp := run(t, "tcp://*:*").Endpoint()
	if !strings.HasPrefix(tcp, "tcp://127.0.0.1:") {
		t.Errorf("* is %s", tcp)
	}
	for endpoint, want := range map[string]string{
		"127.0.0.1:1": "not TRANSPORT://ADDRESS", "tcp://127.0.0.1": "no port", "tcp://0.0.0.0:0": "beyond loopback", "tcp://[::]:0": "beyond loopback",
		"udp://127.0.0.1:1": "tcp and ipc are served", "ipc://": "needs a path", "ipc://" + file: "no socket",
		taken: "address already in use", tcp: "address already in use", "tcp://127.0.0.1:99999": "invalid port",
	} {
		s, err := Listen(endpoint, Options{Logger: slog.New(slog.DiscardHandler)})
		if err == nil {
			_ = s.Close()
		}
		if err == nil || !strings.Contains(err.Error(), want) || !strings.HasPrefix(err.Error(), "bind "+endpoint+": ") {
			t.Errorf("%s: %v, want %q", endpoint, err, want)
		}
	}
	for _, again := range []bool{false, true} { // a socket of a dead owner is replaced
		l, err := net.ListenUnix("unix", &net.UnixAddr{Name: filepath.Join(dir, "old"), Net: "unix"})
		if again {
			s, err := Listen("ipc://"+filepath.Join(dir, "old"), Options{Logger: slog.New(slog.DiscardHandler)})
			if err != nil {
				t.Fatal(err)
			}
			if err := s.Close(); err != nil {
				t.Error(err)
			}
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		l.SetUnlinkOnClose(false)
		_ = l.Close()
	}
}
