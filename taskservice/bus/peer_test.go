package bus_test

import (
	"context"
	"errors"
	"io"
	"net"
	"testing"
	"time"

	"zmicroservices/taskservice/bus"
	"zmicroservices/taskservice/zmtp"
)

// patience is what a test waits for one thing on a busy machine.
const patience = 20 * time.Second

func within(t *testing.T, d time.Duration) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), d)
	t.Cleanup(cancel)
	return ctx
}

// dial joins, and closes with the test.
func dial(t *testing.T, o bus.Options) *bus.Bus {
	t.Helper()
	b, err := bus.Dial(within(t, patience), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithCancel(context.Background())
		cancel() // what a test wants to arrive it has waited for
		b.Close(ctx)
	})
	return b
}

func publish(t *testing.T, b *bus.Bus, frame string) {
	t.Helper()
	if err := b.Publish(within(t, patience), []byte(frame)); err != nil {
		t.Fatal(err)
	}
}

func receive(t *testing.T, b *bus.Bus, want string) {
	t.Helper()
	got, err := b.Receive(within(t, patience))
	if err != nil || string(got) != want {
		t.Fatalf("received %.60q, %v; want %.60q", got, err, want)
	}
}

// hub is the listening end of a forwarder that does exactly what a test says.
type hub struct {
	net.Listener
	endpoint string
}

func listen(t *testing.T) hub {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return hub{l, "tcp://" + l.Addr().String()}
}

// peer is one accepted connection.
type peer struct {
	net.Conn
	t *testing.T
}

// accept waits for a connection and says nothing on it.
func (h hub) accept(t *testing.T) peer {
	t.Helper()
	h.Listener.(*net.TCPListener).SetDeadline(time.Now().Add(patience))
	conn, err := h.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	conn.SetDeadline(time.Now().Add(patience))
	return peer{conn, t}
}

// shake is the forwarder's half of the handshake.
func (p peer) shake(as zmtp.SocketType) peer {
	p.t.Helper()
	_, err := zmtp.Handshake(p, zmtp.Server{Socket: as, Peers: []zmtp.SocketType{zmtp.PUB, zmtp.SUB}})
	if err != nil {
		p.t.Fatal(err)
	}
	return p
}

func (p peer) write(b []byte) {
	p.t.Helper()
	if _, err := p.Write(b); err != nil {
		p.t.Fatal(err)
	}
}

func (p peer) message(body string) {
	p.t.Helper()
	p.write(zmtp.AppendFrame(nil, 0, []byte(body)))
}

func (p peer) command(name, data string) {
	p.t.Helper()
	p.write(zmtp.AppendCommand(nil, name, []byte(data)))
}

// next reads one frame: a message's body, or a command's name and data.
func (p peer) next() (name, body string, err error) {
	raw := make([]byte, 2, zmtp.MaxHeader)
	if _, err := io.ReadFull(p, raw); err != nil {
		return "", "", err
	}
	h, err := zmtp.ParseHeader(raw)
	if errors.Is(err, zmtp.ErrShort) {
		raw = raw[:zmtp.MaxHeader]
		if _, err := io.ReadFull(p, raw[2:]); err != nil {
			return "", "", err
		}
		h, err = zmtp.ParseHeader(raw)
	}
	if err != nil {
		return "", "", err
	}
	b := make([]byte, h.Size)
	if _, err := io.ReadFull(p, b); err != nil {
		return "", "", err
	}
	if !h.Command() {
		return "", string(b), nil
	}
	n, data, err := zmtp.ParseCommand(b)
	return string(n), string(data), err
}

// sees reads the next message that is none of the bus' questions, which it
// answers on the way.
func (p peer) sees(want string) {
	p.t.Helper()
	for {
		name, body, err := p.next()
		if err != nil {
			p.t.Fatal(err)
		}
		if name == zmtp.PingCommand {
			p.command(zmtp.PongCommand, body[2:])
			continue
		}
		if name != "" || body != want {
			p.t.Fatalf("saw %s %.60q, want %.60q", name, body, want)
		}
		return
	}
}

// pong answers one PING.
func (p peer) pong() {
	p.t.Helper()
	name, data, err := p.next()
	if err != nil || name != zmtp.PingCommand {
		p.t.Fatalf("saw %s %q, %v; want a PING", name, data, err)
	}
	p.command(zmtp.PongCommand, data[2:])
}

// joined runs the dialling of a Bus beside what its peers do, which is what
// the test goes on with.
func joining(t *testing.T, o bus.Options) func() *bus.Bus {
	t.Helper()
	type result struct {
		b   *bus.Bus
		err error
	}
	done := make(chan result, 1)
	ctx := within(t, patience)
	go func() { // ends with the dialling, which ctx bounds
		b, err := bus.Dial(ctx, o)
		done <- result{b, err}
	}()
	return func() *bus.Bus {
		t.Helper()
		r := <-done
		if r.err != nil {
			t.Fatal(r.err)
		}
		t.Cleanup(func() {
			ctx, cancel := context.WithCancel(context.Background())
			cancel()
			r.b.Close(ctx)
		})
		return r.b
	}
}
