package forwarder

import (
	"math/bits"
	"sync"
)

// spare keeps buffers that are longer than a chunk, for frames of sealed
// connections, which have to be in one piece: a stream of long messages asks for
// the same few again and again. Lengths are powers of two.
type spare struct {
	mu   sync.Mutex // guards the rest
	free [][]byte
	held int // bytes in free
	used bool
}

// maxSpare bounds what lies free, in bytes.
const maxSpare = 32 << 20

// get returns a buffer of n bytes. What is in it is nobody's business.
func (s *spare) get(n int) []byte {
	size := 1 << bits.Len(uint(n-1))
	s.mu.Lock()
	s.used = true
	for i, b := range s.free {
		if cap(b) == size {
			last := len(s.free) - 1
			s.free[i] = s.free[last]
			s.free[last] = nil
			s.free = s.free[:last]
			s.held -= size
			s.mu.Unlock()
			return b[:n]
		}
	}
	s.mu.Unlock()
	return make([]byte, n, size)
}

// give takes a buffer of get's back.
func (s *spare) give(b []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.held+cap(b) <= maxSpare {
		s.free = append(s.free, b[:cap(b)])
		s.held += cap(b)
	}
}

// trim frees all of them if nobody wanted one since the last time.
func (s *spare) trim() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.used {
		s.free, s.held = nil, 0
	}
	s.used = false
}
