package forwarder

import (
	"encoding/binary"
	"net"
	"strings"
	"testing"
	"time"

	"zmicroservices/taskservice/zmtp"
)

func ready(metadata ...string) []byte {
	var m zmtp.Metadata
	for i := 0; i < len(metadata); i += 2 {
		m = append(m, zmtp.Property{Name: metadata[i], Value: []byte(metadata[i+1])})
	}
	return zmtp.AppendCommand(nil, zmtp.ReadyCommand, zmtp.AppendMetadata(nil, m))
}

func greeting(major, minor byte, mechanism string) []byte {
	return zmtp.AppendGreeting(nil, zmtp.Greeting{Major: major, Minor: minor, Mechanism: mechanism})
}

func cat(parts ...[]byte) (all []byte) {
	for _, p := range parts {
		all = append(all, p...)
	}
	return all
}

// Each stranger is refused within the handshake's time, told why where ZMTP has a
// place for it, logged, and gone; others are served meanwhile.
func TestWhoOnlyLooksWhetherSomebodyListensIsNoRefusedPeer(t *testing.T) {
	d := start(t, nil)
	for range 3 {
		if err := connect(t, d.Back()[0]).Close(); err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, "the end of three visits", func() bool {
		return strings.Count(d.log.String(), "stranger looked whether somebody listens") == 3
	})
	if s := d.Stats(); s.Refused != 0 || strings.Contains(d.log.String(), "WARN") {
		t.Errorf("%d refused\n%s", s.Refused, d.log)
	}
}

func TestStrangersAreRefused(t *testing.T) {
	null := greeting(3, 1, "NULL")
	cut := ready("Socket-Type", "SUB")
	huge := ready("Socket-Type", "SUB")
	binary.BigEndian.PutUint32(huge[2+6+12:], 0xffffffff)
	for _, c := range []struct {
		name string
		sent []byte
		told string // in an ERROR command
		log  string
	}{
		{"nothing", nil, "", "i/o timeout"},
		{"half a greeting", null[:30], "", "i/o timeout"},
		{"a greeting only", null, "", "i/o timeout"},
		{"HTTP", []byte("GET / HTTP/1.1\r\n\r\n"), "", "first byte 0x47"},
		{"ZMTP 1.0", []byte{1, 0}, "", "malformed"},
		{"ZMTP 2.0", []byte{0xff, 0, 0, 0, 0, 0, 0, 0, 1, 0x7f, 1, 1}, "", "peer speaks ZMTP 1.x, 3.0 or later is needed"},
		{"PLAIN", greeting(3, 0, "PLAIN"), "", "peer asks for PLAIN, this endpoint offers NULL"},
		{"CURVE", greeting(3, 1, "CURVE"), "", "mechanism not offered"},
		{"no mechanism", greeting(3, 1, ""), "", "malformed"},
		{"a PUB at the back", cat(null, ready("Socket-Type", "PUB")), "peer is a PUB socket", "socket type not accepted"},
		{"a REQ", cat(null, ready("Socket-Type", "REQ")), "peer is a REQ socket, this endpoint is for [SUB XSUB]", "socket type not accepted"},
		{"no Socket-Type", cat(null, ready("Identity", "me")), "no Socket-Type", "malformed"},
		{"an empty Socket-Type", cat(null, ready("Socket-Type", "")), "socket type", "malformed"},
		{"an unknown Socket-Type", cat(null, ready("Socket-Type", "BUS")), `socket type "BUS"`, "malformed"},
		{"two Socket-Types", cat(null, ready("Socket-Type", "SUB", "socket-type", "XSUB")), "comes twice", "malformed"},
		{"a truncated READY", cat(null, append([]byte{4, byte(len(cut) - 2 - 4)}, cut[2:len(cut)-4]...)), "truncated", "malformed"},
		{"a value of 4 GiB", cat(null, huge), "of 4294967295 bytes", "malformed"},
		{"a READY of 2^62", cat(null, []byte{6, 0x40, 0, 0, 0, 0, 0, 0, 0}), "at most 8192 are read", "limit exceeded"},
		{"a READY of 2^63", cat(null, []byte{6, 0x80}), "flags 0x06", "malformed"},
		{"a message instead", cat(null, wire("hello")), "a message before", "malformed"},
		{"SUBSCRIBE instead", cat(null, zmtp.AppendCommand(nil, "SUBSCRIBE", nil)), "instead of READY", "malformed"},
		{"ERROR", cat(null, zmtp.AppendError(nil, "I don't like you")), "", "I don't like you"},
		{"a name of 0 bytes", cat(null, []byte{4, 1, 0}), "no name", "malformed"},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := start(t, func(o *Options) { o.Limits.Handshake = 200 * time.Millisecond })
			s := connect(t, d.Back()[0])
			s.send(c.sent)
			got := string(s.closed())
			if len(got) < zmtp.GreetingSize {
				t.Fatalf("got %q, no greeting", got)
			}
			i := strings.Index(got, "\x05ERROR")
			if (i >= 0) != (c.told != "") || !strings.Contains(got[max(i, 0):], c.told) {
				t.Errorf("told %q, want %q", got, c.told)
			}
			eventually(t, "a log line", func() bool { return strings.Contains(d.log.String(), "peer refused") })
			if log := d.log.String(); !strings.Contains(log, c.log) {
				t.Errorf("log %s lacks %q", log, c.log)
			}
			if got := d.Stats().Refused; got != 1 {
				t.Errorf("%d refused", got)
			}
		})
	}
}

