package mqtt

import (
	"crypto/sha256"
	"sync"
	"time"
)

// How much is remembered, and for how long the same content from the same side is a
// repetition. A circle of gateways is quicker than that by far, and an agent whose last
// will never changes does not die twice within it and live in between.
const (
	remembered = 32 << 10
	repetition = 10 * time.Second
)

// verdict is what the memory says of a message.
type verdict uint8

const (
	crosses  verdict = iota
	echo             // we said it there
	repeated         // it has just crossed
)

// digest stands for a message: its topic and payload as on our bus.
type digest [sha256.Size]byte

func digestOf(topic string, payload []byte) digest {
	h := sha256.New()
	h.Write([]byte(topic)) //nolint:errcheck // a hash never fails
	h.Write([]byte{0})     //nolint:errcheck // no topic has one
	h.Write(payload)       //nolint:errcheck // as above
	return digest(h.Sum(nil))
}

// memory knows the last messages that crossed. An echo may come late, when the side that
// it comes from was away, so that their number bounds it, not their age.
type memory struct {
	mu    sync.Mutex // guards all
	known map[digest]crossing
	order []digest // a ring of the keys of known, oldest at next once it is full
	next  int
}

type crossing struct {
	way direction
	at  time.Time
}

func newMemory(size int) *memory {
	return &memory{known: make(map[digest]crossing), order: make([]digest, 0, size)}
}

// cross asks for passage, and remembers it when it is granted.
func (m *memory) cross(d digest, way direction, now time.Time) verdict {
	m.mu.Lock()
	defer m.mu.Unlock()
	before, known := m.known[d]
	switch {
	case known && before.way != way:
		return echo
	case known && now.Sub(before.at) < repetition:
		return repeated
	}
	m.known[d] = crossing{way, now}
	switch {
	case known: // it has its place in the ring
	case len(m.order) < cap(m.order):
		m.order = append(m.order, d)
	default:
		delete(m.known, m.order[m.next])
		m.order[m.next] = d
		m.next = (m.next + 1) % len(m.order)
	}
	return crosses
}
