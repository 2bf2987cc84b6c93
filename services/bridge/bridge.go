package bridge

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"zmicroservices/taskservice"
	"zmicroservices/taskservice/bus"
	"zmicroservices/taskservice/keys"
)

const (
	// openTime is how long the spool may take to be ours: a predecessor may still end.
	openTime = 10 * time.Second
	// drainTime is how long the last events may take to leave when the bridge is stopped.
	drainTime = 2 * time.Second
	// closeTime is how long the file may take to close.
	closeTime = 2 * time.Second
	// joinTime is how long our own bus may take to be there.
	joinTime = 30 * time.Second
	// pingTime is how often the link is tried; two pings without an answer, and it is cut.
	pingTime = 10 * time.Second
)

// New is the factory of the task. A wrong configuration, a secret that cannot be read and
// a spool that another bridge has are failed starts; NATS being away is none.
func New(from Source) taskservice.Factory {
	return func(c taskservice.Config) (taskservice.Task, error) {
		s, err := settingsOf(c)
		if err != nil {
			return nil, err
		}
		return &bridge{source: from, settings: s}, nil
	}
}

// bridge is the task.
type bridge struct {
	source   Source
	settings settings

	// made by Run
	run     string // of this process
	session *taskservice.Session
	log     *slog.Logger
	shelf   *shelf
	spool   *spool
	tide    *tide
	nc      *nats.Conn
	js      jetstream.JetStream
	out     *outward
	in      *inward       // nil: nothing of others is wanted
	changed chan struct{} // sent by NATS's client when the link may have changed, never closed; one word is enough, hence 1

	mu      sync.Mutex // guards what follows
	streams []string
	refused string // why the last attempt to connect failed
	told    string // what our bus was told of the link
}

// Run implements taskservice.Task.
func (b *bridge) Run(ctx context.Context, s *taskservice.Session) (err error) {
	b.session, b.log, b.run = s, s.Log, uuid.NewString()
	b.tide, b.changed = newTide(), make(chan struct{}, 1)
	opening, cancel := context.WithTimeout(ctx, openTime)
	defer cancel()
	if b.shelf, err = openShelf(opening, b.settings.file, b.log); err != nil {
		return err
	}
	defer func() {
		closing, cancel := context.WithTimeout(context.Background(), closeTime)
		defer cancel()
		err = errors.Join(err, b.shelf.close(closing))
	}()
	if b.spool, err = newSpool(opening, b.shelf, b.run, b.settings.spool, b.log); err != nil {
		return err
	}
	ear, err := b.join(ctx)
	if err != nil {
		return err
	}
	defer ear.Close(context.Background()) // it only listens: nothing to drain
	if err := b.connect(); err != nil {
		return err
	}
	defer b.nc.Close()
	return b.live(ctx, ear)
}

// join subscribes to the bus by a connection of our own, whose queue holds the forwarder
// back: that of a Session drops what its task does not read at once.
func (b *bridge) join(ctx context.Context) (*bus.Bus, error) {
	c := b.session.Config()
	b.out = &outward{
		place: b.settings.place, topics: b.settings.topics, remote: b.settings.remote.prefix + ".",
		spool: b.spool, echoes: newEchoes(), waits: newWaits(), log: b.log,
	}
	o := bus.Options{Frontend: c.Frontend, Topics: b.out.subscriptions(), Logger: b.log}
	if c.Curve != "" {
		credentials, err := keys.LoadCredentials(c.Curve)
		if err != nil {
			return nil, err
		}
		o.Curve = credentials
	}
	ctx, cancel := context.WithTimeout(ctx, joinTime)
	defer cancel()
	return bus.Dial(ctx, o)
}

// connect makes NATS's client, which dials for ever.
func (b *bridge) connect() error {
	c := b.session.Config()
	nc, err := b.settings.nats.Connect(
		nats.Name("zmicroservices bridge "+b.settings.place.String()),
		nats.RetryOnFailedConnect(true), nats.MaxReconnects(-1), nats.IgnoreAuthErrorAbort(),
		nats.CustomReconnectDelay(reconnectPause),
		nats.ReconnectBufSize(-1), // what waits, waits in the spool
		nats.PingInterval(pingTime), nats.MaxPingsOutstanding(2), nats.NoEcho(),
		nats.ConnectHandler(func(*nats.Conn) { signal(b.changed) }),
		nats.ReconnectHandler(func(*nats.Conn) { signal(b.changed) }),
		nats.DisconnectErrHandler(func(_ *nats.Conn, err error) {
			b.tide.fall()
			signal(b.changed)
			if err != nil {
				b.log.Warn("link to NATS broke: events are spooled", "err", err)
			}
		}),
		nats.ReconnectErrHandler(func(_ *nats.Conn, err error) { b.refusal(err) }),
		nats.ErrorHandler(func(_ *nats.Conn, s *nats.Subscription, err error) {
			of := ""
			if s != nil {
				of = s.Subject
			}
			level := slog.LevelWarn
			if operation := (*net.OpError)(nil); errors.As(err, &operation) {
				level = slog.LevelDebug // one a publish of a link that has just broken, which is said once
			}
			b.log.Log(context.Background(), level, "NATS complains", "subject", of, "err", err)
		}),
	)
	if err != nil {
		return err
	}
	b.nc = nc
	b.out.nc = nc
	if b.js, err = jetstream.New(nc); err != nil {
		nc.Close()
		return fmt.Errorf("use JetStream: %w", err)
	}
	b.log.Info("bridge is open", "place", b.settings.place.String(), "nats", b.settings.nats.URLs, "commands", b.settings.commands, "context", c.ContextID)
	return nil
}

