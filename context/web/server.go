package web

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"syscall"
	"time"

	"zmicroservices/context/event"
)

// Options are what a Server is made of. All but Insecure are required.
type Options struct {
	Address  string // host:port; port 0 is any free one
	Insecure bool   // it may be beyond loopback
	Figures  func(context.Context) *event.Figures
	Standing func(context.Context) *event.Figures // Figures without what services cost
	Metrics  http.Handler
	Logger   *slog.Logger
}

// CheckAddress says what is wrong with an address; it binds nothing.
func CheckAddress(address string, insecure bool) error {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return fmt.Errorf("address %q is not host:port, as in 127.0.0.1:9090", address)
	}
	if _, err := net.LookupPort("tcp", port); err != nil || port == "" {
		return fmt.Errorf("address %q: port %q is none", address, port)
	}
	if !isLoopback(host) && !insecure {
		return fmt.Errorf("address %s is reachable from other machines, and nobody is asked for a password: add --insecure if that is meant, or use 127.0.0.1:%s", address, port)
	}
	return nil
}

func (o Options) validate() error {
	if o.Address == "" || o.Figures == nil || o.Standing == nil || o.Metrics == nil || o.Logger == nil {
		return errors.New("web: Address, Figures, Standing, Metrics and Logger are required")
	}
	return CheckAddress(o.Address, o.Insecure)
}

// The bounds of one client. What is asked for is a line, what is answered may be
// megabytes over a slow line.
const (
	headerTimeout = 5 * time.Second
	readTimeout   = 10 * time.Second
	writeTimeout  = 30 * time.Second
	idleTimeout   = 2 * time.Minute
	maxHeader     = 16 << 10
	maxConns      = 64
	// lastAnswers is how long answers that are under way may take when the server ends.
	lastAnswers = 2 * time.Second
)

// Server serves the page.
type Server struct {
	listener net.Listener
	http     http.Server
}

// New binds the address.
func New(o Options) (*Server, error) {
	if err := o.validate(); err != nil {
		return nil, err
	}
	l, err := net.Listen("tcp", o.Address)
	if err != nil {
		if errors.Is(err, syscall.EADDRINUSE) {
			err = fmt.Errorf("%w (somebody else's: --http names another one, port 0 any free one)", err)
		}
		return nil, fmt.Errorf("bind the page: %w", err)
	}
	s := &Server{listener: bound(l, maxConns)}
	s.http = http.Server{
		Handler:           guard{names: namesOf(o.Address, l.Addr()), next: routes(o)},
		ReadHeaderTimeout: headerTimeout, ReadTimeout: readTimeout, WriteTimeout: writeTimeout, IdleTimeout: idleTimeout,
		MaxHeaderBytes: maxHeader,
		// Of clients that went away or spoke no HTTP.
		ErrorLog: slog.NewLogLogger(o.Logger.Handler(), slog.LevelDebug),
	}
	return s, nil
}

// Addr is where the page is, with the port that was really bound.
func (s *Server) Addr() string { return s.listener.Addr().String() }

// Close ends a server that was never run.
func (s *Server) Close() error { return s.listener.Close() }

// Run serves until ctx ends, and then the answers that are under way.
func (s *Server) Run(ctx context.Context) error {
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
		if s.http.Shutdown(last) != nil {
			_ = s.http.Close() // whoever is still there is cut off
		}
	})
	err := s.http.Serve(s.listener)
	close(ended)
	ending.Wait()
	if errors.Is(err, http.ErrServerClosed) && ctx.Err() != nil {
		return nil
	}
	return fmt.Errorf("serve the page: %w", err)
}
