package forwarder

import (
	"sync"
	"sync/atomic"
)

// Sizes of chunks in bytes. A big one is what a connection reads into: a read of
// it amortises the system call over 300 messages of 200 bytes and still fits the
// second-level cache together with the copy that the kernel makes of it. A small
// one is what little ranges are copied to when they have to wait.
const (
	bigChunk   = 64 << 10
	smallChunk = 4 << 10
)

// How many unused chunks a depot keeps at most; it gives up half of what it did
// not need for a while at every trim.
const (
	maxFreeBig   = 1024 // 64 MiB
	maxFreeSmall = 4096 // 16 MiB
)

// chunk is a buffer of fixed size that readers fill and queues share. Bytes once
// written never change while anybody else holds it, so holders need no lock.
type chunk struct {
	buf  []byte
	refs atomic.Int32
	home *depot
}

// hold adds a holder.
func (c *chunk) hold() { c.refs.Add(1) }

// drop removes a holder; the last one sends the chunk home.
func (c *chunk) drop() {
	if c.refs.Add(-1) == 0 {
		c.home.take(c)
	}
}

// shared reports whether anybody but the caller, who holds it, holds it too.
func (c *chunk) shared() bool { return c.refs.Load() > 1 }

// depot is where chunks come from and return to. Free lists of our own, not
// sync.Pool, because what is handed out is counted exactly: the count is the
// bound on the forwarder's memory, and zero at the end in every test.
type depot struct {
	live atomic.Int64 // bytes in chunks that somebody holds

	mu               sync.Mutex // guards the rest
	big, small       []*chunk
	lowBig, lowSmall int // fewest that lay free since the last trim
}

// get hands out a chunk with one holder.
func (d *depot) get(size int) *chunk {
	d.live.Add(int64(size))
	d.mu.Lock()
	free, low := d.shelf(size)
	n := len(*free)
	if n == 0 {
		d.mu.Unlock()
		c := &chunk{buf: make([]byte, size), home: d}
		c.refs.Store(1)
		return c
	}
	c := (*free)[n-1]
	(*free)[n-1] = nil
	*free = (*free)[:n-1]
	*low = min(*low, n-1)
	d.mu.Unlock()
	c.refs.Store(1)
	return c
}

// take puts a chunk that nobody holds back on its shelf.
func (d *depot) take(c *chunk) {
	size := len(c.buf)
	d.live.Add(-int64(size))
	limit := maxFreeBig
	if size == smallChunk {
		limit = maxFreeSmall
	}
	d.mu.Lock()
	if free, _ := d.shelf(size); len(*free) < limit {
		*free = append(*free, c)
	}
	d.mu.Unlock()
}

func (d *depot) shelf(size int) (free *[]*chunk, low *int) {
	if size == smallChunk {
		return &d.small, &d.lowSmall
	}
	return &d.big, &d.lowBig
}

// trim frees half of the chunks that have not been needed since the last trim,
// so that the memory of a burst returns within seconds and a steady load never
// allocates.
func (d *depot) trim() {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, size := range []int{bigChunk, smallChunk} {
		free, low := d.shelf(size)
		n := len(*free)
		keep := n - (*low+1)/2
		clear((*free)[keep:])
		*free = (*free)[:keep]
		*low = keep
	}
}
