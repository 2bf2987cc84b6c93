package forwarder

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"zmicroservices/taskservice/zmtp"
)

func TestAMessageReachesThoseWhoSubscribedToAPrefixOfIt(t *testing.T) {
	d := start(t, nil)
	all := d.subscriber(t, "")
	control := d.subscriber(t, "control")
	both := d.subscriber(t, "con", "control", "x")
	none := d.subscriber(t, "controlled")
	p := d.publisher(t, 0)
	p.say("control @@@ {}")
	p.say("context @@@ {}")
	p.say("xyz")
	p.say("y")
	p.say("controlled")
	all.hears("control @@@ {}", "context @@@ {}", "xyz", "y", "controlled")
	control.hears("control @@@ {}", "controlled")
	both.hears("control @@@ {}", "context @@@ {}", "xyz", "controlled")
	none.hears("controlled")
}

func TestSubscriptionsAreASetPerPeer(t *testing.T) {
	for minor := byte(0); minor <= 1; minor++ {
		t.Run(fmt.Sprintf("ZMTP 3.%d", minor), func(t *testing.T) {
			d := start(t, nil)
			peer := zmtp.Greeting{Major: 3, Minor: minor}
			s := dial(t, d.Back()[0], minor, "SUB")
			p := d.publisher(t, minor)
			for range 3 {
				s.send(zmtp.AppendSubscription(nil, peer, true, []byte("a")))
			}
			s.sync()
			p.say("a1")
			s.hears("a1")
			s.send(zmtp.AppendSubscription(nil, peer, false, []byte("a")))
			s.send(zmtp.AppendSubscription(nil, peer, false, []byte("never")))
			s.send(zmtp.AppendSubscription(nil, peer, true, []byte("b")))
			s.sync()
			p.say("a2")
			p.say("b1")
			s.hears("b1")
		})
	}
}

