package mqtt

import (
	"bytes"
	"io"
	"net"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/eclipse/paho.mqtt.golang/packets"
)

// source is a connection that says what it is told to.
type source struct {
	net.Conn
	io.Reader
}

func (s source) Read(p []byte) (int, error) { return s.Reader.Read(p) }

func publish(payload int) []byte {
	p := packets.NewControlPacket(packets.Publish).(*packets.PublishPacket)
	p.TopicName, p.Qos, p.MessageID = "hippodamia/state/ping", 1, 7
	p.Payload = bytes.Repeat([]byte("x"), payload)
	var b bytes.Buffer
	if err := p.Write(&b); err != nil {
		panic(err)
	}
	return b.Bytes()
}

func TestALongPublishIsCutAndStaysOne(t *testing.T) {
	const max = 10
	in := io.MultiReader(bytes.NewReader(publish(max)), bytes.NewReader(publish(3<<20)), bytes.NewReader([]byte{0xd0, 0}), bytes.NewReader(publish(1)))
	c := clip(source{Reader: iotest.OneByteReader(in)}, max)
	for _, want := range []int{max, headroom + max + 1 - 2 - len("hippodamia/state/ping") - 2, -1, 1} {
		p, err := packets.ReadPacket(c)
		if err != nil {
			t.Fatal(err)
		}
		m, is := p.(*packets.PublishPacket)
		switch {
		case want < 0 && is, want >= 0 && !is:
			t.Errorf("%T", p)
		case is && (len(m.Payload) != want || m.TopicName != "hippodamia/state/ping" || m.MessageID != 7):
			t.Errorf("%d bytes of %s, identifier %d; want %d", len(m.Payload), m.TopicName, m.MessageID, want)
		}
	}
	if _, err := c.Read(make([]byte, 1)); err != io.EOF {
		t.Error(err)
	}
}

func TestPacketsThatNoBrokerSends(t *testing.T) {
	for packet, want := range map[string]string{
		"\x90\x0c":                 "packet of type 9 with 12 bytes, 11 are the most",
		"\x20\xff\xff\xff\x7f":     "packet of type 2 with 268435455 bytes",
		"\x30\xff\xff\xff\xff\x01": "length of a packet has more than four bytes",
		"\x30\x80":                 "unexpected EOF",
	} {
		if _, err := io.ReadAll(clip(source{Reader: strings.NewReader(packet)}, 10)); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%x: %v", packet, err)
		}
	}
}

// FuzzClip: whatever comes, no packet is longer than the limit, and one that is not is
// as it was.
func FuzzClip(f *testing.F) {
	f.Add(publish(4))
	f.Add(append(publish(70000), publish(1)...))
	f.Add([]byte{0x20, 2, 0, 0, 0x90, 3, 0, 1, 1, 0xd0, 0})
	f.Fuzz(func(t *testing.T, in []byte) {
		out, err := io.ReadAll(clip(source{Reader: bytes.NewReader(in)}, 4))
		if err == nil && len(in) <= headroom && len(out) < len(in)-4*len(in)/5 {
			t.Fatalf("%d bytes became %d", len(in), len(out))
		}
		for r := bytes.NewReader(out); r.Len() > 0; {
			if _, err := r.ReadByte(); err != nil {
				t.Fatal(err)
			}
			length, err := readLength(r)
			if err != nil || length > headroom+5 {
				t.Fatalf("%d bytes, %v", length, err)
			}
			r.Seek(int64(length), io.SeekCurrent)
		}
	})
}