// refusal says why there is no link, once while it is the same.
func (b *bridge) refusal(err error) {
	b.mu.Lock()
	news := b.refused != err.Error()
	b.refused = err.Error()
	b.mu.Unlock()
	if news {
		b.log.Warn("no link to NATS: tried again until there is one", "err", err)
	}
}

// live runs all that the bridge does, until ctx ends.
func (b *bridge) live(ctx context.Context, ear *bus.Bus) error {
	hearing, deafen := context.WithCancel(ctx)
	defer deafen()
	sending, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	var work gang
	defer work.wait()
	defer cancel()
	defer deafen()

	if err := b.serve(hearing, &work); err != nil {
		return err
	}
	if b.settings.remote.topics != nil {
		if err := b.repeat(hearing, &work); err != nil {
			return err
		}
	}
	work.add(func() { b.out.run(hearing, ear) }) // ends with hearing
	work.add(func() { b.steward(sending) })      // ends with sending
	for i := range senders {
		one := &sender{number: i, spool: b.spool, tide: b.tide, js: b.js, place: b.settings.place, amiss: b.amiss, log: b.log}
		work.add(func() { one.run(sending) }) // ends with sending
	}
	signal(b.changed) // the link may be there already
	<-ctx.Done()
	deafen()
	draining, cancelDrain := context.WithTimeout(sending, drainTime)
	defer cancelDrain()
	b.spool.drained(draining, b.tide)
	return nil
}

// repeat begins what brings other hosts' messages here.
func (b *bridge) repeat(ctx context.Context, work *gang) error {
	remembered, err := newMemory(ctx, b.shelf)
	if err != nil {
		return err
	}
	b.in = &inward{
		remote: b.settings.remote, own: b.settings.place.Host, js: b.js, shelf: b.shelf, memory: remembered, tide: b.tide,
		put: b.session.PublishFrame, log: b.log,
	}
	if err := b.in.subscribe(b.nc); err != nil {
		return err
	}
	if b.settings.remote.topics.keeps() {
		work.add(func() { b.in.follow(ctx, b.streamNames) }) // ends with ctx
	}
	return nil
}

// serve answers requests, each on a goroutine of its own that ends with its answer, or
// with ctx.
func (b *bridge) serve(ctx context.Context, work *gang) error {
	o := &orders{
		allowed: b.settings.commands, place: b.settings.place, waits: b.out.waits, echoes: b.out.echoes,
		publish: b.session.PublishFrame, slots: make(chan struct{}, mostOrders), log: b.log,
	}
	a := &answers{source: b.source, presence: b.presence, log: b.log}
	slots := make(chan struct{}, mostOrders) // held by questions under way
	listen := func(to string, slots chan struct{}, take func(context.Context, *nats.Msg)) error {
		_, err := b.nc.Subscribe(to, func(m *nats.Msg) {
			if ctx.Err() != nil {
				return
			}
			if slots == nil {
				work.add(func() { take(ctx, m) })
				return
			}
			select {
			case slots <- struct{}{}:
				work.add(func() { defer func() { <-slots }(); take(ctx, m) })
			default: // who asks too much is not answered
			}
		})
		if err != nil {
			return fmt.Errorf("subscribe to %s: %w", to, err)
		}
		return nil
	}
	for _, to := range o.subjects() {
		if err := listen(to, nil, o.take); err != nil {
			return err
		}
	}
	for _, to := range questions(b.settings.place) {
		if err := listen(to, slots, a.ask); err != nil {
			return err
		}
	}
	return listen(discoverSubject, slots, a.discover)
}

// amiss has the streams looked at again, as at the beginning of a link.
func (b *bridge) amiss() {
	b.tide.fall()
	signal(b.changed)
}

func (b *bridge) streamNames() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.streams
}

// presence is what the bridge knows of itself.
func (b *bridge) presence() Presence {
	p := Presence{
		Host: b.settings.place.Host, Context: b.settings.place.Context, At: time.Now(),
		Commands: b.settings.commands, Topics: b.settings.topics, Unsent: b.out.unsent.Load(), BridgeRun: b.run,
	}
	p.Spooled, p.Dropped = b.spool.counts()
	if ip, err := b.nc.GetClientIP(); err == nil {
		p.Address = ip.String()
	}
	return p
}