func TestFramesAreForwardedUnchanged(t *testing.T) {
	d := start(t, nil)
	s := d.subscriber(t, "")
	p := d.publisher(t, 0)
	// A size below 256 in the long form is the sender's choice, and stays.
	odd := []byte{2, 0, 0, 0, 0, 0, 0, 0, 3, 'o', 'd', 'd'}
	multi := wire("a", "", "\x00\xff\x01", strings.Repeat("z", 300), "")
	p.send(append(append(odd, multi...), wire("")...))
	got := make([]byte, len(odd)+len(multi)+2)
	if _, err := readFull(s, got); err != nil {
		t.Fatal(err)
	}
	if want := string(odd) + string(multi) + "\x00\x00"; string(got) != want {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

func TestCommandsBetweenFramesAreTakenOut(t *testing.T) {
	d := start(t, nil)
	s := d.subscriber(t, "")
	p := d.publisher(t, 1)
	ping := zmtp.AppendPing(nil, 0, []byte("here"))
	var b []byte
	b = append(b, ping...)
	b = zmtp.AppendFrame(b, zmtp.More, []byte("one"))
	b = append(b, ping...)
	b = zmtp.AppendCommand(b, "LATER", []byte("of a ZMTP to come"))
	b = zmtp.AppendFrame(b, zmtp.More, []byte(strings.Repeat("2", 100_000)))
	b = append(b, ping...)
	b = zmtp.AppendFrame(b, 0, []byte("three"))
	b = append(b, ping...)
	b = append(b, wire("next")...)
	p.send(b)
	if got := s.hear(); len(got) != 3 || got[0] != "one" || len(got[1]) != 100_000 || got[2] != "three" {
		t.Errorf("heard %.100q", got)
	}
	s.hears("next")
	for range 4 {
		if h, body := p.frame(); !h.Command() || string(body) != "\x04PONGhere" {
			t.Errorf("%v %q instead of PONG", h, body)
		}
	}
}

// Whatever the sizes, whatever the cuts between writes: what comes out is what
// went in.
func TestAnyStreamOfMessagesComesOutAsItWentIn(t *testing.T) {
	d := start(t, func(o *Options) {
		o.Priority = []string{"c"}
		o.Limits.QueueMessages, o.Limits.QueueBytes = 1<<20, 1<<30
	})
	edges := []int{0, 1, 8, 255, 256, headRoom - 10, headRoom, straddle - 9, straddle, straddle + 1, bigChunk - 9, bigChunk, bigChunk + 1, 3 * bigChunk}
	for seed := range uint64(6) {
		r := rand.New(rand.NewPCG(seed, 1))
		size := func() int {
			switch r.IntN(4) {
			case 0:
				return max(0, edges[r.IntN(len(edges))]+r.IntN(21)-10)
			case 1:
				return r.IntN(200_000)
			default:
				return r.IntN(600)
			}
		}
		var stream []byte
		for range 120 {
			frames := []string{strings.Repeat(string('a'+rune(r.IntN(4))), size())}
			for r.IntN(4) == 0 {
				frames = append(frames, strings.Repeat("f", size()))
			}
			stream = append(stream, wire(frames...)...)
		}
		all, some, p := d.subscriber(t, ""), d.subscriber(t, "a", "aa", "c"), d.publisher(t, 0)
		go func() {
			for rest := stream; len(rest) > 0; {
				n := min(len(rest), 1+r.IntN(100_000))
				if _, err := p.Write(rest[:n]); err != nil {
					return
				}
				rest = rest[n:]
			}
		}()
		got := make([]byte, len(stream))
		if _, err := readFull(all, got); err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		if string(got) != string(stream) {
			t.Fatalf("seed %d: not what was sent", seed)
		}
		want := selected(t, stream, "ac")
		got = make([]byte, len(want))
		if _, err := readFull(some, got); err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		if string(got) != string(want) {
			t.Fatalf("seed %d: not what was selected", seed)
		}
		for _, c := range []*client{all, some, p} {
			_ = c.Close()
		}
	}
}

// selected is the messages of a stream whose first byte is one of first.
func selected(t *testing.T, stream []byte, first string) (out []byte) {
	t.Helper()
	for len(stream) > 0 {
		message, take := stream, false
		for i, more := 0, true; more; i++ {
			h, body, rest, err := zmtp.SplitFrame(stream)
			if err != nil {
				t.Fatal(err)
			}
			if i == 0 {
				take = len(body) > 0 && strings.IndexByte(first, body[0]) >= 0
			}
			stream, more = rest, h.More()
		}
		if take {
			out = append(out, message[:len(message)-len(stream)]...)
		}
	}
	return out
}

func TestManyPublishersKeepTheirOrderAndNeverMix(t *testing.T) {
	const publishers, messages = 8, 400
	d := start(t, nil)
	subs := []*client{d.subscriber(t, ""), d.subscriber(t, "")}
	for who := range publishers {
		p := d.publisher(t, byte(who%2))
		go func() {
			for i := range messages {
				if _, err := p.Write(wire(numbered(byte(who), i, 20+i*7), numbered(byte(who), i, 20))); err != nil {
					return
				}
			}
		}()
	}
	for _, s := range subs {
		next := map[byte]int{}
		for range publishers * messages {
			m := s.hear()
			who, n := m[0][0], number(m[0])
			if len(m) != 2 || m[1][0] != who || number(m[1]) != n || n != next[who] {
				t.Fatalf("publisher %d: %d after %d", who, n, next[who]-1)
			}
			next[who]++
		}
	}
}

func TestPublishReachesSubscribersInOrder(t *testing.T) {
	d := start(t, nil)
	s := d.subscriber(t, "control")
	long := "control @@@ " + strings.Repeat("l", 300_000)
	for i := range 100 {
		if err := d.Publish([]byte(fmt.Sprint("control @@@ ", i))); err != nil {
			t.Fatal(err)
		}
	}
	if err := d.Publish([]byte(long)); err != nil {
		t.Fatal(err)
	}
	for i := range 100 {
		s.hears(fmt.Sprint("control @@@ ", i))
	}
	s.hears(long)
	d.stop()
	if err := d.Publish([]byte("x")); err == nil {
		t.Error("Publish after the end returns nil")
	}
}
