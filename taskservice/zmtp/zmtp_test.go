package zmtp

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"time"
)

func TestAGreetingIsRefusedByItsFirstWrongByte(t *testing.T) {
	whole := AppendGreeting(nil, Greeting{Major: 3, Minor: 1, Mechanism: "NULL"})
	with := func(i int, b byte) []byte {
		g := bytes.Clone(whole)
		g[i] = b
		return g
	}
	for _, c := range []struct {
		name string
		b    []byte
		want error
	}{
		{"whole", whole, nil},
		{"nothing", nil, ErrShort},
		{"one byte", whole[:1], ErrShort},
		{"the signature", whole[:10], ErrShort},
		{"one byte less", whole[:63], ErrShort},
		{"HTTP", []byte("G"), ErrMalformed},
		{"ZMTP 1.0 frame", []byte{1, 0}, ErrMalformed},
		{"no end of signature", with(9, 0x7d)[:10], ErrMalformed},
		{"ZMTP 1.0 long frame", with(9, 0)[:10], ErrVersion},
		{"ZMTP 2.0", with(10, 1)[:11], ErrVersion},
		{"ZMTP 4.9", with(10, 4), nil},
		{"padding of its own", with(5, 0xaa), nil},
		{"filler of its own", with(63, 0xaa), nil},
		{"lower case", with(12, 'n'), ErrMalformed},
		{"text behind the name", with(20, 'X'), ErrMalformed},
		{"no name", with(12, 0), ErrMalformed},
	} {
		if _, err := ParseGreeting(c.b); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", c.name, err, c.want)
		}
	}
	if g, err := ParseGreeting(AppendGreeting(nil, Greeting{3, 0, strings.Repeat("M", 25), true})); err != nil || g.Mechanism != strings.Repeat("M", 20) || !g.AsServer {
		t.Errorf("%+v, %v", g, err)
	}
}

func TestVersionsCompareByBothNumbers(t *testing.T) {
	for _, c := range []struct {
		major, minor byte
		want         bool
	}{{3, 0, false}, {3, 1, true}, {3, 2, true}, {4, 0, true}} {
		if got := (Greeting{Major: c.major, Minor: c.minor}).AtLeast(3, 1); got != c.want {
			t.Errorf("%d.%d: %v", c.major, c.minor, got)
		}
	}
}

