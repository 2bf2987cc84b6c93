package forwarder

import (
	"context"
	"errors"
	"net"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// Out of descriptors, accept tries again after these.
const (
	leastBackoff = 5 * time.Millisecond
	mostBackoff  = 100 * time.Millisecond
)

// accept takes connections until its listener is closed. At the limit of
// connections, and when the process has no descriptor left, newcomers are
// accepted and closed at once: left in the backlog, they would wait for ever and
// wake us for ever.
func (f *Forwarder) accept(ctx context.Context, l *listener) {
	var spare reserve
	spare.fill()
	defer spare.empty()
	backoff := leastBackoff
	for {
		nc, err := l.Accept()
		switch {
		case errors.Is(err, net.ErrClosed):
			return
		case errors.Is(err, unix.EMFILE), errors.Is(err, unix.ENFILE):
			if ok, more := f.sheds.pass(f.clock.Load()); ok {
				f.log.Warn("connection shed", "endpoint", l.endpoint, "err", err, "unlogged", more)
			}
			spare.empty()
			f.turnOneAway(l)
			spare.fill()
			if !pause(ctx, backoff) {
				return
			}
			backoff = min(2*backoff, mostBackoff)
			continue
		case err != nil:
			// A peer that gave up while it was in the backlog, mostly.
			f.log.Warn("connection not accepted", "endpoint", l.endpoint, "err", err)
			if !pause(ctx, backoff) {
				return
			}
			backoff = min(2*backoff, mostBackoff)
			continue
		}
		backoff = leastBackoff
		f.accepted.Add(1)
		if f.connections() >= f.limits.MaxConnections {
			if ok, more := f.sheds.pass(f.clock.Load()); ok {
				f.log.Warn("connection shed", "endpoint", l.endpoint, "limit", f.limits.MaxConnections, "unlogged", more)
			}
			f.turnAway(nc)
			continue
		}
		c, err := f.register(nc, l)
		if err != nil {
			_ = nc.Close() // nobody has seen it yet
			continue
		}
		// Ends when its connection is closed: by the peer, by a limit or by Close.
		go func() {
			defer f.running.Done()
			c.serve()
		}()
	}
}

// turnOneAway closes the connection that could not be accepted, with the
// descriptor that was spared for it. It does not wait for another: that one may
// come when there are descriptors again.
func (f *Forwarder) turnOneAway(l *listener) {
	_ = l.SetDeadline(time.Now().Add(leastBackoff)) // fails with Accept, if at all
	if nc, err := l.Accept(); err == nil {
		f.turnAway(nc)
	}
	_ = l.SetDeadline(time.Time{})
}

func (f *Forwarder) turnAway(nc net.Conn) {
	f.shed.Add(1)
	_ = nc.Close() // nothing was said on it
}

// pause waits, and reports whether ctx goes on.
func pause(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// reserve is a descriptor kept for bad times.
type reserve struct{ file *os.File }

func (r *reserve) fill() {
	// Without it, shedding is all that is lost.
	r.file, _ = os.Open(os.DevNull)
}

func (r *reserve) empty() {
	if r.file != nil {
		_ = r.file.Close() // of /dev/null
		r.file = nil
	}
}
