package bus

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-zeromq/zmq4"
	"github.com/go-zeromq/zmq4/security/null"

	"zmicroservices/taskservice/zmtp"
	"zmicroservices/taskservice/zmtp/curve"
)

func TestPausesGrowAndStayWithinTheirBounds(t *testing.T) {
	b := newBackoff()
	for range 2 {
		for i, most := 0, b.first; i < 20; i, most = i+1, min(2*most, b.longest) {
			if d := b.pause(); d < most/2 || d > most {
				t.Errorf("pause %d is %v, want %v to %v", i, d, most/2, most)
			}
		}
		b.reset()
	}
}

func TestAPauseEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &backoff{first: time.Hour, longest: time.Hour}
		if err := b.wait(t.Context()); err != nil {
			t.Error(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := b.wait(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
	})
}

func TestQueue(t *testing.T) {
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	q := newQueue(3, 10)
	put := func(frame string, want error) {
		t.Helper()
		if err := q.put(ended, []byte(frame)); !errors.Is(err, want) {
			t.Errorf("put %q: %v, want %v", frame, err, want)
		}
	}
	put("a frame heavier than all", nil)
	put("", context.Canceled)
	if frames, _ := q.take(nil, 0); len(frames) != 1 {
		t.Errorf("took %q", frames)
	}
	put("1", nil)
	put("22", nil)
	put("333", nil)
	put("4", context.Canceled) // three are enough
	frames, _ := q.take(nil, 4)
	if len(frames) != 2 || string(frames[1]) != "22" {
		t.Errorf("took %q of a weight of 4", frames)
	}
	put("55555555", context.Canceled) // eleven bytes
	put("5555555", nil)
	if q.owed() != 5 {
		t.Errorf("owes %d, want 5", q.owed())
	}
	q.settle(3)
	q.close()
	put("", ErrClosed)
	frames, closed := q.take(nil, 100)
	if len(frames) != 2 || !closed || q.owed() != 2 {
		t.Errorf("took %q, %v, owes %d", frames, closed, q.owed())
	}
}

func TestAQueueWakesEverybody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := newQueue(1, 100)
		const putters = 10
		for range putters {
			go func() { // ends when there was room
				if err := q.put(t.Context(), []byte("x")); err != nil {
					t.Error(err)
				}
			}()
		}
		for range putters {
			synctest.Wait()
			if _, ok := q.takeOne(); !ok {
				t.Fatal("nobody has put anything")
			}
		}
		for range putters {
			go func() { // ends with the queue
				if err := q.put(t.Context(), []byte("x")); err != nil && !errors.Is(err, ErrClosed) {
					t.Error(err)
				}
			}()
		}
		synctest.Wait()
		q.close()
		synctest.Wait()
	})
}

// narrow is a connection that takes so many bytes.
type narrow struct {
	net.Conn
	room int
	got  bytes.Buffer
}

func (c *narrow) Write(p []byte) (int, error) {
	n := min(len(p), c.room)
	c.room -= n
	c.got.Write(p[:n])
	if n < len(p) {
		return n, io.ErrClosedPipe
	}
	return n, nil
}

// greeted is an outlet to which zmq4 has said what it says to shake hands.
func greeted(t *testing.T, conn net.Conn, session *curve.Session) *outlet {
	t.Helper()
	o := &outlet{conn: conn, session: session}
	o.Write(zmtp.AppendGreeting(nil, zmtp.Greeting{Major: 3, Mechanism: "NULL"}))
	o.Write(zmtp.AppendCommand(nil, zmtp.ReadyCommand, zmtp.AppendMetadata(nil, socketType(zmtp.SUB))))
	if written, err := o.flush(); written != 0 || err != nil || conn.(*narrow).got.Len() != 0 {
		t.Fatalf("%d messages, %d bytes, %v", written, conn.(*narrow).got.Len(), err)
	}
	return o
}

func TestOutletCountsWhatWasWrittenWhole(t *testing.T) {
	for room := range 40 {
		conn := &narrow{room: room}
		o := greeted(t, conn, nil)
		for range 3 { // as zmq4 writes: the header, then the body
			o.Write([]byte{0, 8})
			if conn.got.Len() > 0 {
				t.Fatal("a header was written before its body")
			}
			o.Write([]byte("12345678"))
		}
		written, err := o.flush()
		if want := min(uint64(room/10), 3); written != want || (err == nil) != (room >= 30) {
			t.Errorf("room for %d bytes: %d written, %v; want %d", room, written, err, want)
		}
		if err := o.command(zmtp.AppendPong(nil, nil)); (err == nil) != (room >= 37) {
			t.Errorf("room for %d bytes: PONG: %v", room, err)
		}
	}
}

func TestAPongDoesNotLandInsideAMessage(t *testing.T) {
	conn := &narrow{room: 1000}
	o := greeted(t, conn, nil)
	o.Write([]byte{0, 4})
	o.Write([]byte("bo"))
	if err := o.command(zmtp.AppendPong(nil, nil)); err != nil {
		t.Fatal(err)
	}
	o.Write([]byte("dy"))
	if _, err := o.flush(); err != nil {
		t.Fatal(err)
	}
	if want := "\x04\x05\x04PONG\x00\x04body"; conn.got.String() != want {
		t.Errorf("wrote %q, want %q", conn.got.String(), want)
	}
}

