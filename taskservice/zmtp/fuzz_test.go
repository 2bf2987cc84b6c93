package zmtp

import (
	"bytes"
	"testing"
	"testing/iotest"
)

func FuzzGreeting(f *testing.F) {
	for _, g := range []Greeting{{3, 0, "NULL", false}, {3, 1, "CURVE", true}, {4, 2, "PLAIN", false}} {
		f.Add(AppendGreeting(nil, g))
	}
	f.Add([]byte{0xff, 0, 0, 0, 0, 0, 0, 0, 1, 0x7f, 1, 1})
	f.Add([]byte{1, 0})
	f.Fuzz(func(t *testing.T, b []byte) {
		g, err := ParseGreeting(b)
		for n := range min(len(b), GreetingSize) + 1 {
			// What is refused at a beginning is refused for good.
			if CheckVersion(b[:n]) != nil && err == nil {
				t.Errorf("%q is refused and the whole is not", b[:n])
			}
		}
		if err != nil {
			return
		}
		again, err := ParseGreeting(AppendGreeting(nil, g))
		if err != nil || again != g {
			t.Errorf("%+v comes back as %+v, %v", g, again, err)
		}
	})
}

func FuzzFrame(f *testing.F) {
	f.Add(AppendFrame(nil, More, []byte("control @@@ {}")))
	f.Add(AppendFrame(nil, 0, make([]byte, 300)))
	f.Add([]byte{2, 0x40, 0, 0, 0, 0, 0, 0, 0})
	f.Add([]byte{2, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff})
	f.Add([]byte{6, 0, 0, 0, 0, 0, 0, 0, 1, 0})
	f.Fuzz(func(t *testing.T, b []byte) {
		h, body, rest, err := SplitFrame(b)
		if err != nil {
			if len(rest) != len(b) {
				t.Error("an error and bytes are gone")
			}
			return
		}
		if h.Size < 0 || int(h.Size) != len(body) || h.Len+len(body)+len(rest) != len(b) {
			t.Errorf("%+v of %d bytes: %d and %d", h, len(b), len(body), len(rest))
		}
		again := AppendFrame(nil, h.Flags, body)
		g, same, rest, err := SplitFrame(again)
		if err != nil || !bytes.Equal(same, body) || len(rest) != 0 || g.Flags&^Long != h.Flags&^Long {
			t.Errorf("%+v comes back as %+v, %v", h, g, err)
		}
	})
}

func FuzzCommand(f *testing.F) {
	for _, frame := range [][]byte{
		AppendPing(nil, 100, []byte("context")), AppendPong(nil, nil), AppendError(nil, "no"),
		AppendSubscription(nil, Greeting{Major: 3, Minor: 1}, true, []byte("control")),
		Null{Metadata: Metadata{{SocketTypeProperty, []byte("XPUB")}, {IdentityProperty, nil}}}.Open(),
	} {
		_, body, _, err := SplitFrame(frame)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(body)
	}
	f.Add([]byte("\x05READY\x0bSocket-Type\xff\xff\xff\xffSUB"))
	f.Fuzz(func(t *testing.T, body []byte) {
		name, data, err := ParseCommand(body)
		if err != nil {
			return
		}
		if len(name) == 0 || 1+len(name)+len(data) != len(body) {
			t.Errorf("%q and %q of %q", name, data, body)
		}
		_, again, _, err := SplitFrame(AppendCommand(nil, string(name), data))
		if err != nil || !bytes.Equal(again, body) {
			t.Errorf("%q comes back as %q, %v", body, again, err)
		}
		if ttl, context, err := ParsePing(data); err == nil && !bytes.Equal(AppendPing(nil, ttl, context)[2+5:], data) {
			t.Errorf("PING %q comes back as %q", data, AppendPing(nil, ttl, context))
		}
		_, _ = ParseError(data)
		_, _, _ = ParseSubscription(data)
		m, err := ParseMetadata(data)
		if err != nil {
			return
		}
		if len(m) > MaxProperties || !bytes.Equal(AppendMetadata(nil, m), data) {
			t.Errorf("metadata %q comes back as %q", data, AppendMetadata(nil, m))
		}
		for _, p := range m {
			if got, ok := m.Get(p.Name); !ok || !bytes.Equal(got, p.Value) {
				t.Errorf("%q is %q, got %q", p.Name, p.Value, got)
			}
		}
	})
}

// counting notes how much was read.
type counting struct {
	*bytes.Reader
	said bytes.Buffer
}

func (c *counting) Write(b []byte) (int, error) { return c.said.Write(b) }

func FuzzSession(f *testing.F) {
	good := AppendGreeting(nil, Greeting{Major: 3, Minor: 1, Mechanism: "NULL"})
	for _, t := range []string{"SUB", "XSUB", "PUB", "", "BUS"} {
		f.Add(append(AppendCommand(bytes.Clone(good), ReadyCommand, AppendMetadata(nil, Metadata{{"Socket-Type", []byte(t)}})), "\x00\x01\x01"...))
	}
	f.Add(append(bytes.Clone(good), 6, 0x40, 0, 0, 0, 0, 0, 0, 0))
	f.Add(AppendError(bytes.Clone(good), "no"))
	f.Add(AppendGreeting(nil, Greeting{Major: 3, Mechanism: "CURVE"}))
	f.Fuzz(func(t *testing.T, in []byte) {
		c := &counting{Reader: bytes.NewReader(in)}
		session, err := Handshake(c, server)
		if c.said.Len() > 2*GreetingSize+512 {
			t.Errorf("said %d bytes", c.said.Len())
		}
		// However the bytes are cut, the verdict is the same.
		slow := &pipe{Reader: iotest.OneByteReader(bytes.NewReader(in))}
		again, err2 := Handshake(slow, server)
		if (err == nil) != (err2 == nil) {
			t.Fatalf("at once %v, byte by byte %v", err, err2)
		}
		if err != nil {
			return
		}
		if session.Peer != again.Peer || session.Peer != SUB && session.Peer != XSUB || session.Greeting.Major < 3 {
			t.Errorf("%+v", session)
		}
	})
}
