package forwarder

import (
	"errors"
	"fmt"

	"zmicroservices/taskservice/zmtp"
)

// publisher reads one peer of the front: frames in, batches out.
type publisher struct {
	*conn
	in      intake
	message incoming
	taps    []tapped // of this turn
	spent   []*chunk // to let go when the batch is delivered
	turn    Flow     // what came in this turn
	work    int      // bytes read and offered since others had their turn
	denials pace
	turns   chan struct{} // filled by the turnstile, once for each pass
}

// incoming is the message that is being read.
type incoming struct {
	pieces []span // what of it is in chunks before in.cur or before a command, each held
	chunks int    // how many of the depot's those are
	frames int
	size   int64
	topic  *topic // of the first frame
	denied bool
	long   long
}

// tapped is a message for taps.
type tapped struct {
	topic *topic
	body  []byte
}

// maxCommand is the longest command that is taken, in bytes.
const maxCommand = 8 << 10

// maxWork is how much a publisher that always has more may cost before others have
// their turn, in bytes read and bytes offered to subscribers: 256 KiB in and once
// out, some 150 µs. At every chunk, passing the turnstile cost a tenth of the
// throughput and gained 5 µs of others' latency. What goes to eight subscribers
// costs as much a chunk.
const maxWork = 512 << 10

// sealWork is how much more a byte costs that is sealed or opened.
const sealWork = 8

func newPublisher(c *conn) *publisher {
	p := &publisher{conn: c, turns: make(chan struct{}, 1)}
	p.in.init(&c.f.depot, c.raw, &c.flow)
	p.in.sealed = newOpener(c, c.f.limits.MaxMessage)
	return p
}

// run asks the publisher for everything, since libzmq's PUB sends only what was
// subscribed to, and reads until the connection ends, a chunk at a time. Publishers
// that always have something take turns.
func (p *publisher) run() error {
	defer p.letGo()
	p.command(zmtp.AppendSubscription(nil, p.session.Greeting, true, nil))
	p.flow.dealt()
	for {
		if err := p.makeRoom(); err != nil {
			return err
		}
		if err := p.in.fill(); err != nil {
			return err
		}
		p.heard.Store(p.f.clock.Load())
		err := p.forward()
		p.tap()
		if p.in.drained() {
			p.flow.dealt()
		}
		if err != nil {
			return err
		}
		if !p.in.full {
			p.work = 0
		} else if p.work += p.in.work(); p.work >= maxWork {
			p.work = 0
			p.f.turns.pass(p.turns) // there is more: others first
		}
	}
}

// forward delivers all complete messages in the window.
func (p *publisher) forward() error {
	b := p.f.getBatch()
	err := p.scan(b)
	p.meter.settle()
	p.work += b.deliver()
	p.f.putBatch(b)
	for i, c := range p.spent {
		c.drop()
		p.spent[i] = nil
	}
	p.spent = p.spent[:0]
	p.got.add(p.turn)
	p.f.in.add(p.turn)
	p.turn = Flow{}
	return err
}

// scan takes all complete messages in the window into b.
func (p *publisher) scan(b *batch) error {
	in, m := &p.in, &p.message
	for in.next < in.end {
		if m.long.left > 0 {
			n := min(m.long.left, int64(in.end-in.next))
			in.next += int(n)
			if m.long.left -= n; m.long.left > 0 {
				return nil
			}
			p.frameEnds(b, p.assemble(), m.long.last)
			continue
		}
		window := in.cur.buf[in.next:in.end]
		h, err := zmtp.ParseHeader(window)
		if err != nil {
			if errors.Is(err, zmtp.ErrShort) {
				return nil
			}
			return fmt.Errorf("read frame: flags 0x%02x: %w", window[0], err)
		}
		switch {
		case h.Command():
			if h.Size > maxCommand {
				return fmt.Errorf("read command: %d bytes, at most %d are read: %w", h.Size, maxCommand, errExceeded)
			}
			if h.Total() > int64(len(window)) {
				return nil
			}
			if err := p.between(window[h.Len:h.Total()], int(h.Total())); err != nil {
				return err
			}
			continue
		case h.Total() > p.f.limits.MaxMessage-m.size:
			return fmt.Errorf("read message: %d bytes or more, at most %d are forwarded: %w", m.size+h.Size, p.f.limits.MaxMessage, errExceeded)
		case h.Total() > int64(len(window)):
			return nil
		}
		in.next += int(h.Total())
		m.size += h.Total()
		p.frameEnds(b, window[h.Len:h.Total()], !h.More())
	}
	return nil
}

