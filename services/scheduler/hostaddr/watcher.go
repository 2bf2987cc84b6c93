package hostaddr

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"net"
	"net/netip"
	"strings"
	"sync"
	"time"

	"zmicroservices/services/scheduler/peer"
)

// Options say what is watched. Logger is required; the zero value of any other field
// stands for its default, in brackets.
type Options struct {
	Logger *slog.Logger
	Port   uint16       // that others call us at [80]
	Force  peer.Address // our address, whatever the kernel says [what it says]

	// Towards are peers that are known now: which of our addresses they see is what
	// counts [nobody: the address of the default route].
	Towards func() []peer.Address
	// Changed is told our addresses when they are known, and each time they have
	// changed: one of each family, with a space between; "" while there is none.
	Changed func(addresses string)

	Poll   time.Duration // between two looks without a word of the kernel [30s]
	events subscribe     // for tests
	route  func(to netip.Addr) netip.Addr
}

// Watcher follows the host's addresses. Self may be called from many goroutines, before
// Run, too.
type Watcher struct {
	o    Options
	deaf bool // owned by Run: the kernel refused, which was said

	mu      sync.Mutex // guards the rest
	current string
	usual   peer.Address
	last    [2]netip.Addr             // what current is made of: of IPv4, of IPv6
	known   bool                      // current was told
	names   map[string]named          // what host names mean
	routes  map[netip.Addr]netip.Addr // what the kernel said, since the last look
}

// named is what a name meant when it was looked up.
type named struct {
	ip netip.Addr
	at time.Time
}

// New makes a Watcher.
func New(o Options) (*Watcher, error) {
	if o.Logger == nil {
		return nil, errors.New("hostaddr options: no Logger")
	}
	if o.Towards == nil {
		o.Towards = func() []peer.Address { return nil }
	}
	if o.Changed == nil {
		o.Changed = func(string) {}
	}
	o.Port = cmp.Or(o.Port, peer.DefaultPort)
	o.Poll = cmp.Or(o.Poll, 30*time.Second)
	if o.events == nil {
		o.events = netlinkEvents
	}
	if o.route == nil {
		o.route = source
	}
	w := &Watcher{o: o, names: map[string]named{}, routes: map[netip.Addr]netip.Addr{}}
	w.current, w.usual, w.last = w.look([2]netip.Addr{})
	return w, nil
}

// settle is when it is looked again after a word of the kernel's: routes come a moment
// after addresses, and those of IPv6 are usable when nobody else has them (RFC 4862, 5.4).
var settle = []time.Duration{0, 20 * time.Millisecond, 100 * time.Millisecond, 300 * time.Millisecond, time.Second, 2 * time.Second}

// Run watches until ctx ends.
func (w *Watcher) Run(ctx context.Context) error {
	words := w.subscribe(ctx)
	defer func() {
		if words != nil {
			for range words { // its sender waits for us, and ends with ctx
			}
		}
	}()
	w.check()
	step := len(settle) // of settle that comes next; at its end there is only the poll
	timer := time.NewTimer(w.o.Poll)
	defer timer.Stop()
	for {
		select {
		case _, ok := <-words:
			if !ok {
				words = nil // too many words at once, as rtnetlink(7) says; asked again at the next look
				w.o.Logger.Debug("kernel tells of addresses no more")
			}
			step = 0
		case <-timer.C:
			if words == nil && ctx.Err() == nil {
				words = w.subscribe(ctx)
			}
			w.check()
		case <-ctx.Done():
			return nil
		}
		next := w.o.Poll
		if step < len(settle) {
			next = settle[step]
			step++
		}
		timer.Reset(next)
	}
}

// subscribe gives the kernel's words, nil if it tells none.
func (w *Watcher) subscribe(ctx context.Context) <-chan struct{} {
	words, err := w.o.events(ctx)
	if err == nil {
		return words
	}
	if !w.deaf {
		w.o.Logger.Warn("kernel does not tell of addresses: they are looked at now and then", "every", w.o.Poll, "err", err)
	}
	w.deaf = true
	return nil
}

// check looks, and tells if there is something else than before.
func (w *Watcher) check() {
	w.mu.Lock()
	last := w.last
	w.mu.Unlock()
	addresses, usual, last := w.look(last)
	w.mu.Lock()
	changed := !w.known || addresses != w.current
	w.current, w.usual, w.last, w.known = addresses, usual, last, true
	clear(w.routes)
	w.mu.Unlock()
	if changed {
		w.o.Changed(addresses)
	}
}

// What the default routes are asked with: addresses for documentation, which are
// nobody's (RFC 5737, RFC 3849).
var (
	anywhere4 = netip.MustParseAddr("192.0.2.1")
	anywhere6 = netip.MustParseAddr("2001:db8::1")
)

// mostAsked is how many peers are tried until one of a family has a route.
const mostAsked = 16

// look asks for the address of each family towards the peers, or, if there is none,
// towards anywhere. Where peers see us by several, that of the last look counts while one
// of them does: a peer more is no change of ours. The usual one is that of IPv4 if there
// is one.
func (w *Watcher) look(last [2]netip.Addr) (addresses string, usual peer.Address, found [2]netip.Addr) {
	if w.o.Force != "" {
		return string(w.o.Force), w.o.Force, last
	}
	try := func(to netip.Addr) {
		i := 0
		if to.Is6() {
			i = 1
		}
		if to.IsLoopback() || found[i].IsValid() && found[i] == last[i] {
			return
		}
		if from := w.o.route(to); !found[i].IsValid() || from.IsValid() && from == last[i] {
			found[i] = from
		}
	}
	asked := 0
	for _, at := range w.o.Towards() {
		// A name is left out: looking it up may take long, and the peers that have called
		// us are known by address.
		if ip, err := netip.ParseAddr(at.Host()); err == nil && asked < mostAsked {
			asked++
			try(ip)
		}
	}
	for i, to := range []netip.Addr{anywhere4, anywhere6} {
		if !found[i].IsValid() {
			try(to)
		}
	}
	var all []string
	for _, ip := range found {
		if !ip.IsValid() {
			continue
		}
		at := peer.AddressOf(ip, w.o.Port)
		all = append(all, string(at))
		usual = cmp.Or(usual, at)
	}
	return strings.Join(all, " "), usual, found
}

// source is the address that the kernel would send from, none if there is no route.
func source(to netip.Addr) netip.Addr {
	conn, err := net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(netip.AddrPortFrom(to, 9)))
	if err != nil {
		return netip.Addr{}
	}
	defer conn.Close()
	at, err := netip.ParseAddrPort(conn.LocalAddr().String())
	if err != nil {
		return netip.Addr{}
	}
	return at.Addr().Unmap().WithZone("")
}