func TestASubscriberAtTheFrontIsToldSo(t *testing.T) {
	d := start(t, nil)
	s := dial(t, d.Front()[0], 1, "SUB")
	if got := string(s.closed()); !strings.Contains(got, "peer is a SUB socket, this endpoint is for [PUB XPUB]") {
		t.Errorf("told %q", got)
	}
}

func TestAPeerOfALaterVersionIsServed(t *testing.T) {
	d := start(t, nil)
	s := connect(t, d.Back()[0])
	s.send(cat(greeting(4, 7, "NULL"), ready("Socket-Type", "SUB")))
	s.send(zmtp.AppendCommand(nil, "SUBSCRIBE", nil))
	if _, err := readFull(s, make([]byte, zmtp.GreetingSize+2+6+12+4+4)); err != nil {
		t.Fatal(err)
	}
	s.sync()
	d.publisher(t, 0).say("hello")
	s.hears("hello")
}

func TestAHandshakeMayComeByteByByte(t *testing.T) {
	d := start(t, nil)
	s := connect(t, d.Back()[0])
	for _, b := range cat(greeting(3, 0, "NULL"), ready("Socket-Type", "XSUB", "X-Long", strings.Repeat("x", 300)), []byte{0, 1, 1}) {
		s.send([]byte{b})
	}
	if _, err := readFull(s, make([]byte, zmtp.GreetingSize+2+6+12+4+4)); err != nil {
		t.Fatal(err)
	}
	s.sync()
	d.publisher(t, 1).say("hello")
	s.hears("hello")
}

func TestAPingIsAnswered(t *testing.T) {
	d := start(t, nil)
	for _, c := range []*client{d.publisher(t, 1), dial(t, d.Back()[0], 1, "SUB"), dial(t, d.Back()[0], 0, "XSUB")} {
		for _, context := range []string{"", "0123456789abcdef"} {
			c.send(zmtp.AppendPing(nil, time.Minute, []byte(context)))
			if h, body := c.frame(); !h.Command() || string(body) != "\x04PONG"+context {
				t.Errorf("%v %q", h, body)
			}
		}
	}
}

func TestWeSendPingsToThoseWhoKnowThem(t *testing.T) {
	d := start(t, func(o *Options) {
		o.Limits.Heartbeat, o.Limits.Silence = 10*time.Millisecond, time.Second
	})
	old := d.subscriber(t, "")
	young, p, deaf := dial(t, d.Back()[0], 1, "SUB"), d.publisher(t, 1), d.publisher(t, 1)
	for range 20 {
		for _, c := range []*client{young, p} {
			if h, body := c.frame(); !h.Command() || string(body) != "\x04PING\x00\x00" {
				t.Fatalf("%v %q instead of PING", h, body)
			}
			c.send(zmtp.AppendPong(nil, nil))
		}
	}
	deaf.closed() // it did not answer
	p.say("and 3.0 gets none")
	old.hears("and 3.0 gets none")
}

