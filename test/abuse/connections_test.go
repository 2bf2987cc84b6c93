package abuse

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"slices"
	"sync"
	"testing"
	"time"

	"zmicroservices/taskservice/zmtp"
	"zmicroservices/test/harness"
)

// rudeness is one way to misbehave on a connection: what is said; the connection
// is kept open afterwards, and never read.
type rudeness struct {
	name string
	say  func(r *rand.Rand) []byte
}

var rude = []rudeness{
	{"says nothing", func(*rand.Rand) []byte { return nil }},
	{"garbage", func(r *rand.Rand) []byte {
		b := make([]byte, 100+r.IntN(4000))
		for i := range b {
			b[i] = byte(r.Uint32())
		}
		return b
	}},
	{"gzip", func(r *rand.Rand) []byte { return compressed(r, "\x1f\x8b\x08\x00") }},
	{"zstd", func(r *rand.Rand) []byte { return compressed(r, "\x28\xb5\x2f\xfd") }},
	{"TLS", func(r *rand.Rand) []byte { return compressed(r, "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03") }},
	{"HTTP", func(*rand.Rand) []byte { return []byte("GET / HTTP/1.1\r\nHost: x\r\n\r\n") }},
	{"half a greeting", func(r *rand.Rand) []byte { return harness.Greeting()[:1+r.IntN(63)] }},
	{"greeting alone", func(*rand.Rand) []byte { return harness.Greeting() }},
	{"half a READY", func(*rand.Rand) []byte {
		ready := harness.Ready(zmtp.PUB)
		return append(harness.Greeting(), ready[:len(ready)/2]...)
	}},
	{"metadata that ends early", func(*rand.Rand) []byte {
		return append(harness.Greeting(), zmtp.AppendCommand(nil, zmtp.ReadyCommand, []byte("\x0bSocket-Ty"))...)
	}},
	{"truncated metadata", func(*rand.Rand) []byte {
		return append(harness.Greeting(), zmtp.AppendCommand(nil, zmtp.ReadyCommand, []byte("\x0bSocket-Type\xff\xff\xff\xffPUB"))...)
	}},
	{"no socket type", func(*rand.Rand) []byte {
		return append(harness.Greeting(), zmtp.AppendCommand(nil, zmtp.ReadyCommand, nil)...)
	}},
	{"socket type empty", func(*rand.Rand) []byte { return append(harness.Greeting(), harness.Ready("")...) }},
	{"socket type unknown", func(*rand.Rand) []byte { return append(harness.Greeting(), harness.Ready("NONSENSE")...) }},
	{"socket type of others", func(*rand.Rand) []byte { return append(harness.Greeting(), harness.Ready("DEALER")...) }},
	{"mechanism unknown", func(*rand.Rand) []byte {
		return zmtp.AppendGreeting(nil, zmtp.Greeting{Major: 3, Minor: 1, Mechanism: "PLAIN"})
	}},
	{"half a HELLO", func(*rand.Rand) []byte {
		return append(curveGreeting(), zmtp.AppendCommand(nil, "HELLO", make([]byte, 194))[:60]...)
	}},
	{"HELLO of garbage", func(r *rand.Rand) []byte {
		return append(curveGreeting(), zmtp.AppendCommand(nil, "HELLO", compressed(r, "\x01\x00")[:194])...)
	}},
	{"HELLO of 2^62 bytes", func(*rand.Rand) []byte { return append(curveGreeting(), absurd(zmtp.Command, 1<<62)...) }},
	{"READY of 2^62 bytes", func(*rand.Rand) []byte { return append(harness.Greeting(), absurd(zmtp.Command, 1<<62)...) }},
	{"message of 2^62 bytes", spoken(absurd(0, 1<<62))},
	{"message of 2^40 bytes", spoken(absurd(0, 1<<40))},
	{"message just over the limit", spoken(absurd(0, 64<<20+1))},
	{"message that never ends", spoken(append(absurd(0, 32<<20), make([]byte, 64<<10)...))},
	{"reserved flags", spoken([]byte{0xf8, 1, 0})},
	{"empty command", spoken([]byte{byte(zmtp.Command), 0})},
	{"many frames, no last", spoken(bytes.Repeat(zmtp.AppendFrame(nil, zmtp.More, []byte("more")), 2000))},
	{"compressed messages", func(r *rand.Rand) []byte {
		return spoken(zmtp.AppendFrame(nil, 0, compressed(r, "control @@@ \x1f\x8b\x08\x00")))(r)
	}},
	{"long subscription", spoken(zmtp.AppendCommand(nil, zmtp.SubscribeCommand, bytes.Repeat([]byte{'x'}, 70_000)))},
	{"joins and stalls", spoken(nil)},
}

