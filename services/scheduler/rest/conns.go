package rest

import (
	"net"
	"net/netip"
	"sync"
)

// guard is a listener with so many connections at a time, and so many of one source. One
// more is closed at once: waiting for room would let who holds the room hold up all.
type guard struct {
	net.Listener
	most, each int

	mu    sync.Mutex // guards the rest
	total int
	by    map[netip.Prefix]int
}

func newGuard(l net.Listener, most, each int) *guard {
	return &guard{Listener: l, most: most, each: each, by: map[netip.Prefix]int{}}
}

// Accept gives the next connection for which there is room.
func (g *guard) Accept() (net.Conn, error) {
	for {
		conn, err := g.Listener.Accept()
		if err != nil {
			return nil, err
		}
		from, _ := netip.ParseAddrPort(conn.RemoteAddr().String())
		of := sourceOf(from.Addr())
		if g.take(of) {
			return &counted{Conn: conn, free: sync.OnceFunc(func() { g.give(of) })}, nil
		}
		_ = conn.Close() // it is told nothing: that would cost what there is too little of
	}
}

func (g *guard) take(of netip.Prefix) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.total >= g.most || g.by[of] >= g.each {
		return false
	}
	g.total++
	g.by[of]++
	return true
}

func (g *guard) give(of netip.Prefix) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.total--
	if g.by[of]--; g.by[of] == 0 {
		delete(g.by, of)
	}
}

// counted is a connection that makes room when it is closed.
type counted struct {
	net.Conn
	free func()
}

// Close implements net.Conn.
func (c *counted) Close() error {
	c.free()
	return c.Conn.Close()
}
