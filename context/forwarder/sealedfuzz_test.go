package forwarder

import (
	"bytes"
	"log/slog"
	"testing"

	"zmicroservices/taskservice/zmtp"
	"zmicroservices/taskservice/zmtp/curve"
)

// sessions are both ends of a sealed connection.
func sessions(t testing.TB) (ours, theirs *curve.Session) {
	t.Helper()
	server := curve.NewServer(curve.ServerOptions{Pair: serverPair, Authorize: func(curve.Key) error { return nil }})
	client, err := curve.NewClient(curve.Credentials{Pair: clientPair, Server: serverPair.Public}, nil)
	if err != nil {
		t.Fatal(err)
	}
	half := []zmtp.Mechanism{server, client}
	for said, turn := client.Open(), 0; len(said) > 0; turn = 1 - turn {
		_, body, _, err := zmtp.SplitFrame(said)
		if err != nil {
			t.Fatal(err)
		}
		name, data, err := zmtp.ParseCommand(body)
		if err != nil {
			t.Fatal(err)
		}
		if said, _, _, err = half[turn].Receive(name, data); err != nil {
			t.Fatal(err)
		}
	}
	return server.Session(), client.Session()
}

// sealAll seals all whole frames of a stream; ends are where each ends, in the
// stream and sealed.
func sealAll(by *curve.Session, stream []byte) (sealed []byte, ends [][2]int) {
	at := 0
	for {
		h, body, rest, err := zmtp.SplitFrame(stream[at:])
		if err != nil {
			return sealed, ends
		}
		sealed = by.Seal(sealed, h.More(), h.Command(), body)
		at = len(stream) - len(rest)
		ends = append(ends, [2]int{at, len(sealed)})
	}
}

// shortest is a stream whose frames have the shortest headers that they can have, as
// those have that come out of a seal; what is no whole frame is left as it is.
func shortest(stream []byte) (frames []byte) {
	for {
		h, body, rest, err := zmtp.SplitFrame(stream)
		if err != nil {
			return append(frames, stream...)
		}
		var flags zmtp.Flags
		if h.More() {
			flags |= zmtp.More
		}
		if h.Command() {
			flags |= zmtp.Command
		}
		frames, stream = zmtp.AppendFrame(frames, flags, body), rest
	}
}

// openAll is the plain stream that a sealed one holds.
func openAll(t *testing.T, by *curve.Session, sealed []byte) (stream []byte) {
	t.Helper()
	for len(sealed) > 0 {
		_, body, rest, err := zmtp.SplitFrame(sealed)
		if err != nil {
			t.Fatal(err)
		}
		more, command, plain, err := by.Open(body)
		if err != nil {
			t.Fatal(err)
		}
		var flags zmtp.Flags
		if more {
			flags |= zmtp.More
		}
		if command {
			flags |= zmtp.Command
		}
		stream, sealed = zmtp.AppendFrame(stream, flags, plain), rest
	}
	return stream
}

// FuzzSealedStream is FuzzStream for a publisher and a subscriber whose connections
// are sealed, with one bit of what the publisher sends flipped on its way: nothing
// behind that comes through, everything before does, and the buffers come back.
func FuzzSealedStream(f *testing.F) {
	ping := zmtp.AppendPing(nil, 0, []byte("x"))
	f.Add(cat(wire("a", "", "b"), ping, wire("c")), uint32(10), uint16(3), uint32(0))
	f.Add(cat(wire("a"), wire("b"), wire("c")), uint32(10), uint16(300), uint32(900))
	f.Add(cat(zmtp.AppendFrame(nil, zmtp.More, make([]byte, 70_000)), ping, wire("end")), uint32(65_500), uint16(4000), uint32(0))
	f.Add(cat(wire(string(make([]byte, 9000))), wire("x")), uint32(60_000), uint16(30_000), uint32(480_500))
	f.Add(wire("x"), uint32(199_999), uint16(60_000), uint32(8))
	out, answers := newSink(f), newSink(f)
	f.Fuzz(func(t *testing.T, data []byte, shift uint32, step uint16, flip uint32) {
		stream := shortest(cat(wire(string(make([]byte, shift%200_000))), data))
		device := &Forwarder{
			limits: Limits{MaxMessage: fuzzMessage}.fill(), log: slog.New(slog.DiscardHandler),
			topics: newTopics(&Options{Priority: []string{"control"}}), subscribers: map[*subscriber]struct{}{},
		}
		fail := func(err error) { t.Errorf("aborted: %v", err) }
		to := &conn{f: device}
		to.out.init(device, out, fail)
		ours, listener := sessions(t)
		to.out.seal(&sealer{f: device, session: ours})
		sub := newSubscriber(to)
		device.enter(sub)
		if _, err := device.insert(sub, nil); err != nil {
			t.Fatal(err)
		}
		ours, speaker := sessions(t)
		c := &conn{f: device, meter: meter{f: device}, sealed: ours}
		c.out.init(device, answers, fail)
		c.out.seal(&sealer{f: device, session: ours})
		p := newPublisher(c)

		sealed, ends := sealAll(speaker, stream)
		whole := 0 // bytes of the stream whose frames come as they were sent
		if len(ends) > 0 {
			whole = ends[len(ends)-1][0]
		}
		least := whole
		if at := int(flip / 8); flip > 0 && at < len(sealed) {
			sealed[at] ^= 1 << (flip % 8)
			least = 0
			for _, end := range ends {
				if end[1] <= at {
					least = end[0]
				}
			}
		}
		var err error
		for rest, piece := sealed, max(1+int(step), len(sealed)/100); len(rest) > 0 && err == nil; {
			room, failed := p.in.sealed.room()
			if err = failed; err != nil {
				break
			}
			n := copy(room, rest[:min(len(rest), piece)])
			p.in.sealed.end, rest = p.in.sealed.end+n, rest[n:]
			for more := true; more && err == nil; more = !p.in.drained() {
				if err = p.makeRoom(); err != nil {
					break
				}
				if err = p.in.unseal(); err == nil {
					err = p.forward()
				}
			}
			p.in.park()
		}
		p.letGo()
		got := openAll(t, listener, out.taken(t))
		most, broken := messages(stream[:whole])
		sure, _ := messages(stream[:least])
		// Flags of the outer frame are not sealed, and mean nothing: a flip there may
		// change nothing.
		if !bytes.HasPrefix(most, got) || !bytes.HasPrefix(got, sure) {
			t.Errorf("forwarded %d bytes, want %d to %d", len(got), len(sure), len(most))
		}
		if flip == 0 && broken != (err != nil) {
			t.Errorf("broken %v, error %v", broken, err)
		}
		openAll(t, speaker, answers.taken(t))
		device.batches.close()
		if n := device.depot.live.Load(); n != 0 {
			t.Errorf("%d bytes of chunks were not given back", n)
		}
		if n := device.underway.Load() + device.sealing.Load(); n != 0 {
			t.Errorf("%d bytes are underway for ever", n)
		}
	})
}
