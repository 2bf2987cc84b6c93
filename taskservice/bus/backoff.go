package bus

import (
	"context"
	"math/rand/v2"
	"time"
)

// backoff paces the attempts to dial. The pauses double from first to longest,
// each shortened by up to half at random, so that the two hundred services of
// a restarted forwarder do not come back in step.
type backoff struct {
	first, longest time.Duration
	next           time.Duration // zero: first
}

// newBackoff is fast at first, since a forwarder that is restarted is back
// within some hundred milliseconds.
func newBackoff() *backoff {
	return &backoff{first: 20 * time.Millisecond, longest: time.Second}
}

// pause is how long to wait before the next attempt.
func (b *backoff) pause() time.Duration {
	d := max(b.next, b.first)
	b.next = min(2*d, b.longest)
	return d - rand.N(d/2+1)
}

// reset begins anew, after an attempt that got somewhere.
func (b *backoff) reset() { b.next = 0 }

// wait pauses, or returns early with the error of ctx.
func (b *backoff) wait(ctx context.Context) error {
	t := time.NewTimer(b.pause())
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
