package bridge

import (
	"context"
	"math/rand/v2"
	"time"
)

// pauses grow between attempts at what may not work for long: 100 ms, doubled up to 5 s,
// each with a quarter more or less, so that fifty bridges do not come at once.
type pauses struct{ next time.Duration }

const (
	firstPause = 100 * time.Millisecond
	longPause  = 5 * time.Second
)

func (p *pauses) reset() { p.next = 0 }

func (p *pauses) take() time.Duration {
	p.next = min(max(2*p.next, firstPause), longPause)
	return jitter(p.next)
}

func jitter(d time.Duration) time.Duration {
	return d*3/4 + rand.N(d/2)
}

// wait pauses; ctx may end it.
func (p *pauses) wait(ctx context.Context) {
	timer := time.NewTimer(p.take())
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// reconnectPause is how long NATS's client waits before it has tried each server again.
func reconnectPause(attempts int) time.Duration {
	p := pauses{}
	for range min(attempts, 8) {
		p.next = min(max(2*p.next, firstPause), longPause)
	}
	return jitter(max(p.next, firstPause))
}
