package bridge

import (
	"context"
	"hash/fnv"
	"log/slog"
	"sync"
	"time"
)

const (
	// senders is how many letters are on their way to NATS at once, each of another lane.
	senders = 32
	// inMemory bounds the bytes of letters that are held beside the file; of those beyond
	// only a few words are, and they are read when their turn comes.
	inMemory = 4 << 20
)

// spool is what waits for NATS to have it: in the file, and here in what order.
//
// Letters of one lane go one after the other; those of different lanes at the same time.
type spool struct {
	shelf *shelf
	run   string
	bound bounds
	log   *slog.Logger

	mu      sync.Mutex // guards the rest; held for lines
	last    int64      // the latest number
	order   []*entry   // all, the oldest first; those that are gone may lie between
	fresh   []*entry   // of those, the ones that may not be in the file yet
	asking  bool       // the file is asked whether they are
	queues  [senders][]*entry
	wakes   [senders]chan struct{} // sent by release, never closed; one word is enough, hence 1
	rows    int
	bytes   int64 // of all
	held    int64 // of those in memory
	dropped uint64
	full    bool          // letters are dropped; said once, until there is room
	idle    chan struct{} // sent by forget when nothing waits, never closed; one word is enough, hence 1
}

// entry is a letter in its queue.
type entry struct {
	seq    int64
	sender int
	size   int
	letter *letter // nil: in the file alone
	state  entryState
}

type entryState uint8

const (
	waiting  entryState = iota
	underWay            // a sender has it
	gone                // sent, or dropped
)

// newSpool takes over what a process before us left.
func newSpool(ctx context.Context, s *shelf, run string, b bounds, log *slog.Logger) (*spool, error) {
	p := &spool{shelf: s, run: run, bound: b, log: log, idle: make(chan struct{}, 1)}
	for i := range p.wakes {
		p.wakes[i] = make(chan struct{}, 1)
	}
	err := s.left(ctx, func(seq int64, lane string, size int) {
		e := &entry{seq: seq, sender: senderOf(lane), size: size}
		p.last = seq
		p.enter(e)
		p.queues[e.sender] = append(p.queues[e.sender], e)
	})
	if err != nil {
		return nil, err
	}
	for i := range p.wakes {
		signal(p.wakes[i])
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.makeRoom()
	return p, nil
}

func senderOf(lane string) int {
	h := fnv.New32a()
	h.Write([]byte(lane)) // never fails, see hash.Hash
	return int(h.Sum32() % senders)
}

func signal(c chan<- struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// add takes an event that was heard at a time. It never blocks.
func (p *spool) add(lane, subject string, at time.Time, data []byte) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.last++
	l := &letter{run: p.run, seq: p.last, lane: lane, subject: subject, at: at, data: data}
	e := &entry{seq: l.seq, sender: senderOf(lane), size: len(data), letter: l}
	p.enter(e)
	p.held += int64(e.size)
	p.fresh = append(p.fresh, e)
	p.shelf.put(l) // in the order of the numbers, hence under the lock
	p.makeRoom()
	p.ask()
}

// enter counts an entry.
func (p *spool) enter(e *entry) {
	p.order = append(p.order, e)
	p.rows++
	p.bytes += int64(e.size)
}

// ask has the file say when what is fresh is in it: what NATS has been given and a crash
// made us forget would lend its number to another event.
func (p *spool) ask() {
	if p.asking || len(p.fresh) == 0 {
		return
	}
	p.asking = true
	upto := p.last
	p.shelf.db.Durable(func(err error) { p.release(upto, err) })
}

// release gives the senders what is in the file. What could not be written is sent as
// well: it then may be lost with us, and not before.
func (p *spool) release(upto int64, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.asking = false
	n := 0
	for ; n < len(p.fresh) && p.fresh[n].seq <= upto; n++ {
		e := p.fresh[n]
		if e.state == gone {
			continue
		}
		if err == nil && p.held > inMemory && e.letter != nil {
			e.letter, p.held = nil, p.held-int64(e.size)
		}
		p.queues[e.sender] = append(p.queues[e.sender], e)
		signal(p.wakes[e.sender])
	}
	p.fresh = append(p.fresh[:0:0], p.fresh[n:]...)
	p.ask()
}

// makeRoom drops the oldest that nobody is sending, while there are too many.
func (p *spool) makeRoom() {
	for i := 0; i < len(p.order) && (p.rows > p.bound.rows || p.bytes > p.bound.bytes); i++ {
		if e := p.order[i]; e.state == waiting {
			p.dropped++
			p.forget(e)
			if !p.full {
				p.full = true
				p.log.Warn("spool is full: the oldest events are dropped", "rows", p.rows, "bytes", p.bytes)
			}
		}
	}
	p.shorten()
}

// forget takes an entry out of file and memory.
func (p *spool) forget(e *entry) {
	e.state = gone
	p.rows--
	p.bytes -= int64(e.size)
	if e.letter != nil {
		e.letter, p.held = nil, p.held-int64(e.size)
	}
	p.shelf.remove(e.seq)
	if p.rows == 0 {
		signal(p.idle)
	}
}

// shorten takes what is gone off the front.
func (p *spool) shorten() {
	n := 0
	for n < len(p.order) && p.order[n].state == gone {
		p.order[n] = nil
		n++
	}
	p.order = p.order[n:]
}

// take waits for the next letter of a sender. One that cannot be read any more is
// dropped and said.
func (p *spool) take(ctx context.Context, sender int) (*entry, *letter, error) {
	for {
		e, l := p.next(sender)
		if e == nil {
			select {
			case <-p.wakes[sender]:
				continue
			case <-ctx.Done():
				return nil, nil, ctx.Err()
			}
		}
		if l != nil {
			return e, l, nil
		}
		l, err := p.shelf.get(ctx, e.seq)
		switch {
		case err == nil:
			return e, l, nil
		case ctx.Err() != nil:
			return nil, nil, ctx.Err()
		}
		p.log.Error("event is dropped: the spool does not give it back", "err", err)
		p.drop(e)
	}
}

func (p *spool) next(sender int) (*entry, *letter) {
	p.mu.Lock()
	defer p.mu.Unlock()
	q := p.queues[sender]
	for len(q) > 0 {
		e := q[0]
		q[0] = nil
		q = q[1:]
		if e.state == waiting {
			e.state = underWay
			p.queues[sender] = q
			return e, e.letter
		}
	}
	p.queues[sender] = nil
	return nil, nil
}

// sent forgets what NATS has.
func (p *spool) sent(e *entry) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.forget(e)
	p.shorten()
	if p.full && p.rows < p.bound.rows/2 && p.bytes < p.bound.bytes/2 {
		p.full = false
		p.log.Warn("spool has room again", "dropped", p.dropped)
	}
}

// drop forgets what nobody will ever take.
func (p *spool) drop(e *entry) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.dropped++
	p.forget(e)
	p.shorten()
}

// counts are the letters that wait, and those that were dropped.
func (p *spool) counts() (rows int, dropped uint64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.rows, p.dropped
}

// drained waits until nothing waits any more, while there is a link, or until ctx ends.
func (p *spool) drained(ctx context.Context, t *tide) {
	for {
		if rows, _ := p.counts(); rows == 0 || !t.isUp() {
			return
		}
		link, cancel, err := t.wait(ctx)
		if err != nil {
			return
		}
		select {
		case <-p.idle:
		case <-link.Done():
		}
		cancel()
		if ctx.Err() != nil {
			return
		}
	}
}
