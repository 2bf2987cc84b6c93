package forwarder

import (
	"context"
	"errors"
	"maps"
	"net"
	"slices"
	"time"

	"golang.org/x/sys/unix"
)

// Settle returns when everything that publishers who are gone had handed to our
// kernel before the call has been forwarded and tapped, or when ctx ends. It is for
// who is about to say something that must come after a dead peer's last words:
// those are in our socket's receive queue, and their end is a FIN behind them. A
// publisher whose tap blocks is waited for as long as ctx allows. One that lives is
// not waited for: it may fill its queue faster than we read, and its words are not
// its last.
func (f *Forwarder) Settle(ctx context.Context) {
	var waits []<-chan struct{}
	for _, c := range f.snapshot() {
		if c.side != front || !c.left() {
			continue
		}
		if w := c.flow.settled(c.pending); w != nil {
			waits = append(waits, w)
		}
	}
	for _, w := range waits {
		select {
		case <-w:
		case <-ctx.Done():
			return
		}
	}
}

// left reports whether the peer has closed its end. Its FIN may still be behind
// data that our receive queue has no room for, in the peer's socket, which nobody
// has open any more: that is seen by the socket having no owner.
func (c *conn) left() bool {
	left, waiting := false, 0
	_ = c.raw.Control(func(fd uintptr) { // an error is a socket that was closed
		p := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLRDHUP}}
		if n, err := unix.Poll(p, 0); err == nil && n > 0 {
			left = true
			return
		}
		waiting, _ = unix.IoctlGetInt(int(fd), unix.TIOCINQ)
	})
	if left || waiting == 0 {
		return left
	}
	remote, ok := c.net.RemoteAddr().(*net.TCPAddr)
	if !ok || !isLoopback(remote.AddrPort()) {
		return false
	}
	local, ok := c.net.LocalAddr().(*net.TCPAddr)
	if !ok {
		return false
	}
	_, err := c.f.diag.owner(remote.AddrPort(), local.AddrPort())
	return errors.Is(err, errOrphan) || errors.Is(err, errNoSocket)
}

// pending is how many bytes wait in the socket (FIONREAD, which Linux calls TIOCINQ too; tcp(7), unix(7)).
func (c *conn) pending() (n int) {
	// An error is a socket that was closed: nothing more comes out of it.
	_ = c.raw.Control(func(fd uintptr) {
		n, _ = unix.IoctlGetInt(int(fd), unix.TIOCINQ)
	})
	return n
}

// stalled is how long a queue may stand still before Drain gives it up.
const stalled = 500 * time.Millisecond

// Drain waits until every subscriber has received all that is queued for it, or
// its queue stands still for half a second, or ctx ends, which is the error. It
// is for the end: after the last Publish, before Run's context ends.
func (f *Forwarder) Drain(ctx context.Context) error {
	tick := time.NewTicker(stalled / 10)
	defer tick.Stop()
	for _, c := range f.snapshot() {
		if c.side != back {
			continue
		}
		if err := c.drained(ctx, tick.C); err != nil {
			return err
		}
	}
	return nil
}

// drained waits for one subscriber: for its queue, and for the socket's, since
// bytes that the peer has not acknowledged when we close may be lost with a reset.
func (c *conn) drained(ctx context.Context, tick <-chan time.Time) error {
	idle := c.out.whenIdle()
	before, still := int64(-1), time.Duration(0)
	for {
		select {
		case <-idle:
			if idle = nil; c.unsent() == 0 {
				return nil
			}
			continue
		case <-ctx.Done():
			return ctx.Err()
		case <-tick:
		}
		waiting, _, _ := c.out.figures()
		left := waiting.bytes + int64(c.unsent())
		if still += stalled / 10; left != before {
			before, still = left, 0
		}
		if idle == nil && left == 0 || still >= stalled {
			return nil
		}
	}
}

// unsent is how many bytes the peer's kernel has not taken (SIOCOUTQ, tcp(7)).
func (c *conn) unsent() (n int) {
	// An error is a socket that was closed: nothing more goes into it.
	_ = c.raw.Control(func(fd uintptr) {
		n, _ = unix.IoctlGetInt(int(fd), unix.TIOCOUTQ)
	})
	return n
}

// snapshot is the connections of now.
func (f *Forwarder) snapshot() []*conn {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Collect(maps.Keys(f.conns))
}
