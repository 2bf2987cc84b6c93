package watchdog

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"golang.org/x/time/rate"

	"zmicroservices/services/gap"
	"zmicroservices/taskservice/hippodamia"
	"zmicroservices/taskservice/lifecycle"
	"zmicroservices/taskservice/message"
)

// Watchdog is one. Run may be called once.
type Watchdog struct {
	opts Options
	read func() gap.Reading

	// owned by Run
	roster  *roster
	alives  *gap.Alives // nil: life cycle events are not listened to
	clock   *gap.Clock
	every   time.Duration        // of the beat
	waiting map[string]string    // gid to uuid: rows that are to be durable before the response
	asked   map[string]string    // those of waiting that the store was asked about; nil: it is not
	invited map[string]time.Time // when a gid was told to onboard anew
	invites *rate.Limiter        // of all gids
	swept   time.Time            // when retention was asked for last
	lost    uint64               // of the store's losses, those that were said
	behind  bool                 // much waits for the database: what is added is to be short

	// inbox is what the reader hands over. It closes nothing; when it is full the reader
	// waits, and the bus queues.
	inbox chan arrival
	// outbox is what the publisher is to publish, sent by Run and closed by nobody. The
	// bus may be away for some seconds of the answers to a whole plant that comes up.
	outbox chan []byte
	queued atomic.Int64 // bytes in outbox
	// durable gets the store's answer. Of one question at a time, hence 1.
	durable chan error
	// broken gets why the bus cannot be heard any more, or the store not written, once each.
	broken chan error
}

// arrival is a frame and when it came.
type arrival struct {
	at    time.Time
	frame []byte
	cut   int // bytes that were cut off behind
}

const (
	inboxRoom  = 256
	frameRoom  = MaxPayload + 4096 // of a frame, more is cut off as it comes
	outboxRoom = 16384
	batch      = 256 // arrivals between two looks at everything else

	sweepEvery    = time.Minute
	inviteEvery   = 10 * time.Second // the same gid
	inviteRate    = 200              // a second, all gids: 10,000 that ping each minute are onboarded in one
	worthSaying   = time.Second      // of being away: a busy machine is late all the time
	muchWaits     = 1000             // writes, for the database
	closeTime     = 30 * time.Second // what waits is written within, at the end; whoever stops us may wait less
	servicesChunk = 250              // of an answer to a query, some 100 kB
	answerBelow   = 8 << 20          // bytes in outbox: with more in it a query is not answered
)

// New makes a watchdog.
func New(o Options) (*Watchdog, error) {
	o = o.withDefaults()
	if err := o.validate(); err != nil {
		return nil, err
	}
	shortest := o.Rules.Interval
	for _, own := range o.Rules.Types {
		shortest = min(shortest, own.Interval)
	}
	return &Watchdog{
		opts: o, read: gap.Read, every: min(max(shortest/8, 20*time.Millisecond), time.Second),
		waiting: map[string]string{}, invited: map[string]time.Time{}, invites: rate.NewLimiter(inviteRate, inviteRate),
		inbox: make(chan arrival, inboxRoom), outbox: make(chan []byte, outboxRoom),
		durable: make(chan error, 1), broken: make(chan error, 2),
	}, nil
}

// Run loads what was known, says ping to all, and observes until ctx ends. Then what
// waits is written and the store is closed. The error is why it could not go on.
func (w *Watchdog) Run(ctx context.Context) (err error) {
	known, err := w.opts.Store.Load(ctx)
	if err != nil {
		return errors.Join(fmt.Errorf("load microservices: %w", err), w.opts.Store.Close(ctx))
	}
	w.clock = gap.NewClock(w.every, w.read)
	now := time.Now()
	w.roster = newRoster(w.opts.Topics, w.opts.Rules, w.opts.Most, now)
	resumed := w.roster.load(now, known)
	if w.opts.Alive > 0 {
		w.alives = gap.NewAlives(gap.AlivesOptions{Origin: now, Horizon: gap.HorizonOf(w.opts.Alive), Rank: gap.RankWatchdog, Most: w.opts.Most})
	}

	var running sync.WaitGroup
	ctx, cancel := context.WithCancel(ctx)
	defer func() {
		cancel()
		closing, done := context.WithTimeout(context.WithoutCancel(ctx), closeTime)
		defer done()
		err = errors.Join(err, w.opts.Store.Close(closing))
		running.Wait()
	}()
	running.Go(func() { w.store(ctx) })   // ends with Store.Close
	running.Go(func() { w.publish(ctx) }) // ends with ctx
	for _, prefix := range w.prefixes() {
		if err := w.opts.Bus.Subscribe(ctx, prefix); err != nil {
			if ctx.Err() != nil {
				return nil
			}
			return err
		}
	}
	running.Go(func() { w.receive(ctx) }) // ends with ctx, or with the bus
	w.opts.Logger.Info("watchdog observes", "prefix", w.opts.Topics.Prefix(), "known", len(known))
	w.command(w.opts.Topics.CommandPing(), "", now)
	for _, o := range resumed {
		w.carryOut(now, o)
	}
	return w.observe(ctx)
}

