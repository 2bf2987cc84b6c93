package scheduler

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"net/netip"
	"strconv"
	"sync"
	"time"

	"github.com/google/uuid"

	"zmicroservices/services/scheduler/engine"
	"zmicroservices/services/scheduler/hostaddr"
	"zmicroservices/services/scheduler/peer"
	"zmicroservices/services/scheduler/registry"
	"zmicroservices/services/scheduler/rest"
)

// Source tells what this host runs.
type Source interface {
	// Contexts gives the contexts of this host and their transactions.
	Contexts(ctx context.Context) ([]peer.Context, error)
}

// Options are what a Scheduler needs beside its settings. Logger is required.
type Options struct {
	Logger   *slog.Logger
	Name     string             // of this host, for its peers
	Version  string             // of this program
	Source   Source             // nil: this host tells of no contexts
	Happened func(engine.Event) // told of what has changed; it must not block. nil: nobody is
}

// Scheduler is a whole one: its API is bound, and answers once it runs.
type Scheduler struct {
	plan     plan
	log      *slog.Logger
	registry registry.Registry
	engine   *engine.Engine
	client   *rest.Client
	server   *rest.Server // nil: another program is the API
	watcher  *hostaddr.Watcher
}

// Make makes a Scheduler: it opens the store, reads secret and certificates, and binds
// the API's address. Run or Close ends it.
func Make(ctx context.Context, s Settings, o Options) (_ *Scheduler, err error) {
	p, err := s.plan()
	if err != nil {
		return nil, err
	}
	if o.Logger == nil {
		return nil, errors.New("scheduler options: no Logger")
	}
	var secret string
	if p.SecretFile != "" {
		if secret, err = rest.LoadSecret(p.SecretFile); err != nil {
			return nil, err
		}
	}
	var certificates *tls.Config
	if p.Cert != "" {
		if certificates, err = rest.LoadTLS(p.Cert, p.Key, p.CA); err != nil {
			return nil, err
		}
	}
	d := &Scheduler{plan: p, log: o.Logger}
	if d.registry, err = registry.Open(ctx, p.Store, registry.Options{Logger: o.Logger, Prefix: p.Prefix, Most: 10 * p.MostPeers}); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, d.registry.Close())
		}
	}()
	if p.Store == registry.InMemory {
		o.Logger.Warn("nothing is kept: with the next start this host is another one for its peers")
	}
	d.client = rest.NewClient(rest.ClientOptions{
		Secret: secret, TLS: certificates, Most: p.MostPeers, Given: append(append([]peer.Address{}, p.first...), p.producers...),
	})
	d.engine, err = engine.New(engine.Options{
		Registry: d.registry, Transport: d.client, Logger: o.Logger,
		Interval: p.Interval, Jitter: p.Jitter, Timeout: p.Timeout, Most: p.MostPeers,
		First: p.first, Producers: p.producers, Details: true,
		Self: d.self, Implied: d.implied(), Happened: o.Happened,
	})
	if err != nil {
		return nil, err
	}
	port := uint16(peer.DefaultPort)
	if p.Listen != NoListen {
		d.server, err = rest.Listen(rest.Options{
			Address: p.Listen, Engine: d.engine, Logger: o.Logger, Secret: secret, TLS: certificates, PlainHTTP: p.PlainHTTP,
			Name: o.Name, Version: o.Version, Interval: p.Interval, Contexts: contextsOf(o.Source), Self: func() peer.Address { return d.self("") },
		})
		if err != nil {
			return nil, err
		}
		port = d.server.Port()
	}
	d.watcher, err = hostaddr.New(hostaddr.Options{
		Logger: o.Logger, Port: port, Force: d.forced(port), Towards: d.towards, Changed: d.moved,
	})
	return d, err
}

func contextsOf(from Source) func(context.Context) ([]peer.Context, error) {
	if from == nil {
		return nil
	}
	return from.Contexts
}

// self is our address for a peer.
func (d *Scheduler) self(to peer.Address) peer.Address { return d.watcher.Self(to) }

// moved takes it that our addresses are others. Connections that are kept come from the
// old ones: nobody would answer there, and each call over one would take all its time.
func (d *Scheduler) moved(addresses string) {
	d.client.Close()
	d.engine.Moved(addresses)
}

