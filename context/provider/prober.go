package provider

import (
	"context"
	"log/slog"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"zmicroservices/conf"
	"zmicroservices/context/event"
	"zmicroservices/context/forwarder"
	"zmicroservices/context/group"
	"zmicroservices/context/keeper"
	"zmicroservices/context/logs"
	"zmicroservices/context/probe"
)

// prober gives the probes of all transactions what they ask: the keeper for exec and
// for watchdogs, the output of services for log, the bus for topic.
type prober struct {
	source   *probe.Prober
	judge    *probe.Judge
	began    time.Time // of this provider, wall clock
	trials   *trials
	hold     *hold
	launcher *launcher
	meter    *meter
	logs     string // folder of the logs of all transactions
	log      *slog.Logger
	ctx      context.Context // ends every ear
	work     sync.WaitGroup  // of ears

	mu      sync.Mutex // guards watched, and refs in topics
	watched map[event.Ref]*watched
	topics  map[string]*topic // of the provider's own file; the map is not changed any more
}

// watched is a process whose probes are looked at.
type watched struct {
	group.Watch
	deaf context.CancelFunc // ends its ear at the log; nil: it has none
}

// topic is one that a probe waits for.
type topic struct {
	last atomic.Int64 // when it was passed on, Unix nanoseconds; 0: anew
	refs map[event.Ref][]int
}

// often is how often a message of one topic is passed on at most: a probe asks whether
// there are any, and a camera sends thousands.
const often = 10 * time.Millisecond

func newProber(ctx context.Context, p *Provider) (*prober, error) {
	b := &prober{
		hold: p.hold, launcher: p.launcher, meter: p.meter, logs: filepath.Join(p.opts.StateDir, "logs"), log: p.opts.Logger, ctx: ctx,
		trials: &trials{hold: p.hold, epoch: p.state.epoch, running: map[keeper.ID]chan keeper.Event{}},
		began:  time.Now(), watched: map[event.Ref]*watched{}, topics: map[string]*topic{},
	}
	for _, name := range topicsOf(p.opts.Context.Tasks) {
		b.topics[name] = &topic{refs: map[event.Ref][]int{}}
	}
	var err error
	b.source, err = probe.New(probe.Options{
		Report: func(e event.Probed) { p.put(e.Ref, e) }, Answered: p.probed, Command: b.command,
	})
	if err != nil {
		return nil, err
	}
	b.judge, err = probe.NewJudge(probe.JudgeOptions{Report: func(e event.Unmet) { p.put(e.Ref, e) }, Sent: p.sent})
	return b, err
}

// topicsOf are those that the probes of task services wait for. What a message may
// start has the probes of our own file, so that there are no others.
func topicsOf(tasks []*conf.Task) []string {
	var names []string
	for _, t := range tasks {
		for _, p := range t.Process.Probes {
			if p.Topic != "" && !slices.Contains(names, p.Topic) {
				names = append(names, p.Topic)
			}
		}
	}
	return names
}

// ear is the forwarder's tap for them.
func (p *Provider) ear() forwarder.Tap {
	return forwarder.Tap{
		Topics:  topicsOf(p.opts.Context.Tasks),
		Deliver: func(_ forwarder.Peer, topic string, _ []byte) { p.prober.message(topic) },
	}
}