// A connection whose other end is gone without a word ends after a minute.
func TestASilentPeerIsLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ours, theirs := net.Pipe()
		go func() { // ends with the connection
			defer theirs.Close()
			answered := 0
			for b := make([]byte, 100); ; { // one PING a read
				if _, err := theirs.Read(b); err != nil {
					return
				}
				if answered++; answered <= 3 {
					theirs.Write(zmtp.AppendPong(nil, make([]byte, 8)))
				}
			}
		}()
		g := newGuard(ours, MaxMessage, agreement{Session: &zmtp.Session{Greeting: zmtp.Greeting{Major: 3, Minor: 1}, Peer: zmtp.PUB}})
		z, err := zmq4.Open(g, null.Security(), zmq4.Sub, nil, false, nil)
		if err != nil {
			t.Fatal(err)
		}
		l := &link{guard: g, zmq: z, lost: make(chan struct{})}
		go l.read(func([]byte) {}) // ends with the connection
		begin := time.Now()
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		go l.watch(ctx) // ends with ctx
		<-l.lost
		// The three that are answered, the one that finds the last answer, two that
		// find none and the one that gives up.
		if took := time.Since(begin); took != 7*beat {
			t.Errorf("took %v", took)
		}
		l.hangUp()
	})
}

// stream is what a peer sends, and swallows what it is sent.
type stream struct {
	net.Conn
	io.Reader
}

func (s stream) Read(p []byte) (int, error)  { return s.Reader.Read(p) }
func (s stream) Write(p []byte) (int, error) { return len(p), nil }
func (s stream) Close() error                { return nil }

// FuzzGuard is a peer that sends anything: zmq4 must neither panic nor be asked
// for more memory than the peer has paid for by sending.
func FuzzGuard(f *testing.F) {
	greeting := zmtp.AppendGreeting(nil, zmtp.Greeting{Major: 3, Minor: 1, Mechanism: "NULL"})
	ready := zmtp.AppendCommand(nil, "READY", zmtp.AppendMetadata(nil, socketType(zmtp.PUB)))
	begin := append(bytes.Clone(greeting), ready...)
	for _, tail := range [][]byte{
		nil,
		zmtp.AppendFrame(nil, 0, []byte("control @@@ {}")),
		zmtp.AppendFrame(zmtp.AppendFrame(nil, zmtp.More, []byte("a")), 0, []byte("b")),
		zmtp.AppendPing(nil, 0, []byte("x")),
		zmtp.AppendCommand(nil, "ERROR", []byte("\x03bad")),
		{2, 0x40, 0, 0, 0, 0, 0, 0, 0},
		{0, 0, 0, 0},
	} {
		f.Add(append(bytes.Clone(begin), tail...))
	}
	f.Add(greeting[:20])
	f.Add([]byte("HTTP/1.1 400 Bad Request\r\n\r\n"))
	f.Fuzz(func(t *testing.T, sent []byte) {
		conn := stream{Reader: bytes.NewReader(sent)}
		agreed, err := shake(conn, end{as: zmq4.Sub, peers: []zmtp.SocketType{zmtp.PUB}})
		if err == nil {
			gather(t, newGuard(conn, 1<<16, agreed))
		}
	})
}

// FuzzSealed is a peer that seals anything, and sends it whole or not.
func FuzzSealed(f *testing.F) {
	f.Add(false, false, []byte("control @@@ {}"), 0)
	f.Add(true, false, []byte("a"), 0)
	f.Add(false, true, []byte("\x04PING\x00\x00"), 0)
	f.Add(false, false, bytes.Repeat([]byte("x"), 300), 1)
	f.Fuzz(func(t *testing.T, more, command bool, body []byte, cut int) {
		ours, theirs := sessions(t)
		sent := theirs.Seal(nil, more, command, body)
		sent = theirs.Seal(sent, false, false, body)
		sent = sent[:len(sent)-min(max(cut, 0), len(sent))]
		agreed := agreement{Session: &zmtp.Session{Greeting: zmtp.Greeting{Major: 3, Minor: 1}, Peer: zmtp.PUB}, sealing: ours}
		gather(t, newGuard(stream{Reader: bytes.NewReader(sent)}, 1<<16, agreed))
	})
}

// sessions are the two ends of a sealed connection.
func sessions(t *testing.T) (client, server *curve.Session) {
	t.Helper()
	pair, err := curve.NewPair()
	if err != nil {
		t.Fatal(err)
	}
	c, err := curve.NewClient(curve.Credentials{Pair: pair, Server: pair.Public}, nil)
	if err != nil {
		t.Fatal(err)
	}
	s := curve.NewServer(curve.ServerOptions{Pair: pair, Authorize: func(curve.Key) error { return nil }})
	frame := c.Open()
	for _, half := range []zmtp.Mechanism{s, c, s, c} {
		_, body, _, err := zmtp.SplitFrame(frame)
		if err != nil {
			t.Fatal(err)
		}
		name, data, err := zmtp.ParseCommand(body)
		if err != nil {
			t.Fatal(err)
		}
		if frame, _, _, err = half.Receive(name, data); err != nil {
			t.Fatal(err)
		}
	}
	return c.Session(), s.Session()
}

// gather lets zmq4 read what g shows it.
func gather(t *testing.T, g *guard) {
	t.Helper()
	z, err := zmq4.Open(g, null.Security(), zmq4.Sub, nil, false, nil)
	for err == nil {
		var m zmq4.Msg
		if m, err = z.RecvMsg(); err == nil && len(m.Frames) != 1 {
			t.Fatalf("a message of %d frames came through", len(m.Frames))
		}
	}
}
