package keeper

import (
	"fmt"
	"math"
	"time"
)

// Forever is a linger time without an end.
const Forever time.Duration = math.MaxInt64

// ParseLinger reads a linger time: a duration as "60s", or "forever".
func ParseLinger(text string) (time.Duration, error) {
	if text == "forever" {
		return Forever, nil
	}
	d, err := time.ParseDuration(text)
	if err == nil && d < 0 {
		err = fmt.Errorf("linger %s is negative", text)
	}
	return d, err
}

// FormatLinger is what ParseLinger reads.
func FormatLinger(d time.Duration) string {
	if d == Forever {
		return "forever"
	}
	return d.String()
}

// leftAloneAtFirst ends a keeper that nobody ever speaks to. There is nothing to
// linger for yet.
func (s *server) leftAloneAtFirst() {
	s.alone = s.timers.after(helloPatience, func() { s.stopAll("no provider came") })
}

// expect waits for a provider that was brought back, and for the linger time at least.
func (s *server) expect(patience time.Duration) {
	if s.opts.linger != Forever && s.conn == nil {
		s.alone = s.timers.after(max(patience, s.opts.linger), func() { s.stopAll("the provider did not come back") })
	}
}

// leftAlone begins the linger time. A keeper that holds nothing that anyone could
// come back for ends at once. A descriptor in the store is no such thing: with no
// service behind it, it would only keep others from the port.
func (s *server) leftAlone(why string) {
	if s.guard != nil {
		return // it is another program by now, or is brought back
	}
	holds := s.live > 0 || len(s.events.list) > 0 || s.ward != nil // which starts another
	switch linger := s.opts.linger; {
	case linger <= 0 || !holds:
		s.stopAll(why)
	case linger == Forever:
	default:
		s.alone = s.timers.after(linger, func() { s.stopAll("no provider for " + linger.String()) })
	}
}
