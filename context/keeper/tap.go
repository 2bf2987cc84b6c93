package keeper

import (
	"bytes"
	"context"
	"fmt"
	"iter"
	"sync"
	"time"
)

// maxHeard bounds what waits for the reader of one Tap, in bytes.
const maxHeard = 1 << 20

// Tap is a provider's ear at the output of a slot. It hears every line while the
// keeper reads it, whatever becomes of the log file: on a full disk too. Nobody
// waits for its reader; what it is too slow for is dropped and counted. Its methods
// may be called from any goroutine, Next from one at a time.
type Tap struct {
	c    *Client
	seq  uint64 // names it on the wire
	from time.Time
	more chan struct{} // capacity 1, a level: something waits; sent by the client's reader, never closed

	mu    sync.Mutex // guards what follows
	queue []Heard
	bytes int // in queue
}

// Heard is some output: whole lines, each with its newline, as they stand in the log
// file; and how many came after them and were dropped.
type Heard struct {
	Lines   []byte
	Dropped uint64
}

// Texts gives the lines as the service wrote them, without newline, and the stream of
// each: "out" or "err".
func (h Heard) Texts() iter.Seq2[string, []byte] {
	return func(yield func(string, []byte) bool) {
		for line := range bytes.Lines(h.Lines) {
			// See logfile.Stamp: the time has 30 bytes, its space, the stream, a space.
			const stream, text = 31, 35
			if len(line) > text && !yield(string(line[stream:text-1]), line[text:len(line)-1]) {
				return
			}
		}
	}
}

// Tap begins to listen to a slot, which need not be there yet: asked for before Spawn,
// nothing is missed. An Incarnation of 0 is every slot of the task, now and later,
// hooks included. ErrVersion: the keeper cannot do this.
//
// It returns when all that was read before From is in the log file, unless the disk
// stalls: file and tap together miss nothing.
func (c *Client) Tap(ctx context.Context, id ID) (*Tap, error) {
	if c.version < 3 {
		return nil, fmt.Errorf("tap output of %s: %w", id, ErrVersion)
	}
	t := &Tap{c: c, more: make(chan struct{}, 1)}
	c.mu.Lock()
	c.req++
	t.seq = c.req
	c.taps[t.seq] = t // before the keeper knows: lines may come first
	c.mu.Unlock()
	m, err := c.ask(ctx, &message{Kind: kindTap, ID: id, Seq: t.seq})
	if err != nil {
		_ = t.Close()
		return nil, fmt.Errorf("tap output of %s: %w", id, err)
	}
	t.from = m.At
	return t, nil
}

// From is when the tap began, by the clock that stamps the lines: it hears those
// stamped at that time or later.
func (t *Tap) From() time.Time { return t.from }

// Next waits for output. The error is that of ctx, or why the client ended.
func (t *Tap) Next(ctx context.Context) (Heard, error) {
	for {
		if h, ok := t.take(); ok {
			return h, nil
		}
		select {
		case <-t.more:
		case <-t.c.closed:
			if h, ok := t.take(); ok {
				return h, nil
			}
			return Heard{}, t.c.Err()
		case <-ctx.Done():
			return Heard{}, ctx.Err()
		}
	}
}

// Close ends the listening. Next is not to be called any more.
func (t *Tap) Close() error {
	t.c.mu.Lock()
	delete(t.c.taps, t.seq)
	t.c.mu.Unlock()
	return t.c.send(&message{Kind: kindUntap, Seq: t.seq})
}

func (t *Tap) take() (Heard, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.queue) == 0 {
		return Heard{}, false
	}
	h := t.queue[0]
	t.queue = t.queue[1:]
	t.bytes -= len(h.Lines)
	return h, true
}

// heard takes what the keeper sent. It never blocks: the client's reader calls it.
func (t *Tap) heard(h Heard) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if n := len(t.queue); n > 0 && t.bytes+len(h.Lines) > maxHeard {
		t.queue[n-1].Dropped += h.Dropped + uint64(bytes.Count(h.Lines, []byte{'\n'}))
		return
	}
	t.queue = append(t.queue, h)
	t.bytes += len(h.Lines)
	select {
	case t.more <- struct{}{}:
	default:
	}
}
