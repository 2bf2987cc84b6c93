package bus_test

import (
	"context"
	"encoding/binary"
	"errors"
	"strings"
	"testing"
	"time"

	"zmicroservices/taskservice/bus"
	"zmicroservices/taskservice/internal/zmqtest"
	"zmicroservices/taskservice/zmtp"
)

// awaitLoss returns when a Bus knows that its forwarder is gone.
func awaitLoss(t *testing.T, b *bus.Bus, f *zmqtest.Forwarder) {
	t.Helper()
	for deadline := time.Now().Add(patience); b.Connected(); {
		if time.Now().After(deadline) {
			t.Fatalf("%s is gone and it was not seen", f.Backend)
		}
	}
}

func TestEndpointsAreJudged(t *testing.T) {
	for endpoint, reason := range map[string]string{
		"127.0.0.1:6556":    "has no scheme",
		"udp://127.0.0.1:1": "neither tcp nor ipc",
		"tcp://127.0.0.1":   "missing port",
		"tcp://*:6556":      "can be bound, not connected to",
		"tcp://:6556":       "can be bound, not connected to",
		"tcp://host:*":      "can be bound, not connected to",
		"ipc://":            "has no path",
	} {
		for _, o := range []bus.Options{{Frontend: endpoint}, {Backend: endpoint}} {
			if _, err := bus.Dial(t.Context(), o); err == nil || !strings.Contains(err.Error(), reason) {
				t.Errorf("%s: %v, want %q", endpoint, err, reason)
			}
		}
	}
	if _, err := bus.Dial(t.Context(), bus.Options{}); err == nil {
		t.Error("a bus without an endpoint was dialled")
	}
}

func TestDialSaysWhoIsNotThere(t *testing.T) {
	h := listen(t)
	h.Close()
	_, err := bus.Dial(within(t, 100*time.Millisecond), bus.Options{Backend: h.endpoint})
	if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), h.endpoint) || !strings.Contains(err.Error(), "connection refused") {
		t.Errorf("got %v", err)
	}
}

func TestAMutePeerDoesNotOutlastTheContext(t *testing.T) {
	h := listen(t)
	ctx, cancel := context.WithCancel(t.Context())
	go func() { // ends with the first connection
		conn, err := h.Accept()
		if err == nil {
			defer conn.Close()
			conn.Read(make([]byte, zmtp.GreetingSize)) // it has begun
			cancel()
			conn.Read(make([]byte, 1)) // ends when it hangs up
		}
	}()
	if _, err := bus.Dial(ctx, bus.Options{Frontend: h.endpoint}); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestAPeerThatIsNoForwarderIsRefusedAtOnce(t *testing.T) {
	greet := func(change func([]byte)) []byte {
		b := zmtp.AppendGreeting(nil, zmtp.Greeting{Major: 3, Minor: 1, Mechanism: "NULL"})
		change(b)
		return b
	}
	plain := func([]byte) {}
	ready := func(socket string) []byte {
		return zmtp.AppendCommand(nil, "READY", zmtp.AppendMetadata(nil, zmtp.Metadata{{Name: "socket-type", Value: []byte(socket)}}))
	}
	with := func(parts ...[]byte) string {
		s := ""
		for _, p := range parts {
			s += string(p)
		}
		return s
	}
	for name, row := range map[string]struct{ says, reason string }{
		"a web server":       {"HTTP/1.1 400 Bad Request\r\n", "malformed"},
		"ZMTP 2.0":           {"\xff\x00\x00\x00\x00\x00\x00\x00\x00\x7f\x01\x01", "version not supported"},
		"another mechanism":  {with(greet(func(b []byte) { copy(b[12:], "CURVE") })), "asks for CURVE"},
		"the other endpoint": {with(greet(plain), ready("SUB")), "is the other of the two endpoints meant?"},
		"a REP socket":       {with(greet(plain), ready("REP")), "a REP socket"},
		"an unknown socket":  {with(greet(plain), ready("\x00")), `socket type "\x00"`},
		"no socket":          {with(greet(plain), zmtp.AppendCommand(nil, "READY", nil)), "no Socket-Type"},
		"torn metadata":      {with(greet(plain), zmtp.AppendCommand(nil, "READY", []byte("\x0bSocket-Type\x00\x00\x00\xffPUB"))), "malformed"},
		"an ERROR":           {with(greet(plain), zmtp.AppendError(nil, "not you")), `"not you"`},
		"a message first":    {with(greet(plain), zmtp.AppendFrame(nil, 0, []byte("x"))), "before the handshake's end"},
		"another command":    {with(greet(plain), zmtp.AppendCommand(nil, "HELLO", nil)), "instead of READY"},
	} {
		t.Run(name, func(t *testing.T) {
			h := listen(t)
			go func() { // ends when the bus hangs up
				conn, err := h.Accept()
				if err != nil {
					return
				}
				defer conn.Close()
				conn.Write([]byte(row.says))
				for b := make([]byte, 512); err == nil; {
					_, err = conn.Read(b)
				}
			}()
			_, err := bus.Dial(within(t, patience), bus.Options{Frontend: h.endpoint})
			if err == nil || !strings.Contains(err.Error(), row.reason) || errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("got %v, want %q", err, row.reason)
			}
		})
	}
}