// between takes a command out of the stream. libzmq sends PINGs also between the
// frames of a message.
func (p *publisher) between(body []byte, size int) error {
	name, data, err := zmtp.ParseCommand(body)
	if err != nil {
		return err
	}
	if p.in.next > p.in.start {
		p.setAside(p.in.next)
	}
	p.in.next += size
	p.in.start = p.in.next
	return p.handle(name, data)
}

// setAside makes the bytes from start to end a piece of the message.
func (p *publisher) setAside(end int) {
	in := &p.in
	in.cur.hold()
	p.message.pieces = append(p.message.pieces, span{c: in.cur, off: int32(in.start), end: int32(end), more: true})
	in.start = end
}

// frameEnds judges a frame by its topic and ends the message with its last. body
// is nil if nobody needs to see it.
func (p *publisher) frameEnds(b *batch, body []byte, last bool) {
	m := &p.message
	t := p.f.topics.find(body)
	if m.frames == 0 {
		m.topic = t
	}
	m.frames++
	if !m.denied {
		if err := p.judge(t, body); err != nil {
			m.denied = true
			p.deny(t, err)
		}
	}
	if !last {
		return
	}
	if !m.denied {
		p.add(b, body)
		if t != nil && len(t.taps) > 0 && m.frames == 1 {
			p.taps = append(p.taps, tapped{topic: t, body: body})
		}
	}
	p.arrived()
	p.turn.add(Flow{Messages: 1, Bytes: uint64(m.size)})
	for i := range m.pieces {
		p.spent = append(p.spent, m.pieces[i].c)
	}
	clear(m.pieces)
	*m = incoming{pieces: m.pieces[:0]}
	p.in.start = p.in.next
}

// judge says whether a frame may be forwarded.
func (p *publisher) judge(t *topic, body []byte) error {
	if t != nil && t.guarded {
		if err := p.f.o.Admit(p.peer, t.name, body); err != nil {
			return err
		}
	}
	if p.peer.Mute {
		return errMute
	}
	return nil
}

// add puts the message, which is complete, into b.
func (p *publisher) add(b *batch, body []byte) {
	in, m := &p.in, &p.message
	class := classData
	if m.topic != nil {
		class = m.topic.class
	}
	if len(m.pieces) == 0 {
		s := span{c: in.cur, off: int32(in.start), end: int32(in.next), msgs: 1, class: class, whole: true}
		if m.frames > 1 {
			body = head(s.bytes())
		}
		p.meter.count(body, m.frames == 1, m.size)
		b.add(body, s)
		return
	}
	if in.next > in.start {
		p.setAside(in.next)
	}
	for i := range m.pieces {
		m.pieces[i].class = class
	}
	end := &m.pieces[len(m.pieces)-1]
	end.msgs, end.more = 1, false
	key := head(m.pieces[0].bytes())
	p.meter.count(key, m.frames == 1, m.size)
	b.addPieces(key, m.pieces)
}

// head is the beginning of the first frame's body in the first piece of a
// message.
func head(piece []byte) []byte {
	h, err := zmtp.ParseHeader(piece)
	if err != nil {
		return nil // cannot be: a piece is never cut within a header
	}
	return piece[h.Len:min(h.Total(), int64(len(piece)))]
}

// tap delivers to the taps what the last batch had for them.
func (p *publisher) tap() {
	for i, t := range p.taps {
		for _, k := range t.topic.taps {
			p.f.o.Taps[k].Deliver(p.peer, t.topic.name, t.body)
		}
		p.taps[i] = tapped{}
	}
	p.taps = p.taps[:0]
}

// deny counts and logs a message that was not admitted.
func (p *publisher) deny(t *topic, err error) {
	p.denied.add(Flow{Messages: 1})
	p.f.denied.add(Flow{Messages: 1})
	if ok, more := p.denials.pass(p.f.clock.Load()); ok {
		p.f.log.Warn("message denied", "peer", p.peer, "topic", t.String(), "err", err, "unlogged", more)
	}
}

// letGo gives all chunks back.
func (p *publisher) letGo() {
	p.arrived()
	for _, s := range p.message.pieces {
		s.c.drop()
	}
	p.message = incoming{}
	p.in.close()
}
