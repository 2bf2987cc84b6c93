package pub

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"zmicroservices/taskservice/zmtp"
)

// Limits of a Server.
const (
	maxPeers      = 1000             // who connects beyond that is hung up on
	maxQueue      = 1000             // messages that wait for a subscriber
	maxQueueBytes = 32 << 20         // and their bytes
	handshakeTime = 10 * time.Second // a peer has to shake hands in
	writeTime     = 30 * time.Second // for one message; who takes longer is hung up on
	drainTime     = time.Second      // subscribers have at the end
)

// Options say how a Server works.
type Options struct {
	Logger *slog.Logger
	Beyond bool // an address beyond loopback is allowed
}

// Stats are counts since the start.
type Stats struct {
	Subscribers int    // that are connected now
	Published   uint64 // messages
	Dropped     uint64 // copies that a subscriber had no room for
}

// Server is a PUB socket that is bound.
type Server struct {
	listener net.Listener
	scheme   string
	log      *slog.Logger

	published, dropped atomic.Uint64

	mu     sync.Mutex // guards peers, closed
	peers  map[*peer]struct{}
	closed bool
}

// Listen binds an endpoint; nobody is served before Run.
func Listen(endpoint string, o Options) (*Server, error) {
	if o.Logger == nil {
		return nil, errors.New("pub: Logger is required")
	}
	l, err := listen(endpoint, o.Beyond)
	if err != nil {
		return nil, fmt.Errorf("bind %s: %w", endpoint, reason(err))
	}
	return &Server{listener: l, scheme: endpoint[:3], log: o.Logger, peers: map[*peer]struct{}{}}, nil
}

// Endpoint is where it is bound, with the real port.
func (s *Server) Endpoint() string {
	if s.scheme == "ipc" {
		return "ipc://" + s.listener.Addr().String()
	}
	return "tcp://" + s.listener.Addr().String()
}

// Close hangs up on everybody and unbinds. Run, if it was called, returns.
func (s *Server) Close() error {
	s.mu.Lock()
	s.closed = true
	for p := range s.peers {
		p.hangUp()
	}
	s.mu.Unlock()
	if err := s.listener.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
		return fmt.Errorf("unbind %s: %w", s.Endpoint(), reason(err))
	}
	return nil
}

// Run serves subscribers until ctx ends or Close, and returns when nothing of it runs.
// At the end of ctx what waits for a subscriber has a second to go out.
func (s *Server) Run(ctx context.Context) error {
	var serving sync.WaitGroup
	defer serving.Wait()
	stop := context.AfterFunc(ctx, func() { // ends at once: it closes the listener
		_ = s.listener.Close()
		s.drain()
	})
	defer stop()
	pause := backoff{}
	for {
		c, err := s.listener.Accept()
		switch {
		case ctx.Err() != nil || errors.Is(err, net.ErrClosed):
			if err == nil {
				_ = c.Close()
			}
			return nil
		case err != nil: // no descriptors, or a peer that has gone
			s.log.Warn("subscriber not accepted", "endpoint", s.Endpoint(), "err", err)
			if !pause.wait(ctx) {
				return nil
			}
			continue
		}
		pause = backoff{}
		p := newPeer(c)
		if !s.admit(p) {
			_ = c.Close()
			continue
		}
		// Both end when the connection does: the peer's end, hangUp or drain.
		serving.Go(func() {
			defer s.forget(p)
			if err := s.serve(p); err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, net.ErrClosed) {
				s.log.Debug("subscriber has gone", "endpoint", s.Endpoint(), "peer", c.RemoteAddr(), "err", err)
			}
		})
	}
}

// backoff is the pause after an Accept that has failed.
type backoff struct{ next time.Duration }

func (b *backoff) wait(ctx context.Context) bool {
	b.next = min(max(2*b.next, 5*time.Millisecond), time.Second)
	timer := time.NewTimer(b.next)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

func (s *Server) admit(p *peer) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed || len(s.peers) >= maxPeers {
		return false
	}
	s.peers[p] = struct{}{}
	return true
}

func (s *Server) forget(p *peer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.peers, p)
}

// drain has every peer hung up on once its queue is out.
func (s *Server) drain() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	for p := range s.peers {
		p.drain(time.Now().Add(drainTime))
	}
}

// serve shakes hands and then reads subscriptions, while another goroutine writes.
func (s *Server) serve(p *peer) error {
	defer p.hangUp()
	if err := p.conn.SetDeadline(time.Now().Add(handshakeTime)); err != nil {
		return err
	}
	_, err := zmtp.Handshake(p.conn, zmtp.Server{Socket: zmtp.PUB, Peers: []zmtp.SocketType{zmtp.SUB, zmtp.XSUB}})
	if err != nil {
		return err
	}
	if err := p.begin(); err != nil {
		return err
	}
	var writing sync.WaitGroup
	defer writing.Wait()
	defer p.hangUp()
	writing.Go(p.write) // ends when the peer is hung up on
	return p.read()
}

// Publish sends a message to everybody who has subscribed to a prefix of it. It never
// waits; the message may be changed afterwards.
func (s *Server) Publish(message []byte) {
	s.published.Add(1)
	var frame []byte // made once, for the first who wants it
	s.mu.Lock()
	defer s.mu.Unlock()
	for p := range s.peers {
		if !p.wants(message) {
			continue
		}
		if frame == nil {
			frame = zmtp.AppendFrame(nil, 0, message)
		}
		if !p.put(frame) {
			s.dropped.Add(1)
		}
	}
}

// Stats gives what was counted.
func (s *Server) Stats() Stats {
	s.mu.Lock()
	n := len(s.peers)
	s.mu.Unlock()
	return Stats{Subscribers: n, Published: s.published.Load(), Dropped: s.dropped.Load()}
}