// prefixes are those of the topics that it listens to, and not those that it speaks on.
func (w *Watchdog) prefixes() []string {
	t := w.opts.Topics
	all := []string{t.Contact(), t.State(), t.Query()}
	if w.opts.Alive > 0 {
		all = append(all, lifecycle.Prefix)
	}
	return all
}

// observe is the loop.
func (w *Watchdog) observe(ctx context.Context) error {
	beat := time.NewTicker(w.every)
	defer beat.Stop()
	for {
		select {
		case <-ctx.Done():
			w.finish()
			return nil
		case err := <-w.broken:
			return err
		case first := <-w.inbox:
			w.take(first)
		case err := <-w.durable:
			w.stored(time.Now(), err)
		case <-beat.C:
			w.beat()
		}
	}
}

// take handles what has arrived, a batch at most.
func (w *Watchdog) take(a arrival) {
	w.behind = w.opts.Store.Stats().Waiting > muchWaits
	for range batch {
		w.handle(a)
		select {
		case a = <-w.inbox:
		default:
			w.ask()
			return
		}
	}
	w.handle(a)
	w.ask()
}

// finish handles what came before the end.
func (w *Watchdog) finish() {
	for {
		select {
		case a := <-w.inbox:
			w.handle(a)
		default:
			return
		}
	}
}

// handle is one message.
func (w *Watchdog) handle(a arrival) {
	topic, payload, err := message.Split(a.frame)
	switch {
	case err != nil:
		return // no subscription of ours lets it through
	case topic == w.opts.Topics.Query():
		w.answer(a.at, payload)
	case isLife(topic):
		w.life(a.at, topic, payload)
	default:
		o := w.roster.receive(a.at, topic, payload, len(payload)+a.cut)
		if w.behind {
			o.shorten()
		}
		w.carryOut(a.at, o)
	}
}

// beat looks at the clocks, the silences and the store.
func (w *Watchdog) beat() {
	away := w.clock.Beat()
	now, unheard := away.Now, away.Unheard
	if c, ok := w.opts.Bus.(interface{ Connected() bool }); ok && !c.Connected() {
		unheard = max(unheard, w.every) // nobody can be heard
	}
	if away.Unheard >= worthSaying || away.Slept > 0 || away.Stepped != 0 {
		w.opts.Logger.Info("watchdog was away, or the clock was set", "unheard", away.Unheard, "slept", away.Slept, "stepped", away.Stepped)
	}
	w.roster.silence.Rebase(now, unheard)
	for o, ok := w.roster.due(now); ok; o, ok = w.roster.due(now) {
		w.carryOut(now, o)
	}
	if w.alives != nil {
		w.alives.Rebase(now, unheard)
		for s, ok := w.alives.Due(now); ok; s, ok = w.alives.Due(now) {
			w.missed(s)
		}
	}
	if now.Sub(w.swept) >= sweepEvery {
		w.swept = now
		w.sweep(now)
	}
}

// sweep forgets what is too old, and says what was lost.
func (w *Watchdog) sweep(now time.Time) {
	for gid, at := range w.invited {
		if now.Sub(at) >= inviteEvery {
			delete(w.invited, gid)
		}
	}
	r := Retention{Rows: max(0, w.opts.RetentionRows), Size: max(0, w.opts.RetentionSize)}
	if w.opts.RetentionAge > 0 {
		r.Before = now.Add(-w.opts.RetentionAge)
		w.roster.forget(r.Before)
	}
	if len(w.roster.all) >= w.opts.Most { // those whose observation has ended make room
		w.roster.forget(now)
	}
	if r.Rows > 0 || r.Size > 0 || w.opts.RetentionAge > 0 {
		w.opts.Store.Retain(r)
	}
	if s := w.opts.Store.Stats(); s.Lost > w.lost {
		w.opts.Logger.Error("watchdog's store lost messages", "lost", s.Lost-w.lost, "failing", s.Failing)
		w.lost = s.Lost
	}
}

// ask asks the store for the rows that wait, unless it is asked already: then what waits
// is the next question. So one commit serves all who came meanwhile.
func (w *Watchdog) ask() {
	if w.asked != nil || len(w.waiting) == 0 {
		return
	}
	w.asked, w.waiting = w.waiting, map[string]string{}
	w.opts.Store.Durable(func(err error) { w.durable <- err })
}

// stored responds to those whose rows are on the disk.
func (w *Watchdog) stored(now time.Time, err error) {
	asked := w.asked
	w.asked = nil
	if err != nil {
		// They get no response, and ask again.
		w.opts.Logger.Error("onboarding was not stored", "microservices", len(asked), "err", err)
	} else {
		for gid, uuid := range asked {
			w.carryOut(now, w.roster.stored(now, gid, uuid))
		}
	}
	w.ask()
}

// command asks agents for something; gid "": all of them.
func (w *Watchdog) command(topic, gid string, now time.Time) {
	post(w, topic, hippodamia.Command{GID: gid, RequestID: uuid.NewString(), Timestamp: now.UTC()})
}
