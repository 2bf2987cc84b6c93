// Package hub is a bus within one process, for a watchdog that runs without a context:
// against an MQTT broker alone. Its ends have the methods that *bus.Bus has, and hear
// what they publish themselves, as they would there.
//
//	h := hub.New()
//	gateway, watchdog := h.Join(), h.Join()
//	err := watchdog.Subscribe(ctx, "hippodamia.")
//	err = gateway.Publish(ctx, frame)
//	frame, err := watchdog.Receive(ctx)
//
// Nobody waits for another one: an end that does not receive loses what its queue has no
// room for, as a subscriber of the forwarder does, and the loss is counted.
//
// It never leaves the process, and starts no goroutine.
package hub

import (
	"context"
	"slices"
	"strings"
	"sync"
)

// What an end's queue holds at most.
const (
	maxQueued = 10_000   // messages
	maxBytes  = 32 << 20 // of them
)

// Hub joins its ends. Use New.
type Hub struct {
	mu   sync.Mutex // guards ends
	ends []*End
}

// New gives a hub without ends.
func New() *Hub { return &Hub{} }

// Join adds an end, which belongs to the caller until Leave.
func (h *Hub) Join() *End {
	e := &End{hub: h, more: make(chan struct{}, 1)}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.ends = append(h.ends, e)
	return e
}

// End is a place at a hub. Its methods can be called by several at once.
type End struct {
	hub  *Hub
	more chan struct{} // a token when there may be something; sent by offer, capacity 1 as one is enough

	mu       sync.Mutex // guards what follows
	prefixes []string
	frames   [][]byte
	size     int
	dropped  uint64
}

// Publish gives a frame, which nobody may change from then on, to every end that
// subscribed to a prefix of it. It never waits.
func (e *End) Publish(_ context.Context, frame []byte) error {
	e.hub.mu.Lock()
	ends := slices.Clone(e.hub.ends)
	e.hub.mu.Unlock()
	for _, to := range ends {
		to.offer(frame)
	}
	return nil
}

func (e *End) offer(frame []byte) {
	e.mu.Lock()
	defer e.mu.Unlock()
	begins := func(prefix string) bool {
		return strings.HasPrefix(string(frame[:min(len(frame), len(prefix))]), prefix)
	}
	switch {
	case !slices.ContainsFunc(e.prefixes, begins):
		return
	case len(e.frames) == maxQueued || len(e.frames) > 0 && e.size+len(frame) > maxBytes:
		e.dropped++
		return
	}
	e.frames = append(e.frames, frame)
	e.size += len(frame)
	select {
	case e.more <- struct{}{}:
	default:
	}
}

// Subscribe adds a prefix; what is published from then on is heard.
func (e *End) Subscribe(_ context.Context, prefix string) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if !slices.Contains(e.prefixes, prefix) {
		e.prefixes = append(e.prefixes, prefix)
	}
	return nil
}

// Receive gives the next frame, or ctx's error.
func (e *End) Receive(ctx context.Context) ([]byte, error) {
	for {
		if frame, ok := e.take(); ok {
			return frame, nil
		}
		select {
		case <-e.more:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

func (e *End) take() ([]byte, bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if len(e.frames) == 0 {
		return nil, false
	}
	frame := e.frames[0]
	e.frames[0] = nil
	if e.frames = e.frames[1:]; len(e.frames) == 0 {
		e.frames = nil // what held a burst is given back
	} else {
		select { // for whoever else receives here
		case e.more <- struct{}{}:
		default:
		}
	}
	e.size -= len(frame)
	return frame, true
}

// Dropped is how many frames there was no room for.
func (e *End) Dropped() uint64 {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.dropped
}

// Beside joins a further end to the same hub.
func (e *End) Beside() *End { return e.hub.Join() }

// Leave takes the end from its hub: nothing more arrives.
func (e *End) Leave() {
	e.hub.mu.Lock()
	defer e.hub.mu.Unlock()
	e.hub.ends = slices.DeleteFunc(e.hub.ends, func(other *End) bool { return other == e })
}
