package tally

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// What is the page's when nobody says otherwise.
const (
	DefaultAddress = "127.0.0.1"
	DefaultPort    = 8080
)

// The bounds of clients. What is asked for is a line.
const (
	headerTimeout = 5 * time.Second
	writeTimeout  = 30 * time.Second
	idleTimeout   = 2 * time.Minute
	maxHeader     = 16 << 10
	maxConns      = 64
	lastAnswers   = 2 * time.Second // how long answers under way may take at the end
)

// Page serves /metrics.
type Page struct {
	listener net.Listener
	beyond   bool         // it can be reached from other machines
	open     atomic.Int32 // connections
}

// CheckAddress says what is wrong with an address and a port; it binds nothing.
func CheckAddress(address string, port int) error {
	switch {
	case port < 0 || port > 65535:
		return fmt.Errorf("port %d is none", port)
	case strings.EqualFold(address, "localhost"):
		return nil
	}
	if _, err := netip.ParseAddr(address); err != nil {
		return fmt.Errorf("address %q is no IP address, as 127.0.0.1, ::1 or 0.0.0.0", address)
	}
	return nil
}

// Beyond says whether an address can be reached from other machines.
func Beyond(address string) bool {
	addr, err := netip.ParseAddr(address)
	return err == nil && !addr.Unmap().IsLoopback()
}

// Listen binds a page; port 0 is any free one.
func Listen(address string, port int) (*Page, error) {
	if err := CheckAddress(address, port); err != nil {
		return nil, err
	}
	l, err := net.Listen("tcp", net.JoinHostPort(address, strconv.Itoa(port)))
	if err != nil {
		if errors.Is(err, syscall.EADDRINUSE) {
			err = fmt.Errorf("%w (somebody else's: port names another one, 0 any free one)", err)
		}
		return nil, fmt.Errorf("bind the page: %w", err)
	}
	return &Page{listener: l, beyond: Beyond(address)}, nil
}

// count closes connections beyond the bound.
func (p *Page) count(c net.Conn, s http.ConnState) {
	switch s {
	case http.StateNew:
		if p.open.Add(1) > maxConns {
			_ = c.Close() // the server finds that out by itself
		}
	case http.StateClosed, http.StateHijacked:
		p.open.Add(-1)
	}
}

// URL is where the metrics are, with the port that was really bound.
func (p *Page) URL() string { return "http://" + p.listener.Addr().String() + "/metrics" }

// Close ends a page that was never run.
func (p *Page) Close() error { return p.listener.Close() }

// Run serves metrics until ctx ends, and then the answers that are under way.
func (p *Page) Run(ctx context.Context, metrics http.Handler) error {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", metrics) // HEAD, too
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "/metrics") })
	server := http.Server{
		Handler:           guard{beyond: p.beyond, next: mux},
		ReadHeaderTimeout: headerTimeout, ReadTimeout: headerTimeout, WriteTimeout: writeTimeout, IdleTimeout: idleTimeout,
		MaxHeaderBytes: maxHeader, ConnState: p.count,
	}
	var ending sync.WaitGroup
	ended := make(chan struct{}) // closed when nothing is served any more
	ending.Go(func() {           // ends with ctx, or with the listener
		select {
		case <-ctx.Done():
		case <-ended:
			return
		}
		last, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastAnswers)
		defer cancel()
		if server.Shutdown(last) != nil {
			_ = server.Close() // whoever is still there is cut off
		}
	})
	err := server.Serve(p.listener)
	close(ended)
	ending.Wait()
	if errors.Is(err, http.ErrServerClosed) && ctx.Err() != nil {
		return nil
	}
	return fmt.Errorf("serve the page: %w", err)
}

// guard refuses what browsers can be made to ask in the name of another page: by a name
// of its owner that resolves to us.
type guard struct {
	beyond bool
	next   http.Handler
}

func (g guard) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cache-Control", "no-store")
	if !g.ours(r.Host) || r.Header.Get("Origin") != "" {
		http.Error(w, "ask for this page by its address", http.StatusForbidden)
		return
	}
	g.next.ServeHTTP(w, r)
}

// ours says whether a Host header is an address, or localhost, or this machine's name.
func (g guard) ours(host string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	host = strings.TrimSuffix(strings.TrimPrefix(host, "["), "]")
	if _, err := netip.ParseAddr(host); err == nil || strings.EqualFold(host, "localhost") {
		return true
	}
	own, err := os.Hostname()
	own, _, _ = strings.Cut(own, ".")
	host, _, _ = strings.Cut(host, ".")
	return g.beyond && err == nil && own != "" && strings.EqualFold(host, own)
}
