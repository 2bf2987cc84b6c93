package forwarder

import (
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// writer makes vectored writes to one socket. It is used by one goroutine at a
// time.
type writer struct {
	iov     []unix.Iovec
	size    int     // bytes in iov
	within  bool    // iov ends within a message
	gain    int     // bytes that the last write took
	failure error   // why it took none; nil also if it would block
	sealer  *sealer // of a sealed connection
	now     func(fd uintptr)
	soon    func(fd uintptr) bool
}

// Bounds of one vectored write: ranges, which makes a kibibyte of vector for who
// ever needed as many, and bytes. A longer write would keep a processor for longer
// than everybody else's turn, and gains nothing.
const (
	maxIov   = 64
	maxWrite = 256 << 10
)

func (w *writer) init() {
	// Made once: a closure at each write would be garbage at each write.
	w.now = func(fd uintptr) { w.gain, w.failure = writev(fd, w.iov) }
	w.soon = func(fd uintptr) bool {
		w.gain, w.failure = writev(fd, w.iov)
		return w.gain > 0 || w.failure != nil
	}
}

// writeNow writes as much of list as the kernel takes at once. It returns what is
// left, valid until b's next use; mid means that its first message was begun.
func (w *writer) writeNow(raw syscall.RawConn, list []span, b *batch) (rest []span, mid bool, sent Flow, err error) {
	for len(list) > 0 {
		n := 0
		for w.iov = w.iov[:0]; n < len(list) && w.add(&list[n]); {
			n++
		}
		part := list[:n]
		// Control, not Write: it neither waits nor takes the descriptor's write lock.
		if err := raw.Control(w.now); err != nil {
			return nil, false, sent, err
		}
		if w.failure != nil {
			return nil, false, sent, w.failure
		}
		n = w.gain
		sent.Bytes += uint64(n)
		for len(part) > 0 && n >= part[0].size() {
			n -= part[0].size()
			sent.Messages += uint64(part[0].msgs)
			mid = part[0].more
			part, list = part[1:], list[1:]
		}
		if len(part) == 0 {
			continue
		}
		if n == 0 {
			return list, mid, sent, nil
		}
		begun, tail := part[0].split(n)
		sent.Messages += uint64(part[0].msgs - begun.msgs - tail.msgs)
		b.rest = b.rest[:0]
		if begun.size() > 0 {
			b.rest = append(b.rest, begun)
		}
		if tail.size() > 0 {
			b.rest = append(b.rest, tail)
		}
		b.rest = append(b.rest, list[1:]...)
		return b.rest, begun.size() > 0, sent, nil
	}
	return nil, false, sent, nil
}

// gather prepares a write of the front of a queue.
func (w *writer) gather(q *ring) {
	w.iov = w.iov[:0]
	for n := 0; n < q.len() && w.add(q.at(n)); {
		n++
	}
}

// add adds a range to the write, unless it is full.
func (w *writer) add(s *span) bool {
	if len(w.iov) == 0 {
		w.size, w.within = 0, false
	}
	// A frame is sealed whole.
	if full := len(w.iov) >= maxIov || w.size >= maxWrite; full && (w.sealer == nil || !w.within) {
		return false
	}
	w.within = s.more
	v := unix.Iovec{Base: &s.c.buf[s.off]}
	v.SetLen(s.size())
	w.iov = append(w.iov, v)
	w.size += s.size()
	return true
}

// writeSoon waits until the kernel takes something of what was gathered, and
// returns how much.
func (w *writer) writeSoon(raw syscall.RawConn) (int, error) {
	w.gain, w.failure = 0, nil
	if err := raw.Write(w.soon); err != nil {
		return 0, err
	}
	return w.gain, w.failure
}

// seal makes w the writer of a sealed connection.
func (w *writer) seal(s *sealer) {
	w.sealer = s
	w.now = func(fd uintptr) { w.gain, _, w.failure = s.pass(fd, w.iov) }
	w.soon = func(fd uintptr) bool {
		var moved bool
		w.gain, moved, w.failure = s.pass(fd, w.iov)
		// What was taken may not be taken again, even if the kernel waits.
		return moved || w.gain > 0 || w.failure != nil
	}
}

// backlog says that bytes wait in the sealer, which are in no queue any more.
func (w *writer) backlog() bool { return w.sealer != nil && len(w.sealer.left) > 0 }

// writev writes without blocking; (0, nil) means that it would block. A system
// call of our own, because unix.Writev makes a new vector at each call.
func writev(fd uintptr, iov []unix.Iovec) (int, error) {
	for {
		n, _, errno := unix.Syscall(unix.SYS_WRITEV, fd, uintptr(unsafe.Pointer(&iov[0])), uintptr(len(iov)))
		switch errno {
		case 0:
			return int(n), nil
		case unix.EINTR:
		case unix.EAGAIN:
			return 0, nil
		default:
			return 0, errno
		}
	}
}
