package watchdog

import (
	"slices"
	"time"
)

// pace learns at which interval a microservice pings. It is the shortest of the last
// pauses: neither one outage nor a slow day makes us patient, only a habit does. A ping
// that was asked for makes a pause short, so what is learned counts only where it is
// longer than what is configured.
type pace struct {
	last   time.Time // of the ping before; zero: there was none
	pauses [4]time.Duration
	n      int // pauses that were ever noted
}

// ping notes a ping, and gives the interval to reckon with, which was taken to be another
// one so far.
func (p *pace) ping(at time.Time, configured, soFar time.Duration) time.Duration {
	if !p.last.IsZero() {
		p.pauses[p.n%len(p.pauses)] = at.Sub(p.last)
		p.n++
	}
	p.last = at
	if p.n < len(p.pauses) {
		return soFar
	}
	learned := min(slices.Min(p.pauses[:]), mostLearned)
	if learned <= configured+configured/4 { // jitter and delay are no habit
		return configured
	}
	return learned
}
