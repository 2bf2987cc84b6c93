package provider

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"zmicroservices/context/command"
	"zmicroservices/taskservice/zmtp/pub"
)

// maxPublications bounds how many endpoints messages may open.
const maxPublications = 16

// publications are the endpoints at which `top` with a service has the topic monitor
// published. They end with their transaction, and with the provider: the next one does
// not know of them, and who wants them asks again.
type publications struct {
	p       *Provider
	running sync.WaitGroup

	mu   sync.Mutex // guards both
	live context.Context
	by   map[string]*publication // by endpoint, as asked for
}

// publication is one of them.
type publication struct {
	server  *pub.Server
	changed chan command.Publication // capacity 1: the latest that is wanted; sent by change, which has the lock
	end     context.CancelFunc
}

var (
	errNotRunning       = errors.New("the provider ends, or has not begun: nothing is published")
	errManyPublications = fmt.Errorf("%d endpoints publish already, and no more may; frequency_s 0 ends one", maxPublications)
)

func newPublications(p *Provider) *publications {
	return &publications{p: p, by: map[string]*publication{}}
}

// Run lets publications be, and ends them when ctx does.
func (s *publications) Run(ctx context.Context) error {
	s.mu.Lock()
	s.live = ctx
	s.mu.Unlock()
	<-ctx.Done()
	s.mu.Lock() // change adds none after this
	s.live = nil
	s.mu.Unlock()
	s.running.Wait()
	return nil
}

// change begins, changes or ends one.
func (s *publications) change(c command.Publication) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	known := s.by[c.Endpoint]
	switch {
	case s.live == nil:
		return errNotRunning
	case known == nil && c.Every == 0:
		return fmt.Errorf("nothing is published at %s", c.Endpoint)
	case c.Every == 0:
		delete(s.by, c.Endpoint)
		known.end()
		return known.server.Close() // its port is free when this is answered
	case known != nil:
		select {
		case <-known.changed: // an earlier wish that was not yet seen
		default:
		}
		known.changed <- c
		return nil
	case len(s.by) >= maxPublications:
		return errManyPublications
	}
	o := s.p.opts
	// NULL is all that such an endpoint speaks: keys do not make it safe to be open.
	server, err := pub.Listen(c.Endpoint, pub.Options{Logger: o.Logger, Beyond: o.BindAll && o.Insecure})
	if errors.Is(err, pub.ErrBeyond) {
		err = fmt.Errorf("%w; a provider with --bind_all and --insecure allows it", err)
	}
	if err != nil {
		return fmt.Errorf("publish monitor messages: %w", err)
	}
	ctx, end := context.WithCancel(s.live)
	one := &publication{server: server, changed: make(chan command.Publication, 1), end: end}
	s.by[c.Endpoint] = one
	s.running.Go(func() { // ends with its transaction, when it is asked to, or in teardown
		defer end()
		s.publish(ctx, one, c)
		s.forget(c.Endpoint, one)
	})
	o.Logger.Info("publication began", "transaction", c.Transaction, "endpoint", server.Endpoint(), "every", c.Every)
	return nil
}

func (s *publications) forget(endpoint string, one *publication) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.by[endpoint] == one {
		delete(s.by, endpoint)
	}
}

// publish says what is wanted, as often as it is wanted.
func (s *publications) publish(ctx context.Context, one *publication, c command.Publication) {
	log := s.p.opts.Logger
	var serving sync.WaitGroup
	defer serving.Wait()
	serve, stop := context.WithCancel(ctx)
	defer stop()
	serving.Go(func() { // ends with serve
		if err := one.server.Run(serve); err != nil {
			log.Warn("publication not served", "endpoint", c.Endpoint, "err", err)
		}
	})
	again := time.NewTicker(c.Every)
	defer again.Stop()
	for {
		frame, err := s.p.handler.MonitorFrame(ctx, c.Transaction, c.Detail)
		switch {
		case err == nil:
			one.server.Publish(frame)
		case ctx.Err() != nil:
		case errors.Is(err, command.ErrUnknown):
			log.Info("publication ended with its transaction", "transaction", c.Transaction, "endpoint", c.Endpoint)
			return
		default:
			log.Warn("processes not measured for a publication", "transaction", c.Transaction, "err", err)
		}
		select {
		case <-ctx.Done():
			return
		case c = <-one.changed:
			again.Reset(c.Every)
		case <-again.C:
		}
	}
}
