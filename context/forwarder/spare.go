package forwarder

import (
	"slices"
	"sync"
)

// spare keeps buffers that are longer than a chunk, for frames of sealed
// connections, which have to be in one piece: a stream of long messages asks for
// the same few again and again.
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
	s.mu.Lock()
	s.used = true
	i := slices.IndexFunc(s.free, func(b []byte) bool { return cap(b) >= n && cap(b) <= 2*n })
	if i < 0 {
		s.mu.Unlock()
		return make([]byte, n, (n+bigChunk-1)&^(bigChunk-1))
	}
	b := s.free[i]
	s.free = slices.Delete(s.free, i, i+1)
	s.held -= cap(b)
	s.mu.Unlock()
	return b[:n]
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
