package forwarder

import (
	"bytes"
	"errors"
	"io"
	"log/slog"
	"os"
	"testing"

	"golang.org/x/sys/unix"

	"zmicroservices/taskservice/zmtp"
)

// sink is a connection that takes everything at once and keeps it: a memfd.
type sink struct{ file *os.File }

func newSink(f *testing.F) sink {
	fd, err := unix.MemfdCreate("sink", unix.MFD_CLOEXEC)
	if err != nil {
		f.Fatal(err)
	}
	file := os.NewFile(uintptr(fd), "sink")
	f.Cleanup(func() { _ = file.Close() })
	return sink{file}
}

func (s sink) Control(f func(fd uintptr)) error { f(s.file.Fd()); return nil }
func (s sink) Read(func(fd uintptr) bool) error { return io.EOF }
func (s sink) Write(f func(fd uintptr) bool) error {
	f(s.file.Fd())
	return nil
}

// taken returns what was written, and empties the sink.
func (s sink) taken(t *testing.T) []byte {
	t.Helper()
	if _, err := s.file.Seek(0, io.SeekStart); err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(s.file)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.file.Truncate(0); err != nil {
		t.Fatal(err)
	}
	if _, err := s.file.Seek(0, io.SeekStart); err != nil {
		t.Fatal(err)
	}
	return b
}

// fuzzMessage is MaxMessage for the fuzzer.
const fuzzMessage = 300_000

// messages is the definition: all whole messages of a stream up to its first
// mistake, without the commands.
func messages(stream []byte) (out []byte, broken bool) {
	var message []byte
	size := int64(0)
	for {
		h, err := zmtp.ParseHeader(stream)
		if err != nil {
			return out, !errors.Is(err, zmtp.ErrShort)
		}
		if h.Command() && h.Size > maxCommand || !h.Command() && h.Total() > fuzzMessage-size {
			return out, true
		}
		if h.Total() > int64(len(stream)) {
			return out, false
		}
		frame := stream[:h.Total()]
		stream = stream[h.Total():]
		if h.Command() {
			name, data, err := zmtp.ParseCommand(frame[h.Len:])
			if err == nil && string(name) == zmtp.PingCommand {
				_, _, err = zmtp.ParsePing(data)
			}
			if err != nil || string(name) == zmtp.ErrorCommand {
				return out, true
			}
			continue
		}
		message, size = append(message, frame...), size+h.Total()
		if !h.More() {
			out, message, size = append(out, message...), nil, 0
		}
	}
}

// FuzzStream reads any bytes, in pieces of any size and at any place in a chunk,
// as a publisher's stream: what is forwarded is all whole messages of it, and the
// chunks come back.
func FuzzStream(f *testing.F) {
	ping := zmtp.AppendPing(nil, 0, []byte("x"))
	f.Add(cat(wire("a", "", "b"), ping, wire("c")), uint32(10), uint16(3))
	f.Add(cat(zmtp.AppendFrame(nil, zmtp.More, make([]byte, 70_000)), ping, wire("end")), uint32(65_500), uint16(4000))
	f.Add(cat(wire(string(make([]byte, 9000))), wire("x")), uint32(60_000), uint16(30_000))
	f.Add([]byte{2, 0x40, 0, 0, 0, 0, 0, 0, 0}, uint32(0), uint16(1))
	f.Add(zmtp.AppendError(nil, "no"), uint32(300), uint16(9))
	out, answers := newSink(f), newSink(f)
	f.Fuzz(func(t *testing.T, data []byte, shift uint32, step uint16) {
		stream := cat(wire(string(make([]byte, shift%200_000))), data)
		device := &Forwarder{
			limits: Limits{MaxMessage: fuzzMessage}.fill(), log: slog.New(slog.DiscardHandler),
			topics: newTopics(&Options{Priority: []string{"control"}}), subscribers: map[*subscriber]struct{}{},
		}
		piece := max(1+int(step), len(stream)/100)
		fail := func(err error) { t.Errorf("aborted: %v", err) }
		to := &conn{f: device}
		to.out.init(device, out, fail)
		sub := newSubscriber(to)
		device.enter(sub)
		if _, err := device.insert(sub, nil); err != nil {
			t.Fatal(err)
		}
		c := &conn{f: device, meter: meter{f: device}}
		c.out.init(device, answers, fail)
		p := newPublisher(c)
		var err error
		for rest := stream; len(rest) > 0 && err == nil; {
			if err = p.makeRoom(); err != nil {
				break
			}
			p.in.unpark()
			n := copy(p.in.cur.buf[p.in.end:], rest[:min(len(rest), piece)])
			p.in.end, rest = p.in.end+n, rest[n:]
			err = p.forward()
			p.in.park()
		}
		p.letGo()
		want, broken := messages(stream)
		if got := out.taken(t); !bytes.Equal(got, want) {
			t.Errorf("forwarded %d bytes, want %d", len(got), len(want))
		}
		if broken != (err != nil) {
			t.Errorf("broken %v, error %v", broken, err)
		}
		answers.taken(t)
		device.batches.close()
		if n := device.depot.live.Load(); n != 0 {
			t.Errorf("%d bytes of chunks were not given back", n)
		}
		if n := device.underway.Load(); n != 0 {
			t.Errorf("%d bytes are underway for ever", n)
		}
	})
}