func TestAPeerThatIsSilentForLongerThanItsTTLIsClosed(t *testing.T) {
	d := start(t, func(o *Options) { o.Limits.Heartbeat = 20 * time.Millisecond })
	p := d.publisher(t, 0)
	p.send(zmtp.AppendPing(nil, 300*time.Millisecond, nil))
	if !strings.HasSuffix(string(p.closed()), "PONG") {
		t.Error("no PONG before the end")
	}
	eventually(t, "a log line", func() bool { return strings.Contains(d.log.String(), "silent for too long") })
}

func TestAPeerThatOnlySendsPingsCostsAFewAnswers(t *testing.T) {
	d := start(t, narrow)
	s := d.subscriber(t, "")
	p := d.publisher(t, 0)
	stall(t, d, p, 'p')
	before := d.Stats().Memory
	ping := zmtp.AppendPing(nil, 0, nil)
	for range 20_000 {
		s.send(ping)
	}
	if grown := d.Stats().Memory - before; grown > (maxPongs+2)*smallChunk+2*bigChunk {
		t.Errorf("memory grew by %d bytes", grown)
	}
}

func TestASubscribersSubscriptionsAreBounded(t *testing.T) {
	for name, send := range map[string]func(*client){
		"prefixes": func(s *client) {
			for i := range 11 {
				s.subscribe(strings.Repeat("p", i))
			}
		},
		"a prefix":  func(s *client) { s.subscribe(strings.Repeat("p", headRoom+1)) },
		"a message": func(s *client) { s.say(strings.Repeat("m", maxCommand+1)) },
	} {
		t.Run(name, func(t *testing.T) {
			d := start(t, func(o *Options) { o.Limits.Subscriptions = 10 })
			s := d.subscriber(t, "")
			send(s)
			s.closed()
			eventually(t, "a log line", func() bool {
				return strings.Contains(d.log.String(), "limit exceeded") || strings.Contains(d.log.String(), "exceeded a limit")
			})
		})
	}
	d := start(t, func(o *Options) { o.Limits.AllSubscriptions = 10 })
	a := d.subscriber(t, "1", "2", "3", "4", "5", "6")
	b := dial(t, d.Back()[0], 0, "SUB")
	for i := range 5 {
		b.subscribe(strings.Repeat("b", i))
	}
	b.closed()
	eventually(t, "its subscriptions to be gone", func() bool { return d.Stats().Prefixes == 6 })
	d.publisher(t, 0).say("1")
	a.hears("1")
}

func TestMessagesFromASubscriberAreIgnored(t *testing.T) {
	d := start(t, nil)
	s := d.subscriber(t, "a")
	s.say("\x02of an application")
	s.say("\x01two", "\x01frames")
	s.say("")
	s.send(zmtp.AppendCommand(nil, "LATER", []byte("x")))
	s.sync()
	p := d.publisher(t, 0)
	p.say("two")
	p.say("frames")
	p.say("a")
	s.hears("a")
}

func TestConnectionsAreBounded(t *testing.T) {
	d := start(t, func(o *Options) { o.Limits.MaxConnections = 3 })
	var in []*client
	for range 3 {
		in = append(in, d.publisher(t, 0))
	}
	out := connect(t, d.Front()[0])
	if got := out.closed(); len(got) != 0 {
		t.Errorf("told %q", got)
	}
	if got := d.Stats().Shed; got != 1 {
		t.Errorf("%d shed", got)
	}
	_ = in[0].Close()
	eventually(t, "a place to be free", func() bool { return d.Stats().Connections == 2 })
	d.publisher(t, 0)
}

func TestAResetIsNoNews(t *testing.T) {
	d := start(t, nil)
	p := d.publisher(t, 0)
	if err := p.Conn.(*net.TCPConn).SetLinger(0); err != nil {
		t.Fatal(err)
	}
	_ = p.Close()
	eventually(t, "the end", func() bool { return d.Stats().Connections == 0 })
	d.stop()
	if log := d.log.String(); strings.Contains(log, "WARN") {
		t.Errorf("log: %s", log)
	}
}
