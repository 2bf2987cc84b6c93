package forwarder

import (
	"sync"

	"golang.org/x/sys/unix"
)

// Flow counts messages and bytes. Bytes are those on the wire, headers included.
type Flow struct{ Messages, Bytes uint64 }

func (f *Flow) add(g Flow) {
	f.Messages += g.Messages
	f.Bytes += g.Bytes
}

// flow knows how far a connection's stream was read and how far that was dealt
// with, which is what Settle waits for.
type flow struct {
	mu      sync.Mutex // guards the rest; held over one non-blocking read
	taken   int64      // bytes that came out of the kernel
	done    int64      // bytes that were forwarded and tapped
	closed  bool
	waiters []settling
}

// settling is one Settle that waits for one connection.
type settling struct {
	until int64
	done  chan<- struct{} // closed by the connection's goroutine
}

// read reads without blocking and counts.
func (f *flow) read(fd int, p []byte) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for {
		n, err := unix.Read(fd, p)
		if err == unix.EINTR {
			continue
		}
		if n > 0 {
			f.taken += int64(n)
			return n, nil
		}
		return 0, err
	}
}

// dealt says that all that was read has been forwarded and tapped, as far as it
// was complete.
func (f *flow) dealt() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.done = f.taken
	f.wake()
}

// close says that nothing more will come.
func (f *flow) close() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.closed = true
	f.wake()
}

func (f *flow) wake() {
	if len(f.waiters) == 0 {
		return
	}
	left := f.waiters[:0]
	for _, w := range f.waiters {
		if f.closed || f.done >= w.until {
			close(w.done)
		} else {
			left = append(left, w)
		}
	}
	clear(f.waiters[len(left):])
	f.waiters = left
}

// settled returns a channel that is closed once all is dealt with that the
// kernel holds now, or nil if that is so already. inq asks the kernel; it is
// called while no read can take place, so that nothing is in between.
func (f *flow) settled(inq func() int) <-chan struct{} {
	f.mu.Lock()
	defer f.mu.Unlock()
	until := f.taken + int64(inq())
	if f.closed || f.done >= until {
		return nil
	}
	done := make(chan struct{})
	f.waiters = append(f.waiters, settling{until: until, done: done})
	return done
}
