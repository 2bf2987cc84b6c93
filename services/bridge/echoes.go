package bridge

import (
	"hash/maphash"
	"sync"
)

// echoes are the messages that the bridge itself has put on the bus as commands, and
// that will come back from there: they are not to be sent to where they came from.
type echoes struct {
	seed maphash.Seed

	mu    sync.Mutex // guards the rest
	count map[uint64]int
	order []uint64 // the oldest first
}

// mostEchoes bounds them. A command that the provider refuses does not come back.
const mostEchoes = 1024

func newEchoes() *echoes { return &echoes{seed: maphash.MakeSeed(), count: map[uint64]int{}} }

// expect is told before a frame is published.
func (e *echoes) expect(frame []byte) {
	sum := maphash.Bytes(e.seed, frame)
	e.mu.Lock()
	defer e.mu.Unlock()
	e.count[sum]++
	e.order = append(e.order, sum)
	if len(e.order) > mostEchoes {
		e.forget(e.order[0])
		e.order = e.order[1:]
	}
}

// is says whether a frame is one of them; each is one once.
func (e *echoes) is(frame []byte) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	if len(e.count) == 0 {
		return false
	}
	sum := maphash.Bytes(e.seed, frame)
	if e.count[sum] == 0 {
		return false
	}
	e.forget(sum)
	return true
}

func (e *echoes) forget(sum uint64) {
	if e.count[sum]--; e.count[sum] <= 0 {
		delete(e.count, sum)
	}
}
