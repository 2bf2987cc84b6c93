package forwarder

import (
	"context"
	"time"

	"zmicroservices/taskservice/zmtp"
)

// beat is how often the pulse looks around. Peers have up to two of them more
// time than their limits say, and never less.
const beat = 500 * time.Millisecond

// pulse renews the coarse clock and does what time asks for: PINGs, the ends of
// silent peers, chunks that nobody needs. It ends with ctx.
func (f *Forwarder) pulse(ctx context.Context) {
	every := beat
	if h := f.limits.Heartbeat; h > 0 {
		every = min(every, h)
	}
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		// Peers are judged by the clock of the last beat, which is what they were
		// stamped with: by the time of now, who was heard just before would seem to
		// have been silent for a beat.
		last := time.Duration(f.clock.Load())
		for _, c := range f.snapshot() {
			if c.joined.Load() {
				c.beat(last)
			}
		}
		f.clock.Store(int64(time.Since(f.began)))
		f.depot.trim()
		f.spare.trim()
	}
}

// beat sends a PING to a peer that was not heard for a while, and ends one that
// was silent for longer than it said, or than we allow.
func (c *conn) beat(now time.Duration) {
	l := &c.f.limits
	silent := now - time.Duration(c.heard.Load())
	if ttl := time.Duration(c.ttl.Load()); ttl > 0 && silent > ttl {
		c.abort(errSilent)
		return
	}
	if (c.midway.Load() || c.collects.Load()) && silent > l.Handshake && c.f.underway.Load() > l.Memory/4 {
		c.abort(errMemory) // others need the room that its message takes
		return
	}
	if l.Heartbeat <= 0 || silent < l.Heartbeat || !c.session.Greeting.AtLeast(3, 1) {
		return // ZMTP 3.0 has no PING: to its peers it is a message, or an error
	}
	asked := time.Duration(c.asked.Load())
	if l.Silence > 0 && silent > l.Silence && asked > time.Duration(c.heard.Load()) {
		c.abort(errSilent)
		return
	}
	if now-asked >= l.Heartbeat && c.out.mayAsk() {
		c.asked.Store(int64(now))
		// No TTL: a libzmq peer whose application does not read would cut itself off.
		c.command(zmtp.AppendPing(nil, 0, nil))
	}
}
