package hostaddr

import (
	"context"
	"net"
	"net/netip"
	"time"

	"zmicroservices/services/scheduler/peer"
)

// Self is our address as a peer at an address sees it; for "" the usual one. "" is none.
func (w *Watcher) Self(to peer.Address) peer.Address {
	if w.o.Force != "" {
		return w.o.Force
	}
	w.mu.Lock()
	usual := w.usual
	w.mu.Unlock()
	if to == "" {
		return usual
	}
	ip := w.resolve(to.Host())
	if !ip.IsValid() {
		return usual
	}
	w.mu.Lock()
	from, known := w.routes[ip]
	w.mu.Unlock()
	if !known {
		from = w.o.route(ip)
		w.mu.Lock()
		if len(w.routes) < 1<<16 {
			w.routes[ip] = from
		}
		w.mu.Unlock()
	}
	if !from.IsValid() {
		return usual
	}
	return peer.AddressOf(from, w.o.Port)
}

// How long a name keeps its meaning, and may take to be looked up.
const (
	nameAge  = time.Minute
	nameTime = 2 * time.Second
)

// resolve gives the address of a host, none if it is not known.
func (w *Watcher) resolve(host string) netip.Addr {
	if ip, err := netip.ParseAddr(host); err == nil {
		return ip
	}
	w.mu.Lock()
	n, known := w.names[host]
	w.mu.Unlock()
	if known && time.Since(n.at) < nameAge {
		return n.ip
	}
	ctx, cancel := context.WithTimeout(context.Background(), nameTime)
	defer cancel()
	n = named{at: time.Now()}
	if all, err := net.DefaultResolver.LookupNetIP(ctx, "ip", host); err == nil && len(all) > 0 {
		n.ip = all[0].Unmap()
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.names) > 4096 {
		clear(w.names)
	}
	w.names[host] = n
	return n.ip
}