func TestASubscriberSurvivesWhatItsPeerSends(t *testing.T) {
	h := listen(t)
	later := joining(t, bus.Options{Frontend: h.endpoint, Topics: []string{"a", "b"}})
	p := h.accept(t).shake(zmtp.PUB)
	p.sees("\x01a")
	p.sees("\x01b")
	p.message("before it joined")
	p.pong()
	p.pong()
	b := later()
	receive(t, b, "before it joined")

	p.command("NEWS", "of a later version")
	p.write(zmtp.AppendFrame(nil, zmtp.More, []byte("one of two frames")))
	p.write(zmtp.AppendFrame(nil, 0, []byte("and the other")))
	p.message("")
	receive(t, b, "")
	p.write(zmtp.AppendPing(nil, time.Second, []byte("context")))
	if name, data, err := p.next(); name != zmtp.PongCommand || data != "context" {
		t.Errorf("a PING was answered by %s %q, %v", name, data, err)
	}

	for name, bytes := range map[string][]byte{
		"a frame of 2^62 bytes":   binary.BigEndian.AppendUint64([]byte{2}, 1<<62),
		"a frame of 64 MiB and 1": binary.BigEndian.AppendUint64([]byte{2}, bus.MaxMessage+1),
		"a command of 1 MiB":      binary.BigEndian.AppendUint64([]byte{6}, 1<<20),
		"a part of 2^40 bytes":    binary.BigEndian.AppendUint64([]byte{3}, 1<<40),
		"reserved flags":          {0x80, 0},
		"a torn PING":             zmtp.AppendCommand(nil, zmtp.PingCommand, []byte{0}),
		"a command without name":  {4, 0},
		"a torn command":          {4, 2, 9, 'x'},
	} {
		p.write(bytes)
		if _, _, err := p.next(); err == nil {
			t.Errorf("%s: the connection was kept", name)
		}
		p = h.accept(t).shake(zmtp.PUB)
		p.sees("\x01a")
		p.sees("\x01b")
		p.pong()
		p.pong()
		rejoined(t, b)
		p.message("again")
		receive(t, b, "again")
	}
}

// A peer of ZMTP 3.0 knows neither PING nor SUBSCRIBE.
func TestAPeerOfZMTP30IsNotAsked(t *testing.T) {
	h := listen(t)
	later := joining(t, bus.Options{Frontend: h.endpoint, Topics: []string{"a"}})
	p := h.accept(t)
	p.write(zmtp.AppendGreeting(nil, zmtp.Greeting{Major: 3, Minor: 0, Mechanism: "NULL"}))
	if _, err := p.Read(make([]byte, zmtp.GreetingSize)); err != nil {
		t.Fatal(err)
	}
	p.write(zmtp.AppendCommand(nil, "READY", zmtp.AppendMetadata(nil, zmtp.Metadata{{Name: "Socket-Type", Value: []byte("PUB")}})))
	if name, _, err := p.next(); name != "READY" {
		t.Fatalf("saw %s, %v", name, err)
	}
	if name, body, err := p.next(); name != "" || body != "\x01a" {
		t.Fatalf("saw %s %q, %v", name, body, err)
	}
	b := later()
	p.message("a")
	receive(t, b, "a")
}

func TestAPublisherIsJoinedByEitherKindOfSubscription(t *testing.T) {
	for name, subscription := range map[string][]byte{
		"command": zmtp.AppendCommand(nil, zmtp.SubscribeCommand, nil),
		"message": zmtp.AppendFrame(nil, 0, []byte{1}),
	} {
		t.Run(name, func(t *testing.T) {
			h := listen(t)
			later := joining(t, bus.Options{Backend: h.endpoint})
			p := h.accept(t).shake(zmtp.SUB)
			p.write(subscription)
			b := later()
			publish(t, b, "x")
			p.sees("x")
		})
	}
}

// joinedPublisher is a Bus whose peer does not read.
func joinedPublisher(t *testing.T, queue int) (*bus.Bus, hub, peer) {
	h := listen(t)
	later := joining(t, bus.Options{Backend: h.endpoint, Queue: queue})
	p := h.accept(t).shake(zmtp.SUB)
	p.command(zmtp.SubscribeCommand, "")
	return later(), h, p
}

