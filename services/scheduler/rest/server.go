package rest

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"syscall"
	"time"

	"github.com/google/uuid"

	"zmicroservices/services/scheduler/engine"
	"zmicroservices/services/scheduler/peer"
)

// Engine is what the API is for.
type Engine interface {
	UUID() uuid.UUID
	Leads() bool
	Peers() []engine.Known
	Hear(ctx context.Context, call peer.Call, from netip.Addr) (peer.Answer, error)
	HearAddress(ctx context.Context, call peer.Call, from netip.Addr) error
}

// Options say how the API is served. Address, Engine and Logger are required; the zero
// value of any other field stands for its default, in brackets.
type Options struct {
	Address string // HOST:PORT; port 0 is any free one
	Engine  Engine
	Logger  *slog.Logger

	Secret    string      // of who is heard [whoever has a certificate, or everybody]
	TLS       *tls.Config // as LoadTLS makes it [plain HTTP]
	PlainHTTP bool        // everybody may be heard, beyond loopback too

	Name     string                                        // of this host, for its peers
	Version  string                                        // of this program, for them
	Interval time.Duration                                 // between rounds, for who asks
	Self     func() peer.Address                           // our usual address, for who asks ["" ]
	Contexts func(context.Context) ([]peer.Context, error) // what we run [nothing]

	Rate        float64       // calls a second of a source [100]
	Burst       int           // calls of it at once [200]
	Connections int           // at a time [1024]
	EachSource  int           // connections of one source [128]
	Patience    time.Duration // a request's headers may take that long, a body twice [5s]
}

func (o Options) withDefaults() Options {
	if o.Rate == 0 {
		o.Rate = 100
	}
	if o.Burst == 0 {
		o.Burst = 200
	}
	if o.Connections == 0 {
		o.Connections = 1024
	}
	if o.EachSource == 0 {
		o.EachSource = 128
	}
	if o.Patience == 0 {
		o.Patience = 5 * time.Second
	}
	if o.Self == nil {
		o.Self = func() peer.Address { return "" }
	}
	if o.Contexts == nil {
		o.Contexts = func(context.Context) ([]peer.Context, error) { return nil, nil }
	}
	return o
}

// sourcesKept is how many sources' rates are remembered.
const sourcesKept = 4096

// Server is the API at its address.
type Server struct {
	o        Options
	listener net.Listener
	rates    *limiters
	contexts memo
}

// Listen binds the address. ErrBeyond: others could use it, and nothing says who may.
func Listen(o Options) (*Server, error) {
	if o.Engine == nil || o.Logger == nil {
		return nil, errors.New("rest options: no Engine or no Logger")
	}
	o = o.withDefaults()
	beyond, err := Beyond(o.Address)
	switch {
	case err != nil:
		return nil, err
	case beyond && o.Secret == "" && o.TLS == nil && !o.PlainHTTP:
		return nil, fmt.Errorf("listen %s: %w", o.Address, ErrBeyond)
	case beyond && o.Secret == "" && o.TLS == nil:
		o.Logger.Warn("everybody who reaches this address may call: plain_http allows it", "address", o.Address)
	case beyond && o.TLS == nil:
		o.Logger.Warn("the secret travels as it is: cert, key and ca would encrypt it", "address", o.Address)
	}
	l, err := net.Listen("tcp", o.Address)
	if err != nil {
		if errors.Is(err, syscall.EADDRINUSE) {
			err = fmt.Errorf("%w (somebody else's: listen names another one, port 0 any free one)", err)
		}
		return nil, fmt.Errorf("bind the API: %w", err)
	}
	var listener net.Listener = newGuard(l, o.Connections, o.EachSource)
	if o.TLS != nil {
		listener = tls.NewListener(listener, o.TLS)
	}
	s := &Server{o: o, listener: listener, rates: newLimiters(rateOf(o), o.Burst, sourcesKept)}
	s.contexts.ask = o.Contexts
	return s, nil
}

// Port is the port it listens at.
func (s *Server) Port() uint16 {
	at, err := netip.ParseAddrPort(s.listener.Addr().String())
	if err != nil {
		return 0
	}
	return at.Port()
}

// Address is where it listens.
func (s *Server) Address() string { return s.listener.Addr().String() }

// Close frees the address, if Serve was never called.
func (s *Server) Close() error { return s.listener.Close() }

// lastAnswers is how long answers under way may take at the end.
const lastAnswers = 2 * time.Second

// Serve answers until ctx ends; calls under way are answered.
func (s *Server) Serve(ctx context.Context) error {
	server := &http.Server{
		Handler:           s.handler(),
		ReadHeaderTimeout: s.o.Patience,
		ReadTimeout:       2 * s.o.Patience,
		WriteTimeout:      4 * s.o.Patience,
		IdleTimeout:       2 * time.Minute, // a peer comes back within an interval
		MaxHeaderBytes:    8 << 10,
		ErrorLog:          slog.NewLogLogger(s.o.Logger.Handler(), slog.LevelDebug),
	}
	served := make(chan error, 1) // the end of Serve
	go func() { served <- server.Serve(s.listener) }()
	select {
	case err := <-served:
		return fmt.Errorf("serve %s: %w", s.Address(), err)
	case <-ctx.Done():
	}
	ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastAnswers)
	defer cancel()
	if server.Shutdown(ending) != nil {
		_ = server.Close() // who is still sending has had its time
	}
	<-served
	return nil
}
