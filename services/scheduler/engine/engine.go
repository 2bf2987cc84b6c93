package engine

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/go-co-op/gocron/v2"
	"github.com/google/uuid"

	"zmicroservices/services/scheduler/peer"
	"zmicroservices/services/scheduler/registry"
)

// Engine synchronises with peers. Its methods may be called from many goroutines.
type Engine struct {
	o      Options
	table  table
	holder string // of the lease: this Engine, not this host
	leads  atomic.Bool
	moves  moves
	health health
}

// New makes an Engine, whose identity is the registry's from Begin or Run on.
func New(o Options) (*Engine, error) {
	o = o.withDefaults()
	if err := o.validate(); err != nil {
		return nil, err
	}
	e := &Engine{o: o, holder: uuid.NewString(), moves: newMoves()}
	e.table = table{
		most: o.Most, forget: o.Forget, tell: o.Happened,
		known: map[uuid.UUID]*entry{}, first: map[peer.Address]*entry{}, gone: map[uuid.UUID]bool{},
	}
	for _, at := range o.First {
		e.table.first[at] = &entry{Peer: peer.Peer{IP: at}, state: Unknown, since: time.Now()}
	}
	return e, nil
}

// Begin reads who we are and who is known. Run does so too; who wants to answer calls
// before does it first.
func (e *Engine) Begin(ctx context.Context) error {
	id, err := e.o.Registry.Identity(ctx, uuid.New())
	if err != nil {
		return err
	}
	e.table.mu.Lock()
	e.table.self = id
	e.table.mu.Unlock()
	return e.refresh(ctx)
}

// UUID is who we are; uuid.Nil before Begin.
func (e *Engine) UUID() uuid.UUID {
	e.table.mu.Lock()
	defer e.table.mu.Unlock()
	return e.table.self
}

// Leads says whether it is this Engine that synchronises.
func (e *Engine) Leads() bool { return e.leads.Load() }

// Peers gives all consumers that are known.
func (e *Engine) Peers() []Known { return e.table.view() }

// leaseParts is how often an interval the lease is looked after. It is for one interval:
// when a leader dies the next one leads after that and a part.
const leaseParts = 4

// Run synchronises once an interval while it leads, and waits to lead otherwise, until
// ctx ends. The registry may come and go.
func (e *Engine) Run(ctx context.Context) error {
	if e.UUID() == uuid.Nil {
		if err := e.Begin(ctx); err != nil {
			return err
		}
	}
	tick := time.NewTicker(e.o.Interval / leaseParts)
	defer tick.Stop()
	var rule *reign // nil: somebody else leads
	defer func() { rule.end() }()
	var looked time.Time // when one that stands by last read what the leader has learned
	for {
		rule = e.renew(ctx, rule)
		if now := time.Now(); rule == nil && now.Sub(looked) >= e.o.Interval {
			looked = now
			if err := e.refresh(ctx); err != nil && ctx.Err() == nil {
				e.health.bad(e.o.Logger, err)
			}
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			if rule != nil {
				rule.end()
				// The next one need not wait for the lease to run out.
				resigning, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
				defer cancel()
				if err := e.o.Registry.Resign(resigning, rule.lease); err != nil {
					e.o.Logger.Warn("lease could not be resigned: it runs out", "err", err)
				}
			}
			return nil
		}
	}
}

// renew looks after the lease and gives what goes on under it.
func (e *Engine) renew(ctx context.Context, rule *reign) *reign {
	asked := time.Now()
	asking, cancel := context.WithTimeout(ctx, e.o.Interval/leaseParts*2)
	lease, err := e.o.Registry.Lead(asking, e.holder, e.o.Interval)
	cancel()
	switch {
	case err == nil && rule != nil && rule.lease == lease:
		rule.until = asked.Add(e.o.Interval)
		return rule
	case err == nil:
		rule.end()
		e.health.good(e.o.Logger)
		rule, err = e.begin(ctx, lease, asked.Add(e.o.Interval))
		if err != nil {
			e.o.Logger.Error("rounds could not be scheduled", "err", err)
			return nil
		}
		return rule
	case errors.Is(err, registry.ErrLed):
		if rule != nil {
			e.o.Logger.Warn("another scheduler leads now")
		}
		rule.end()
		return nil
	case ctx.Err() != nil:
		return rule
	}
	e.health.bad(e.o.Logger, err)
	if rule != nil && !time.Now().Before(rule.until) {
		e.o.Logger.Warn("lease has run out: nothing is synchronised until the registry is back")
		rule.end()
		return nil
	}
	return rule
}

// reign is what goes on while we lead.
type reign struct {
	lease registry.Lease
	until time.Time // the lease is good; owned by Run
	stop  func()
}

// end ends it, once; of none it does nothing.
func (r *reign) end() {
	if r != nil && r.stop != nil {
		r.stop()
		r.stop = nil
	}
}

// begin starts the rounds and the herald. They end with end, which waits for them.
func (e *Engine) begin(ctx context.Context, lease registry.Lease, until time.Time) (*reign, error) {
	ctx, cancel := context.WithCancel(ctx)
	cron, err := gocron.NewScheduler(gocron.WithStopTimeout(time.Minute), gocron.WithLocation(time.UTC))
	if err != nil {
		cancel()
		return nil, fmt.Errorf("make timetable: %w", err)
	}
	every := gocron.DurationJob(e.o.Interval)
	if e.o.Jitter > 0 {
		// Only ever earlier: what is promised within intervals stays so.
		every = gocron.DurationRandomJob(e.o.Interval-e.o.Jitter, e.o.Interval)
	}
	_, err = cron.NewJob(every, gocron.NewTask(func() { e.Round(ctx) }),
		gocron.WithSingletonMode(gocron.LimitModeReschedule), // no overlap
		gocron.WithStartAt(gocron.WithStartImmediately()))
	if err != nil {
		cancel()
		return nil, errors.Join(fmt.Errorf("make timetable: %w", err), cron.Shutdown())
	}
	e.leads.Store(true)
	e.o.Logger.Info("this scheduler leads", "uuid", e.UUID(), "interval", e.o.Interval, "token", lease.Token)
	told := make(chan struct{}) // closed by the herald, at its end
	go func() {                 // ends with ctx
		defer close(told)
		e.herald(ctx, lease)
	}()
	cron.Start()
	return &reign{lease: lease, until: until, stop: func() {
		e.leads.Store(false)
		cancel()
		<-told
		if err := cron.Shutdown(); err != nil {
			e.o.Logger.Error("a round does not end", "err", err)
		}
	}}, nil
}
