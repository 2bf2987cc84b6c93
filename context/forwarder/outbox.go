package forwarder

import (
	"sync"
	"syscall"
)

// outbox is the way to one peer: a bounded queue of spans and whoever writes
// them. While the queue is empty, a publisher's goroutine writes by itself,
// without blocking and without a copy; what the kernel does not take is queued,
// and a goroutine of the outbox's own writes until the queue is empty again.
//
// The queue drops the newest, whole messages only. See doc.go for why.
type outbox struct {
	f     *Forwarder
	raw   syscall.RawConn
	bound *Limits     // of its queue
	abort func(error) // closes the connection, with the reason

	mu      sync.Mutex // guards what follows
	queue   ring
	held    ring // what came while corked
	corked  bool
	closed  bool
	writing bool // somebody writes; only they take from the front of queue
	pongs   int  // queued since the queue was last empty
	load    [numClasses]load
	total   load
	sent    Flow // in the kernel or in the queue
	dropped Flow
	idle    []chan struct{} // closed when nothing is left to write, or never will be

	turns  chan struct{} // of drain: filled by the turnstile, once for each pass; nil until there was one
	writer               // owned, as turns is, by whoever has set writing
}

// load is what waits in a queue.
type load struct {
	messages int
	bytes    int64
}

// maxPongs bounds the answers that wait for a peer that sends PINGs and does not
// read.
const maxPongs = 8

// fairShare is what every subscriber may have queued however short memory is, in
// bytes.
const fairShare = 64 << 10

func (o *outbox) init(f *Forwarder, raw syscall.RawConn, abort func(error)) {
	o.f, o.raw, o.bound, o.abort = f, raw, &f.limits, abort
	o.writer.init()
}

// offer hands over spans that the caller holds until it returns. list is the
// caller's and is changed.
func (o *outbox) offer(list []span, b *batch) {
	if o.claim(list, b) {
		o.write(list, b)
	}
}

// claim gives spans their place in the order of what this peer gets: in the
// queue if there is one, else it makes the caller the writer, who then has to
// call write. No system call is made.
func (o *outbox) claim(list []span, b *batch) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	switch {
	case o.closed:
	case o.corked:
		for _, s := range b.keep(o.take(list, false, b)) {
			o.held.pushBack(s)
		}
	case o.writing:
		o.push(b.keep(o.take(list, false, b)))
	default: // nobody writes, so the queue is empty
		o.writing = true
		return true
	}
	return false
}

// write is the second half of an offer whose claim said so: what the kernel
// takes at once is written, the rest queued.
func (o *outbox) write(list []span, b *batch) {
	rest, mid, sent, err := o.writeNow(o.raw, list, b)
	if err != nil {
		o.abort(err)
	}
	if o.sealer != nil {
		b.offered += int(sent.Bytes) * (sealWork - 1)
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.sent.add(sent)
	// Others may have queued meanwhile: ours is older.
	kept := b.keep(o.take(rest, mid, b))
	for i := len(kept) - 1; i >= 0; i-- {
		o.queue.pushFront(kept[i])
	}
	o.handOn()
}

// handOn is called under the lock by the writer when its write is done: what is
// left is the drain goroutine's.
func (o *outbox) handOn() {
	if o.closed || o.queue.len() == 0 && !o.backlog() {
		o.rest()
		return
	}
	o.f.running.Add(1)
	// Ends when the queue is empty or the box closed, which the connection's own
	// goroutine sees to when it ends.
	go o.drain()
}

// drain writes the queue until it is empty. Like a publisher that always has more
// it takes turns with everybody else.
func (o *outbox) drain() {
	defer o.f.running.Done()
	if o.turns == nil {
		o.turns = make(chan struct{}, 1)
	}
	work := 0
	o.mu.Lock()
	defer o.mu.Unlock()
	for !o.closed && (o.queue.len() > 0 || o.backlog()) {
		o.gather(&o.queue)
		o.mu.Unlock()
		n, err := o.writeSoon(o.raw)
		if err != nil {
			o.abort(err)
		}
		if work += n; work >= maxWork {
			work = 0
			o.f.turns.pass(o.turns)
		}
		o.mu.Lock()
		o.advance(n)
		if err != nil {
			o.closed = true
		}
	}
	o.rest()
}

// rest ends the writer's time: nothing is left to write, or nothing will be.
func (o *outbox) rest() {
	o.writing = false
	if o.closed {
		o.release()
	}
	o.pongs = 0
	for _, c := range o.idle {
		close(c)
	}
	o.idle = nil
}

// close ends the box; what is queued is let go. The connection is closed before,
// so that no write blocks any more.
func (o *outbox) close() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.closed = true
	if !o.writing {
		o.rest()
	}
}

// release lets everything go that is queued.
func (o *outbox) release() {
	for _, q := range []*ring{&o.queue, &o.held} {
		for q.len() > 0 {
			q.at(0).c.drop()
			q.popFront()
		}
	}
	o.load, o.total = [numClasses]load{}, load{}
	if o.sealer != nil {
		o.sealer.close()
	}
}

// advance takes n written bytes off the front of the queue.
func (o *outbox) advance(n int) {
	for n > 0 {
		s := o.queue.at(0)
		k := min(n, s.size())
		n -= k
		o.account(s.class, 0, -int64(k))
		if k < s.size() {
			s.off += int32(k)
			return
		}
		o.account(s.class, -int(s.msgs), 0)
		c := s.c
		o.queue.popFront()
		c.drop()
	}
}

// push appends spans that are kept already.
func (o *outbox) push(kept []span) {
	for _, s := range kept {
		if n := o.queue.len(); n > 0 {
			// The last one's end may move while its beginning is being written: the
			// writer goes by the bytes that it wrote.
			if last := o.queue.at(n - 1); last.joins(s) {
				last.end = s.end
				last.msgs += s.msgs
				s.c.drop()
				continue
			}
		}
		o.queue.pushBack(s)
	}
}

// cork holds back what comes from now on, until uncork.
func (o *outbox) cork() {
	o.mu.Lock()
	o.corked = true
	o.mu.Unlock()
}

// uncork sends spans, and then what was held back.
func (o *outbox) uncork(list []span, b *batch) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.corked = false
	if !o.closed {
		o.push(b.keep(o.take(list, false, b)))
	}
	for o.held.len() > 0 {
		o.push([]span{*o.held.at(0)})
		o.held.popFront()
	}
	if !o.writing {
		o.writing = true
		o.handOn()
	}
}

// answer reports whether one more PONG may wait.
func (o *outbox) answer() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.pongs >= maxPongs {
		return false
	}
	if o.writing {
		o.pongs++
	}
	return true
}

// mayAsk reports whether a PING would go out at once. One that waits would come
// with an answer that says nothing.
func (o *outbox) mayAsk() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return !o.writing && !o.corked
}

// whenIdle returns a channel that is closed once nothing is left to write.
func (o *outbox) whenIdle() <-chan struct{} {
	o.mu.Lock()
	defer o.mu.Unlock()
	c := make(chan struct{})
	if !o.writing && !o.corked {
		close(c)
	} else {
		o.idle = append(o.idle, c)
	}
	return c
}

// figures returns what is queued and what was ever taken and dropped.
func (o *outbox) figures() (waiting load, sent, dropped Flow) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.total, o.sent, o.dropped
}
