package forwarder

import (
	"errors"
	"fmt"
	"unsafe"

	"golang.org/x/sys/unix"

	"zmicroservices/taskservice/zmtp"
	"zmicroservices/taskservice/zmtp/curve"
)

// sealer stands between an outbox and the socket of a sealed connection. What the
// queues hold and share stays plain: a frame is sealed just before it is written,
// into a chunk of this connection's own, and what the kernel does not take of that
// waits there. So a stalled peer holds 64 KiB of sealed bytes, or one frame that is
// longer, and everything that is counted is counted as for all peers.
//
// It belongs to whoever is the outbox's writer.
type sealer struct {
	f       *Forwarder
	session *curve.Session
	cur     *chunk // nil while nothing is held, or what is held is long
	buf     []byte
	left    []byte // the end of buf, which the kernel has not taken
	long    int    // bytes of memory of our own in buf
	whole   []byte // a frame that lay in several pieces
}

// pass seals and writes what iov names, until the kernel takes no more. taken are
// the plain bytes, always of whole frames, that need not be kept any more; moved
// says that the kernel took something, or that all is done.
func (s *sealer) pass(fd uintptr, iov []unix.Iovec) (taken int, moved bool, err error) {
	in := pieces{iov: iov}
	for {
		for len(s.left) > 0 {
			v := [1]unix.Iovec{{Base: &s.left[0]}}
			v[0].SetLen(len(s.left))
			n, err := writev(fd, v[:])
			if n == 0 || err != nil {
				return taken, moved, err
			}
			s.left, moved = s.left[n:], true
		}
		if in.done() {
			s.close()
			return taken, true, nil
		}
		n, err := s.fill(&in)
		if err != nil {
			return taken, moved, err
		}
		taken += n
	}
}

// fill seals as many frames as fit the buffer, or one that is longer.
func (s *sealer) fill(in *pieces) (taken int, err error) {
	if s.long > 0 || s.cur == nil {
		s.close()
		s.cur = s.f.depot.get(bigChunk)
	}
	s.buf = s.cur.buf[:0]
	for !in.done() {
		h, err := in.header()
		if err != nil {
			return taken, err
		}
		if size := curve.SealedSize(int(h.Size)); size > cap(s.buf)-len(s.buf) {
			if len(s.buf) > 0 {
				break // next time
			}
			if err := s.longer(size); err != nil {
				return taken, err
			}
		}
		frame, err := in.next(int(h.Total()), &s.whole, &s.f.spare)
		if err != nil {
			return taken, err
		}
		s.buf = s.session.Seal(s.buf, h.More(), h.Command(), frame[h.Len:])
		taken += len(frame)
	}
	s.left = s.buf
	if cap(s.whole) > bigChunk {
		s.f.spare.give(s.whole)
		s.whole = nil
	}
	return taken, nil
}

// longer makes room for a frame that fits no chunk.
func (s *sealer) longer(size int) error {
	if s.f.sealing.Add(int64(size)) > s.f.limits.Memory/4 {
		s.f.sealing.Add(-int64(size))
		return fmt.Errorf("seal frame of %d bytes: %w", size, errMemory)
	}
	s.cur.drop()
	s.cur, s.buf, s.long = nil, s.f.spare.get(size)[:0], size
	return nil
}

// close gives the buffers back.
func (s *sealer) close() {
	if s.cur != nil {
		s.cur.drop()
	}
	if s.long > 0 {
		s.f.sealing.Add(-int64(s.long))
		s.f.spare.give(s.buf)
	}
	s.cur, s.buf, s.left, s.long = nil, nil, nil, 0
}

// pieces is a stream of plain frames in several ranges.
type pieces struct {
	iov []unix.Iovec
	off int // in the first
}

func (p *pieces) done() bool { return len(p.iov) == 0 }

// first is what is left of the first range.
func (p *pieces) first() []byte {
	return unsafe.Slice(p.iov[0].Base, p.iov[0].Len)[p.off:]
}

// header is the next frame's.
func (p *pieces) header() (zmtp.Header, error) {
	h, err := zmtp.ParseHeader(p.first())
	if errors.Is(err, zmtp.ErrShort) { // it lies in two ranges
		var b [zmtp.MaxHeader]byte
		at := *p
		h, err = zmtp.ParseHeader(b[:at.read(b[:])])
	}
	if err != nil {
		return h, fmt.Errorf("seal frame: %w", err) // cannot be: it was parsed when it came
	}
	return h, nil
}

// next is the next frame of n bytes, in scratch if it does not lie in one range.
func (p *pieces) next(n int, scratch *[]byte, spare *spare) ([]byte, error) {
	if r := p.first(); n <= len(r) {
		p.skip(n)
		return r[:n], nil
	}
	if cap(*scratch) < n {
		*scratch = spare.get(n)
	}
	frame := (*scratch)[:n]
	if p.read(frame) < n {
		return nil, fmt.Errorf("seal frame: %w", zmtp.ErrShort) // cannot be: messages are queued whole
	}
	return frame, nil
}

// skip passes n bytes.
func (p *pieces) skip(n int) {
	for n > 0 {
		r := len(p.first())
		if n < r {
			p.off += n
			return
		}
		n -= r
		p.iov, p.off = p.iov[1:], 0
	}
}

// read copies and passes as many bytes as fit b.
func (p *pieces) read(b []byte) (n int) {
	for n < len(b) && !p.done() {
		k := copy(b[n:], p.first())
		p.skip(k)
		n += k
	}
	return n
}
