package rest

import (
	"container/list"
	"net/netip"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// limiters give each source so many calls a second. A source is an IPv4 address or an
// IPv6 network of 64 bits, which is what one site has.
type limiters struct {
	limit rate.Limit
	burst int
	most  int // sources that are remembered

	mu     sync.Mutex // guards the rest
	by     map[netip.Prefix]*list.Element
	recent *list.List // of *source, the latest first
}

type source struct {
	of    netip.Prefix
	limit *rate.Limiter
}

func newLimiters(limit rate.Limit, burst, most int) *limiters {
	return &limiters{limit: limit, burst: burst, most: most, by: map[netip.Prefix]*list.Element{}, recent: list.New()}
}

// allow says whether a source may call now. Of sources that are forgotten, the longest
// quiet first, nothing is lost: their limiter would be full again, or soon.
func (l *limiters) allow(ip netip.Addr, now time.Time) bool {
	of := sourceOf(ip)
	l.mu.Lock()
	defer l.mu.Unlock()
	e := l.by[of]
	if e == nil {
		if len(l.by) >= l.most {
			oldest := l.recent.Back()
			delete(l.by, oldest.Value.(*source).of)
			l.recent.Remove(oldest)
		}
		e = l.recent.PushFront(&source{of, rate.NewLimiter(l.limit, l.burst)})
		l.by[of] = e
	} else {
		l.recent.MoveToFront(e)
	}
	return e.Value.(*source).limit.AllowN(now, 1)
}

func sourceOf(ip netip.Addr) netip.Prefix {
	ip = ip.Unmap().WithZone("")
	bits := 32
	if ip.Is6() {
		bits = 64
	}
	of, err := ip.Prefix(bits)
	if err != nil {
		return netip.Prefix{} // no address at all: all such share one
	}
	return of
}