func TestAFullQueueIsSaidAndCounted(t *testing.T) {
	b, _, _ := joinedPublisher(t, 10)
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	full := uint64(0)
	for waited := false; !waited; { // until the kernel's buffers are full, too
		err := b.Publish(ended, make([]byte, 64<<10))
		if err == nil {
			continue
		}
		if !errors.Is(err, bus.ErrFull) {
			t.Fatal(err)
		}
		full++
		if err = b.Publish(within(t, 20*time.Millisecond), make([]byte, 64<<10)); err != nil {
			full++
			waited = errors.Is(err, bus.ErrFull) && errors.Is(err, context.DeadlineExceeded)
		}
	}
	if got := b.Dropped(); got != full {
		t.Errorf("%d dropped, want %d", got, full)
	}
	err := b.Close(ended)
	if err == nil || !strings.Contains(err.Error(), "messages not sent") || b.Dropped() <= full {
		t.Errorf("closed with %v, %d dropped", err, b.Dropped())
	}
	if err := b.Publish(t.Context(), nil); !errors.Is(err, bus.ErrClosed) {
		t.Errorf("published on a closed bus: %v", err)
	}
	if err := b.Close(t.Context()); err != nil {
		t.Errorf("closed again: %v", err)
	}
}

func TestTheQueueIsBoundedByBytesToo(t *testing.T) {
	b, _, _ := joinedPublisher(t, 1_000_000)
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	const each, limit = 1 << 20, 48 // MiB: 32 queued, the rest is the kernel's and the one being written
	for range limit {
		if err := b.Publish(ended, make([]byte, each)); errors.Is(err, bus.ErrFull) {
			return
		}
	}
	t.Errorf("%d MiB were taken for a peer that does not read", limit)
}

// What the kernel took goes with the connection; the rest comes once.
func TestAfterALossNothingArrivesTwice(t *testing.T) {
	b, h, p := joinedPublisher(t, 0)
	const messages = 400
	body := strings.Repeat("x", 32<<10)
	sent := make(chan error, 1)
	go func() { // ends when all are taken
		for i := range messages {
			if err := b.Publish(t.Context(), append(binary.BigEndian.AppendUint16(nil, uint16(i)), body...)); err != nil {
				sent <- err
				return
			}
		}
		sent <- b.Close(t.Context())
	}()
	last := -1
	for range 10 {
		last = p.number(last)
	}
	p.Close()
	p = h.accept(t).shake(zmtp.SUB)
	p.command(zmtp.SubscribeCommand, "")
	for last < messages-1 {
		last = p.number(last)
	}
	if _, _, err := p.next(); err == nil {
		t.Error("something came after the last message")
	}
	p.Close()
	if err := <-sent; err != nil {
		t.Error(err)
	}
}

// number reads a numbered message, which has to come after the last one.
func (p peer) number(last int) int {
	p.t.Helper()
	_, body, err := p.next()
	if err != nil {
		p.t.Fatal(err)
	}
	n := int(binary.BigEndian.Uint16([]byte(body)))
	if n <= last {
		p.t.Fatalf("message %d came after %d", n, last)
	}
	return n
}

func TestReceiveEndsWithItsContextAndWithTheBus(t *testing.T) {
	h := listen(t)
	later := joining(t, bus.Options{Frontend: h.endpoint})
	p := h.accept(t).shake(zmtp.XPUB)
	p.pong()
	p.pong()
	b := later()
	if _, err := b.Receive(within(t, time.Millisecond)); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
	received := make(chan error, 1)
	go func() { // ends with the bus
		_, err := b.Receive(t.Context())
		received <- err
	}()
	if err := b.Close(t.Context()); err != nil {
		t.Error(err)
	}
	if err := <-received; !errors.Is(err, bus.ErrClosed) {
		t.Errorf("got %v", err)
	}
}

func TestABusOfOneSideSaysSo(t *testing.T) {
	b, _, _ := joinedPublisher(t, 0)
	if _, err := b.Receive(t.Context()); err == nil {
		t.Error("received without a frontend")
	}
	if err := b.Subscribe(t.Context(), "x"); err == nil {
		t.Error("subscribed without a frontend")
	}
	h := listen(t)
	later := joining(t, bus.Options{Frontend: h.endpoint})
	p := h.accept(t).shake(zmtp.PUB)
	p.pong()
	p.pong()
	if err := later().Publish(t.Context(), nil); err == nil {
		t.Error("published without a backend")
	}
}

func TestSubscribeReturnsWhenThePeerHasReadIt(t *testing.T) {
	h := listen(t)
	later := joining(t, bus.Options{Frontend: h.endpoint})
	p := h.accept(t).shake(zmtp.PUB)
	p.pong()
	p.pong()
	b := later()
	done := make(chan error, 1)
	go func() { done <- b.Subscribe(t.Context(), "x") }() // ends with the second PONG
	p.sees("\x01x")
	p.pong()
	select {
	case err := <-done:
		t.Fatalf("returned before the second PONG: %v", err)
	default:
	}
	p.pong()
	if err := <-done; err != nil {
		t.Error(err)
	}
	if err := b.Subscribe(t.Context(), "x"); err != nil { // known: nothing is sent
		t.Error(err)
	}
}
