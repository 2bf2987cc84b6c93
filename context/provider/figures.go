package provider

import (
	"context"
	"sync"
	"time"

	"zmicroservices/context/event"
	"zmicroservices/context/forwarder"
	"zmicroservices/context/logs"
)

const (
	// figuresPace is how long figures are good for: however many ask, the provider
	// looks at itself no more often.
	figuresPace = 200 * time.Millisecond
	// keeperAnswer is how long figures wait for the keeper's part. A keeper that is
	// being replaced has none.
	keeperAnswer = time.Second
	// sizePace is how often the folders of logs are looked through.
	sizePace = 15 * time.Second
)

// figures makes the picture of what everything costs. It reads what others have made
// already, Views and counters, and asks no transaction.
type figures struct {
	p     *Provider
	began time.Time
	turn  chan struct{} // capacity 1: in it is whose turn it is to make them

	mu     sync.Mutex // guards all below, for a moment each
	latest *event.Figures
	selves map[string]selfClock
	size   int64 // of the logs
	sized  time.Time
}

func newFigures(p *Provider) *figures {
	return &figures{p: p, began: time.Now(), turn: make(chan struct{}, 1), selves: map[string]selfClock{}}
}

// Figures implements command.Figures.
func (f *figures) Figures(ctx context.Context) *event.Figures {
	f.turn <- struct{}{} // whoever has it gives it back within keeperAnswer
	defer func() { <-f.turn }()
	f.mu.Lock()
	latest := f.latest
	f.mu.Unlock()
	now := time.Now()
	if latest != nil && now.Sub(latest.At) < figuresPace {
		return latest
	}
	latest = f.make(ctx, now, f.costs(ctx))
	f.mu.Lock()
	defer f.mu.Unlock()
	f.latest = latest
	return latest
}

// standing is Figures without what services cost, which is what takes time: for those
// who ask for health, often and from many sides.
func (f *figures) standing(ctx context.Context) *event.Figures {
	return f.make(ctx, time.Now(), nil)
}

func (f *figures) make(ctx context.Context, now time.Time, costs map[event.Ref]*event.Cost) *event.Figures {
	p := f.p
	out := &event.Figures{
		At: now, Context: p.opts.Context.ContextID, Version: p.opts.Version, Began: f.began,
		Services: []event.ServiceFigures{}, Bus: busFigures(p.forwarder.Stats()),
	}
	for _, v := range p.Views() {
		for _, t := range v.Tasks {
			s := event.ServiceFigures{Transaction: v.Transaction, TaskView: t, Cost: costs[refIn(v, t)]}
			if t.State == event.Started {
				s.Uptime = now.Sub(t.Since).Seconds()
			}
			out.Services = append(out.Services, s)
		}
	}
	for _, g := range p.all() {
		out.Queues.Notices += g.Waiting()
	}
	j := p.journal.Stats()
	out.Journal = event.JournalFigures{
		Written: j.Written, Commits: j.Commits, Lost: j.Lost, Refused: j.Refused, Waiting: j.Waiting,
		Failing: j.Failing, Since: j.Since, Stalled: j.Stalled,
	}
	out.Output.Bytes = f.logSize(now)
	out.Self = []event.SelfFigures{f.provider(now)}
	ctx, cancel := context.WithTimeout(ctx, keeperAnswer)
	defer cancel()
	if k, err := p.hold.current().Stats(ctx); err == nil {
		out.Queues.Events, out.Queues.Slots, out.Output.Dropped = k.Events, k.Slots, k.DroppedLines
		out.Self = append(out.Self, f.clocked(event.SelfFigures{
			Process: "keeper", PID: k.PID, RSS: k.RSS, FDs: k.FDs, Threads: k.Threads, Goroutines: k.Goroutines,
		}, now))
	}
	return out
}

// costs are those of the services, unless measuring them takes too long.
func (f *figures) costs(ctx context.Context) map[event.Ref]*event.Cost {
	ctx, cancel := context.WithTimeout(ctx, keeperAnswer)
	defer cancel()
	return f.p.meter.costs(ctx)
}

// logSize is what all logs take, looked up now and then.
func (f *figures) logSize(now time.Time) int64 {
	f.mu.Lock()
	size, fresh := f.size, f.size > 0 && now.Sub(f.sized) < sizePace // that there is nothing is quickly seen
	f.mu.Unlock()
	if fresh {
		return size
	}
	size = logs.Size(f.p.opts.StateDir)
	f.mu.Lock()
	defer f.mu.Unlock()
	f.size, f.sized = size, now
	return size
}

// busFigures is the forwarder's picture in the words of all.
func busFigures(s forwarder.Stats) event.BusFigures {
	b := event.BusFigures{
		Connections: s.Connections, Shaking: s.Shaking, Publishers: len(s.Publishers), Subscribers: len(s.Subscribers),
		Prefixes: s.Prefixes, Accepted: s.Accepted, Refused: s.Refused, Shed: s.Shed,
		In: event.Traffic(s.In), Out: event.Traffic(s.Out), Dropped: event.Traffic(s.Dropped), Denied: s.Denied, Memory: s.Memory,
	}
	for _, sub := range s.Subscribers {
		b.QueuedMessages += sub.QueuedMessages
		b.QueuedBytes += sub.QueuedBytes
		b.LongestQueue = max(b.LongestQueue, sub.QueuedMessages)
	}
	return b
}