func (b *prober) message(name string) {
	t, now := b.topics[name], time.Now().UnixNano()
	last := t.last.Load()
	if now-last < int64(often) && now > last || !t.last.CompareAndSwap(last, now) {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	for r, probes := range t.refs {
		for _, n := range probes {
			b.source.Match(r, n)
		}
	}
}

// Watch implements group.Prober.
func (b *prober) Watch(w group.Watch) {
	b.mu.Lock()
	defer b.mu.Unlock()
	at := b.watched[w.Ref]
	if at == nil {
		at = &watched{}
		b.watched[w.Ref] = at
	}
	at.Watch = w
	wanted := probe.Watch{Ref: w.Ref, Probes: w.Task.Process.Probes}
	for _, v := range w.Probes {
		wanted.Verdicts = append(wanted.Verdicts, probe.Verdict{Probe: v.Probe, OK: v.OK})
		if p := &w.Task.Process.Probes[v.Probe]; p.Notify && p.Kind == "liveness" {
			if err := b.hold.Watchdog(slot(w.Ref), time.Duration(p.Failures)*p.Every); err != nil {
				b.log.Error("watchdog not judged", "task", w.Ref.Task, "transaction", w.Ref.Transaction, "err", err)
			}
		}
	}
	b.source.Watch(wanted)
	patterns := map[int]*regexp.Regexp{}
	for n, p := range w.Task.Process.Probes {
		if t := b.topics[p.Topic]; t != nil && !slices.Contains(t.refs[w.Ref], n) {
			t.refs[w.Ref] = append(t.refs[w.Ref], n)
			t.last.Store(0)
		}
		if p.Log != "" {
			patterns[n] = regexp.MustCompile(p.Log) // conf has compiled it
		}
	}
	if len(patterns) > 0 && at.deaf == nil && b.ctx.Err() == nil {
		ctx, deaf := context.WithCancel(b.ctx)
		at.deaf = deaf
		b.work.Go(func() { b.listen(ctx, w, patterns) }) // ends with Unwatch, or with all ears
	}
}

// Limit implements group.Prober.
func (b *prober) Limit(l group.Limit) { b.meter.Limit(l) }

// Unwatch implements group.Prober.
func (b *prober) Unwatch(r event.Ref) {
	b.source.Unwatch(r)
	b.judge.Forget(r)
	b.meter.Unlimit(r)
	b.mu.Lock()
	defer b.mu.Unlock()
	if at := b.watched[r]; at != nil && at.deaf != nil {
		at.deaf()
	}
	delete(b.watched, r)
	for _, t := range b.topics {
		delete(t.refs, r)
	}
}

// listen matches the lines of a process, those before it was asked for included. When
// the keeper dies it goes on with the next.
func (b *prober) listen(ctx context.Context, w group.Watch, patterns map[int]*regexp.Regexp) {
	query := logs.Query{Tasks: []string{string(w.Ref.Task)}, Since: w.Began}
	open := func(ctx context.Context, _ string) (logs.Ear, error) {
		t, err := b.hold.current().Tap(ctx, slot(w.Ref))
		return ear{t}, err
	}
	each := func(l logs.Line) error {
		for n, pattern := range patterns {
			if pattern.Match(l.Text) {
				b.source.Match(w.Ref, n)
			}
		}
		query.Since = l.At.Add(1)
		return nil
	}
	again := time.NewTimer(0)
	defer again.Stop()
	for {
		select {
		case <-again.C:
		case <-ctx.Done():
			return
		}
		err := logs.Listen(ctx, filepath.Join(b.logs, string(w.Ref.Transaction)), query, open, each)
		if err != nil {
			b.log.Warn("log probe listens anew", "task", w.Ref.Task, "transaction", w.Ref.Transaction, "err", err)
		}
		again.Reset(time.Second)
	}
}

// ear is a keeper's tap in the words of package logs.
type ear struct{ *keeper.Tap }

func (e ear) Next(ctx context.Context) ([]byte, uint64, error) {
	h, err := e.Tap.Next(ctx)
	return h.Lines, h.Dropped, err
}

// noticed takes what a service has told of itself to its transaction.
func (p *Provider) noticed(ref event.Ref, n *keeper.Notice) {
	if n == nil {
		return
	}
	if n.Extend > 0 {
		p.prober.source.Extend(ref, n.Extend)
	}
	p.put(ref, event.Notified{Ref: ref, Ready: n.Ready, Stopping: n.Stopping, Status: n.Status, Overdue: n.Overdue, Extend: n.Extend})
}

// notices gives the address of a service's notices and the variables that tell it, if
// one of its probes wants them.
func (l *launcher) notices(r event.Ref, t *conf.Task) (address string, env []conf.Env) {
	for _, p := range t.Process.Probes {
		if !p.Notify {
			continue
		}
		if address == "" {
			address = keeper.NotifyAddress(l.runtimeDir, slot(r), t.Process.User != "")
			env = append(env, conf.Env{Name: "NOTIFY_SOCKET", Value: address})
		}
		if p.Kind == "liveness" {
			env = append(env, conf.Env{Name: "WATCHDOG_USEC", Value: strconv.FormatInt(p.Every.Microseconds(), 10)})
		}
	}
	return address, env
}
