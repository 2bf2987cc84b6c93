package bus

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"github.com/go-zeromq/zmq4"

	"zmicroservices/taskservice/zmtp"
)

const (
	// joinTime is Options.JoinTime's default.
	joinTime = 2 * time.Second
	// batch is how many bytes of small messages leave in one write.
	batch = 64 << 10
)

// errDrained ends a publisher that was closed and has nothing left to send.
var errDrained = errors.New("drained")

// publisher keeps one connection to the endpoint and sends what is queued.
type publisher struct {
	side
	queue *queue

	joinTime  time.Duration
	connected atomic.Bool
	done      chan struct{} // closed by run when it ends

	// owned by run
	pending [][]byte // taken from queue
	base    uint64   // what outlet had written before pending
}

// run dials for ever, until ctx ends or the queue is closed and empty.
func (p *publisher) run(ctx context.Context) {
	defer close(p.done)
	pauses := newBackoff()
	for {
		err := p.session(ctx, pauses)
		if errors.Is(err, errDrained) || ctx.Err() != nil {
			return
		}
		p.report(err)
		if p.queue.isClosed() && p.queue.owed() == 0 {
			return
		}
		if pauses.wait(ctx) != nil {
			return
		}
	}
}

// wait returns when run has ended or ctx does.
func (p *publisher) wait(ctx context.Context) {
	select {
	case <-p.done:
	case <-ctx.Done():
	}
}

// session is one connection, from dial to loss.
func (p *publisher) session(ctx context.Context, pauses *backoff) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	subscribed := make(chan struct{}, 1) // see guard.subscribed
	l, err := dial(ctx, end{p.to, zmq4.Pub, []zmtp.SocketType{zmtp.SUB, zmtp.XSUB}, maxUpstream, p.security}, func(frame []byte) {
		if _, subscribe, ok := zmtp.ParseSubscription(frame); ok && subscribe { // as of ZMTP 3.0
			signal(subscribed)
		}
	})
	if err != nil {
		return err
	}
	defer func() { cancel(); l.hangUp() }()
	// A write to a peer that does not read ends only with its connection.
	defer context.AfterFunc(ctx, func() { l.Close() })()

	join := time.NewTimer(p.joinTime)
	defer join.Stop()
	select {
	case <-subscribed:
	case <-l.subscribed:
	case <-join.C:
	case <-l.lost:
		return l.err
	case <-ctx.Done():
		return ctx.Err()
	}
	go l.watch(ctx) // ends with this session
	pauses.reset()
	p.connected.Store(true)
	p.joined()
	p.base = 0
	err = p.serve(ctx, l)
	p.connected.Store(false)
	p.left(ctx.Err() == nil && !errors.Is(err, errDrained), err)
	return err
}

func (p *publisher) serve(ctx context.Context, l *link) error {
	for {
		closed := false
		if len(p.pending) == 0 {
			p.pending, closed = p.queue.take(p.pending[:0], batch)
		}
		if len(p.pending) > 0 {
			if err := p.send(l); err != nil {
				return err
			}
			continue
		}
		if closed {
			if err := l.goodbye(ctx); err != nil {
				return err
			}
			return errDrained
		}
		select {
		case <-p.queue.more:
		case <-l.lost:
			return l.err
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// send writes pending. What the kernel did not take whole stays pending and is
// sent again on the next connection: the peer throws half a frame away, so
// nothing arrives twice.
func (p *publisher) send(l *link) error {
	var failed error
	for _, frame := range p.pending {
		if failed = l.send(frame); failed != nil {
			break
		}
	}
	written, err := l.flush()
	n := int(written - p.base)
	p.base = written
	clear(p.pending[:n])
	p.pending = p.pending[n:]
	p.queue.settle(n)
	return errors.Join(failed, err)
}
