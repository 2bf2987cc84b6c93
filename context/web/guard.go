package web

import (
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"strings"
)

// guard lets requests through that were meant for us: see doc.go.
type guard struct {
	names names
	next  http.Handler
}

func (g guard) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
	if !g.names.include(hostOf(r.Host)) {
		http.Error(w, fmt.Sprintf("%q is not a name of this page; ask for it by its address, or as localhost", r.Host), http.StatusForbidden)
		return
	}
	if origin, sent := r.Header["Origin"]; sent {
		u, err := url.Parse(origin[0])
		if len(origin) > 1 || err != nil || u.Host == "" || !g.names.include(hostOf(u.Host)) {
			http.Error(w, "a page of another origin may not ask", http.StatusForbidden)
			return
		}
	}
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		h.Set("Allow", "GET, HEAD")
		http.Error(w, "this page only tells: GET and HEAD", http.StatusMethodNotAllowed)
		return
	}
	g.next.ServeHTTP(w, r)
}

// names are what a client may call us. The port does not matter: a tunnel has another.
type names struct {
	hosts []string   // in lower case
	addr  netip.Addr // that is bound
}

// namesOf are the names of a page that was asked to be at address and is at bound.
func namesOf(address string, bound net.Addr) names {
	host, _, _ := net.SplitHostPort(address) // New has checked it
	n := names{hosts: []string{"localhost", strings.ToLower(host)}}
	if b, err := netip.ParseAddrPort(bound.String()); err == nil {
		n.addr = b.Addr().Unmap()
	}
	if !n.addr.IsLoopback() {
		if own, err := os.Hostname(); err == nil {
			n.hosts = append(n.hosts, strings.ToLower(own))
		}
	}
	return n
}

func (n names) include(host string) bool {
	if addr, err := netip.ParseAddr(host); err == nil {
		// A page bound to every interface has every address of the machine. An address
		// cannot be made to resolve to another: rebinding needs a name.
		addr = addr.Unmap()
		return addr == n.addr || addr.IsLoopback() || n.addr.IsUnspecified()
	}
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	for _, known := range n.hosts {
		if host != "" && host == known {
			return true
		}
	}
	return strings.HasSuffix(host, ".localhost") // RFC 6761, 6.3: never anything but loopback
}

// hostOf is a Host header without its port and the brackets of IPv6.
func hostOf(header string) string {
	if host, _, err := net.SplitHostPort(header); err == nil {
		return host
	}
	return strings.TrimSuffix(strings.TrimPrefix(header, "["), "]")
}

func isLoopback(host string) bool {
	if addr, err := netip.ParseAddr(host); err == nil {
		return addr.Unmap().IsLoopback()
	}
	return strings.EqualFold(host, "localhost")
}
