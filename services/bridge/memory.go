package bridge

import (
	"context"
	"strconv"
	"strings"
	"sync"
	"time"
)

// memory knows, of each lane of each bridge elsewhere, the last event of a stream that is
// on our bus: what has no higher number was there before. JetStream drops a second one
// itself, within its window for duplicates; this is for what was sent again after a longer
// cut. Streams are told apart, as each is read at its own pace: where Choria has one of its
// own for life cycle events, a lane's may be here before an older report of it.
type memory struct {
	shelf *shelf

	mu          sync.Mutex // guards the rest
	young, aged map[string]int64
}

const (
	// generation is how many lanes make the younger map the aged one.
	generation = 32_768
	// remembered is how long a lane is: longer than what a stream keeps by default.
	remembered = 30 * 24 * time.Hour
)

func newMemory(ctx context.Context, s *shelf) (*memory, error) {
	m := &memory{shelf: s, young: map[string]int64{}}
	err := s.seen(ctx, time.Now().Add(-remembered), m.set)
	return m, err
}

func (m *memory) set(lane string, seq int64) {
	if len(m.young) >= generation {
		m.young, m.aged = map[string]int64{}, m.young
	}
	m.young[lane] = seq
}

// isNew says whether an event was never on our bus. One without an id of a bridge always
// is.
func (m *memory) isNew(stream, id, lane string) bool {
	key, seq, ok := numbered(stream, id, lane)
	if !ok {
		return true
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	last, known := m.young[key]
	if !known {
		last = m.aged[key]
	}
	return seq > last
}

// note is told when it is there.
func (m *memory) note(stream, id, lane string) {
	key, seq, ok := numbered(stream, id, lane)
	if !ok {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.set(key, seq)
	m.shelf.saw(key, seq, time.Now())
}

// numbered takes an id apart: <run>-<number>.
func numbered(stream, id, lane string) (key string, seq int64, ok bool) {
	i := strings.LastIndexByte(id, '-')
	if i < 1 {
		return "", 0, false
	}
	seq, err := strconv.ParseInt(id[i+1:], 10, 64)
	return stream + "/" + id[:i] + "/" + lane, seq, err == nil && seq > 0
}