// implied says whether a peer finds us where our calls come from.
func (d *Scheduler) implied() bool {
	_, port, err := net.SplitHostPort(d.plan.Listen)
	return d.plan.force == "" && (err != nil || port == "80")
}

// forced is the address that we have whatever the kernel says. An API on loopback can be
// called there only.
func (d *Scheduler) forced(port uint16) peer.Address {
	if d.plan.force != "" {
		return withPort(d.plan.force, d.plan.ForceIP, port)
	}
	if d.server == nil {
		return ""
	}
	at, err := netip.ParseAddrPort(d.server.Address())
	if err != nil || !at.Addr().IsLoopback() {
		return ""
	}
	return peer.AddressOf(at.Addr(), at.Port())
}

// withPort adds the API's port to a forced address whose text names none.
func withPort(force peer.Address, text string, port uint16) peer.Address {
	if string(force) != force.Host() || text != string(force) && text != "["+string(force)+"]" {
		return force // its text says which
	}
	if ip, err := netip.ParseAddr(string(force)); err == nil {
		return peer.AddressOf(ip, port)
	}
	at, err := peer.ParseAddress(net.JoinHostPort(string(force), strconv.Itoa(int(port))))
	if err != nil {
		return force
	}
	return at
}

// towards are the peers whose view of our address counts.
func (d *Scheduler) towards() []peer.Address {
	all := append([]peer.Address{}, d.plan.first...)
	all = append(all, d.plan.producers...)
	for _, k := range d.engine.Peers() {
		all = append(all, k.IP)
	}
	return all
}

// Address is where the API listens, "" if another program is it.
func (d *Scheduler) Address() string {
	if d.server == nil {
		return ""
	}
	return d.server.Address()
}

// UUID is who we are, once Run has read it.
func (d *Scheduler) UUID() uuid.UUID { return d.engine.UUID() }

// Close frees what Make took, of one that never ran.
func (d *Scheduler) Close() error {
	var err error
	if d.server != nil {
		err = d.server.Close()
	}
	d.client.Close()
	return errors.Join(err, d.registry.Close())
}

// The pauses before a store that is away is asked again for who we are.
const (
	firstPause = 200 * time.Millisecond
	longPause  = 5 * time.Second
)

// Run synchronises and answers until ctx ends. The error is why it cannot go on.
func (d *Scheduler) Run(ctx context.Context) (err error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	keeping, release := context.WithCancel(context.WithoutCancel(ctx))
	var kept, parts sync.WaitGroup
	kept.Go(func() { // ends last: the others still write
		if err := d.registry.Run(keeping); err != nil {
			cancel(err)
		}
	})
	defer func() {
		parts.Wait()
		release()
		kept.Wait()
		d.client.Close()
		err = errors.Join(err, d.registry.Close())
	}()
	if !d.begin(ctx) {
		if d.server != nil {
			return errors.Join(cause(ctx), d.server.Close())
		}
		return cause(ctx)
	}
	run := func(part func(context.Context) error) {
		parts.Go(func() { // ends with ctx, which it ends if it fails
			if err := part(ctx); err != nil {
				cancel(err)
			}
		})
	}
	if d.server != nil {
		run(d.server.Serve)
	}
	run(d.watcher.Run)
	run(d.engine.Run)
	d.log.Info("scheduler runs", "uuid", d.UUID(), "listen", cmp.Or(d.Address(), NoListen), "self", d.self(""), "interval", d.plan.Interval)
	<-ctx.Done()
	parts.Wait()
	return cause(ctx)
}

// begin reads who we are; without the store nobody knows, and it is waited for.
func (d *Scheduler) begin(ctx context.Context) bool {
	said := false
	for pause := firstPause; ; pause = min(2*pause, longPause) {
		err := d.engine.Begin(ctx)
		if err == nil {
			return true
		}
		if !said && ctx.Err() == nil {
			d.log.Error("store does not tell who we are: it is asked until it does", "err", err)
			said = true
		}
		timer := time.NewTimer(pause)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return false
		}
	}
}

// cause is why ctx ended, nil if whoever began it has ended it.
func cause(ctx context.Context) error {
	if err := context.Cause(ctx); !errors.Is(err, context.Canceled) {
		return err
	}
	return nil
}