func TestAHeaderIsRefusedAsSoonAsItCanBe(t *testing.T) {
	for _, c := range []struct {
		b    []byte
		want Header
		err  error
	}{
		{nil, Header{}, ErrShort},
		{[]byte{0}, Header{}, ErrShort},
		{[]byte{0, 7}, Header{0, 7, 2}, nil},
		{[]byte{1, 255}, Header{More, 255, 2}, nil},
		{[]byte{4, 0}, Header{Command, 0, 2}, nil},
		{[]byte{2, 0, 0, 0, 0, 0, 0, 1}, Header{}, ErrShort},
		{[]byte{2, 0, 0, 0, 0, 0, 0, 1, 0}, Header{Long, 256, 9}, nil},
		{[]byte{6, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, Header{Long | Command, 1<<63 - 1, 9}, nil},
		{[]byte{2, 0x80}, Header{}, ErrMalformed},
		{[]byte{5}, Header{}, ErrMalformed},
		{[]byte{8, 0}, Header{}, ErrMalformed},
		{[]byte{0xff, 0}, Header{}, ErrMalformed},
	} {
		h, err := ParseHeader(c.b)
		if h != c.want || !errors.Is(err, c.err) {
			t.Errorf("%v: %+v, %v", c.b, h, err)
		}
	}
	if h := (Header{Size: 1<<63 - 1, Len: 9}); h.Total() != 1<<63-1 {
		t.Errorf("total %d", h.Total())
	}
}

func TestCommandsRoundTrip(t *testing.T) {
	_, body, rest, err := SplitFrame(AppendPing(nil, 12345*time.Millisecond, []byte("ctx")))
	if err != nil || len(rest) != 0 {
		t.Fatal(err, rest)
	}
	name, data, err := ParseCommand(body)
	if err != nil || string(name) != PingCommand {
		t.Fatal(name, err)
	}
	if ttl, context, err := ParsePing(data); err != nil || ttl != 12300*time.Millisecond || string(context) != "ctx" {
		t.Error(ttl, context, err)
	}
	if got := AppendPong(nil, []byte("ctx")); string(got) != "\x04\x08\x04PONGctx" {
		t.Errorf("%q", got)
	}
	if got := AppendPing(nil, time.Hour*10, nil); string(got) != "\x04\x07\x04PING\xff\xff" {
		t.Errorf("%q", got)
	}
	_, body, _, err = SplitFrame(AppendError(nil, strings.Repeat("r", 300)))
	if err != nil {
		t.Fatal(err)
	}
	_, data, _ = ParseCommand(body)
	if reason, err := ParseError(data); err != nil || len(reason) != 255 {
		t.Error(reason, err)
	}
	for _, bad := range [][]byte{nil, {0}, {5, 'a'}, {1, ' '}, {1, 0x7f}} {
		if _, _, err := ParseCommand(bad); !errors.Is(err, ErrMalformed) {
			t.Errorf("%v: %v", bad, err)
		}
	}
	if _, _, err := ParsePing([]byte{1}); !errors.Is(err, ErrMalformed) {
		t.Error(err)
	}
	if _, _, err := ParsePing(make([]byte, 19)); !errors.Is(err, ErrTooLong) {
		t.Error(err)
	}
	for _, bad := range [][]byte{nil, {1}} {
		if _, err := ParseError(bad); !errors.Is(err, ErrMalformed) {
			t.Error(err)
		}
	}
}

func TestSubscriptionsHaveTheFormOfThePeersVersion(t *testing.T) {
	for _, c := range []struct {
		minor byte
		on    bool
		want  string
	}{
		{0, true, "\x00\x02\x01p"},
		{0, false, "\x00\x02\x00p"},
		{1, true, "\x04\x0b\x09SUBSCRIBEp"},
		{1, false, "\x04\x08\x06CANCELp"},
	} {
		if got := AppendSubscription(nil, Greeting{Major: 3, Minor: c.minor}, c.on, []byte("p")); string(got) != c.want {
			t.Errorf("%q, want %q", got, c.want)
		}
	}
	if p, on, ok := ParseSubscription([]byte("\x01abc")); !ok || !on || string(p) != "abc" {
		t.Error(p, on, ok)
	}
	if p, on, ok := ParseSubscription([]byte{0}); !ok || on || len(p) != 0 {
		t.Error(p, on, ok)
	}
	for _, own := range []string{"", "\x02x", "x"} {
		if _, _, ok := ParseSubscription([]byte(own)); ok {
			t.Errorf("%q passes for a subscription", own)
		}
	}
}

func TestMetadataIsBounded(t *testing.T) {
	var many Metadata
	for i := range MaxProperties + 1 {
		many = append(many, Property{Name: strings.Repeat("n", i+1)})
	}
	if m, err := ParseMetadata(AppendMetadata(nil, many[:MaxProperties])); err != nil || len(m) != MaxProperties {
		t.Error(len(m), err)
	}
	if _, err := ParseMetadata(AppendMetadata(nil, many)); !errors.Is(err, ErrTooLong) {
		t.Error(err)
	}
	if v, ok := (Metadata{{"SOCKET-type", []byte("SUB")}}).Get(SocketTypeProperty); !ok || string(v) != "SUB" {
		t.Error(v, ok)
	}
}

// pipe is a peer whose side of the conversation is known before.
type pipe struct {
	io.Reader
	bytes.Buffer
}

func (p *pipe) Read(b []byte) (int, error)  { return p.Reader.Read(b) }
func (p *pipe) Write(b []byte) (int, error) { return p.Buffer.Write(b) }

var server = Server{Socket: PUB, Peers: []SocketType{SUB, XSUB}}

func TestAHandshakeReadsNotOneByteTooMuch(t *testing.T) {
	in := AppendGreeting(nil, Greeting{Major: 3, Minor: 0, Mechanism: "NULL"})
	in = AppendCommand(in, ReadyCommand, AppendMetadata(nil, Metadata{{"Socket-Type", []byte("SUB")}, {"Identity", []byte("me")}}))
	in = append(in, "\x00\x01\x01"...)
	r := bytes.NewReader(in)
	p := &pipe{Reader: iotest.OneByteReader(r)}
	session, err := Handshake(p, server)
	if err != nil {
		t.Fatal(err)
	}
	if session.Peer != SUB || session.Greeting.Minor != 0 || session.Mechanism.Name() != "NULL" || session.Mechanism.Key() != "" {
		t.Errorf("%+v", session)
	}
	if id, _ := session.Metadata.Get(IdentityProperty); string(id) != "me" {
		t.Errorf("identity %q", id)
	}
	if r.Len() != 3 {
		t.Errorf("%d bytes are left, want 3", r.Len())
	}
	want := AppendGreeting(nil, Greeting{Major: 3, Minor: 1, Mechanism: "NULL"})
	want = AppendCommand(want, ReadyCommand, AppendMetadata(nil, Metadata{{"Socket-Type", []byte("PUB")}}))
	if !bytes.Equal(p.Bytes(), want) {
		t.Errorf("said %q", p.Bytes())
	}
}

// toy is a mechanism in which the peer speaks first, and twice.
type toy struct{ step int }

func (*toy) Name() string { return "TOY" }
func (*toy) Open() []byte { return nil }
func (*toy) Key() string  { return "the key" }
func (m *toy) Receive(name, data []byte) ([]byte, Metadata, bool, error) {
	m.step++
	switch {
	case m.step == 1 && string(name) == "HELLO":
		return AppendCommand(nil, "WELCOME", nil), nil, false, nil
	case m.step == 2 && string(name) == "INITIATE":
		metadata, err := ParseMetadata(data)
		return AppendCommand(nil, "READY", nil), metadata, true, err
	}
	return AppendError(nil, "300"), nil, false, ErrMalformed
}

func TestAMechanismOfItsOwnRunsTheHandshake(t *testing.T) {
	s := server
	s.Greeted = "TOY"
	s.Mechanisms = func(name string) Mechanism {
		if name == "TOY" {
			return &toy{}
		}
		return nil
	}
	hello := AppendCommand(AppendGreeting(nil, Greeting{Major: 3, Mechanism: "TOY"}), "HELLO", nil)
	initiate := func(socket string) []byte {
		return AppendCommand(bytes.Clone(hello), "INITIATE", AppendMetadata(nil, Metadata{{"Socket-Type", []byte(socket)}}))
	}
	p := &pipe{Reader: bytes.NewReader(initiate("SUB"))}
	session, err := Handshake(p, s)
	if err != nil || session.Mechanism.Key() != "the key" {
		t.Fatal(session, err)
	}
	said := p.Bytes()
	if said[32] != 1 || string(said[GreetingSize:]) != "\x04\x08\x07WELCOME\x04\x06\x05READY" {
		t.Errorf("said %q", said)
	}
	// A peer of the wrong type is told before it is let in.
	p = &pipe{Reader: bytes.NewReader(initiate("REQ"))}
	if _, err := Handshake(p, s); !errors.Is(err, ErrSocketType) || bytes.Contains(p.Bytes(), []byte("READY")) {
		t.Errorf("%v, said %q", err, p.Bytes())
	}
	// The mechanism's own ERROR goes instead of ours.
	p = &pipe{Reader: bytes.NewReader(AppendCommand(bytes.Clone(hello), "HELLO", nil))}
	if _, err := Handshake(p, s); !errors.Is(err, ErrMalformed) || !bytes.HasSuffix(p.Bytes(), []byte("\x05ERROR\x03300")) {
		t.Errorf("%v, said %q", err, p.Bytes())
	}
	// And NULL is not offered.
	p = &pipe{Reader: bytes.NewReader(AppendGreeting(nil, Greeting{Major: 3, Mechanism: "NULL"}))}
	if _, err := Handshake(p, s); !errors.Is(err, ErrMechanism) {
		t.Error(err)
	}
}

func TestAHandshakeThatEndsEarlySaysWhere(t *testing.T) {
	whole := AppendCommand(AppendGreeting(nil, Greeting{Major: 3, Mechanism: "NULL"}), ReadyCommand, AppendMetadata(nil, Metadata{{"Socket-Type", []byte("SUB")}}))
	for n := range whole {
		_, err := Handshake(&pipe{Reader: bytes.NewReader(whole[:n])}, server)
		if !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("%d bytes: %v", n, err)
		}
	}
}