// compressed is what looks like the beginning of a stream in some format.
func compressed(r *rand.Rand, magic string) []byte {
	b := []byte(magic)
	for range 2000 {
		b = append(b, byte(r.Uint32()))
	}
	return b
}

// spoken is said after a good handshake, as a publisher or as a subscriber.
func spoken(b []byte) func(*rand.Rand) []byte {
	return func(r *rand.Rand) []byte {
		kind := zmtp.PUB
		if r.IntN(2) == 0 {
			kind = zmtp.SUB
		}
		return append(append(harness.Greeting(), harness.Ready(kind)...), b...)
	}
}

// absurd is the long header of a frame.
func absurd(flags zmtp.Flags, size uint64) []byte {
	return binary.BigEndian.AppendUint64([]byte{byte(flags | zmtp.Long)}, size)
}

// Both ways at once: most of it is a wait for the ten seconds that a handshake has.
func Test200RudeConnectionsDisturbNobody(t *testing.T) {
	bothWays(t, func(t *testing.T, s *site) {
		t.Parallel()
		testRude(t, s)
	})
}

func testRude(t *testing.T, s *site) {
	r := rand.New(rand.NewPCG(1, 2))
	var open []net.Conn
	for i := range 200 {
		endpoint := s.Publish
		if i%2 == 1 {
			endpoint = s.Subscribe
		}
		c, err := harness.Connect(endpoint)
		if err != nil {
			t.Fatal(err)
		}
		open = append(open, c)
		defer c.Close()
		if err := c.SetWriteDeadline(time.Now().Add(bearable)); err != nil {
			t.Fatal(err)
		}
		// The provider may have hung up already, which is its right.
		_, _ = c.Write(rude[(i/2)%len(rude)].say(r))
	}
	s.served("while 200 are rude")
	s.bounded("while 200 are rude", 64)

	// The handshake has ten seconds; who has not said a word by then is cut, and so
	// is who says one byte after the other.
	slow := lorises(t, s, 20)
	silent := open[0]
	if err := silent.SetReadDeadline(time.Now().Add(harness.Patience)); err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(io.Discard, silent); err != nil {
		t.Errorf("the silent one was not hung up on: %v", err)
	}
	slow()
	s.served("while 20 are slow")
	for _, c := range open {
		_ = c.Close()
	}
	s.recovered()
}

// lorises open connections and send a byte of a good greeting every now and then;
// the function that it gives waits until all were hung up on.
func lorises(t *testing.T, s *site, n int) (wait func()) {
	t.Helper()
	var slow []net.Conn
	for i := range n {
		endpoint := s.Publish
		if i%2 == 1 {
			endpoint = s.Subscribe
		}
		c, err := harness.Connect(endpoint)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = c.Close() })
		slow = append(slow, c)
	}
	var running sync.WaitGroup
	running.Go(func() { // ends when nobody is left to write to
		const every = 400 * time.Millisecond // a greeting would take 25 s
		tick := time.NewTicker(every)
		defer tick.Stop()
		left := slices.Clone(slow)
		for i := 0; len(left) > 0 && i < zmtp.GreetingSize; i++ {
			left = slices.DeleteFunc(left, func(c net.Conn) bool {
				_, err := c.Write(harness.Greeting()[i : i+1])
				return err != nil
			})
			<-tick.C
		}
	})
	return func() {
		t.Helper()
		for i, c := range slow {
			_ = c.SetReadDeadline(time.Now().Add(harness.Patience))
			if _, err := io.Copy(io.Discard, c); isTimeout(err) {
				t.Errorf("slow one %d was not hung up on: %v", i, err)
			}
			_ = c.Close()
		}
		running.Wait()
	}
}

// isTimeout says that nothing came in time, rather than that the peer hung up.
func isTimeout(err error) bool { return errors.Is(err, os.ErrDeadlineExceeded) }
