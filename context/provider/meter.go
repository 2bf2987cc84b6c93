package provider

import (
	"context"
	"maps"
	"sync"
	"time"

	"zmicroservices/context/command"
	"zmicroservices/context/event"
	"zmicroservices/context/sample"
)

// meter measures what the services cost, in one pass for all transactions whose time
// has come, and has it reported.
type meter struct {
	p       *Provider
	began   time.Time
	stirred chan struct{} // capacity 1: a transaction is new, or another report is wanted; sent by many, never closed

	mu    sync.Mutex // guards asked
	asked map[event.TransactionID]command.Settings

	// owned by Run
	sampler *sample.Sampler
	plans   map[event.TransactionID]*plan
	trees   map[event.Ref]*sample.Tree
	own     ourselves
	batch   []*sample.Tree
}

// plan is when a transaction is measured.
type plan struct {
	command.Settings
	asked bool      // by monitor_on
	next  time.Time // of its report
	last  bool      // it is quiet, and was reported since
}

func newMeter(p *Provider) *meter {
	return &meter{
		p: p, began: time.Now(), stirred: make(chan struct{}, 1), asked: map[event.TransactionID]command.Settings{},
		plans: map[event.TransactionID]*plan{}, trees: map[event.Ref]*sample.Tree{},
	}
}

// Monitor implements command.Meter.
func (m *meter) Monitor(id event.TransactionID, s command.Settings) {
	m.mu.Lock()
	m.asked[id] = s
	m.mu.Unlock()
	m.stir()
}

// stir has the meter look at its plans. It never blocks.
func (m *meter) stir() {
	select {
	case m.stirred <- struct{}{}:
	default:
	}
}

// Run measures until ctx ends. A machine that does not let itself be measured is said
// once, and no reason to end.
func (m *meter) Run(ctx context.Context) error {
	var err error
	if m.sampler, err = sample.New(sample.DefaultOptions()); err != nil {
		m.p.opts.Logger.Error("processes are not measured", "err", err)
		return nil
	}
	defer func() {
		if err := m.sampler.Close(); err != nil {
			m.p.opts.Logger.Warn("sampler not closed", "err", err)
		}
	}()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-timer.C:
		case <-m.stirred:
		}
		timer.Reset(m.pass(ctx, time.Now()))
	}
}

// pass measures and reports what is due, and gives the time until something is.
func (m *meter) pass(ctx context.Context, now time.Time) time.Duration {
	views := m.p.Views()
	m.plan(views, now)
	m.forget(views)
	var due []*event.View
	m.batch = m.batch[:0]
	for _, v := range views {
		at := m.plans[v.Transaction]
		if at.Interval == 0 || now.Before(at.next) {
			continue
		}
		at.next = m.after(now, at.Interval)
		if quiet := isQuiet(v); quiet && at.last && !at.asked {
			continue // what it costs is nothing, and was said
		} else {
			at.last = quiet
		}
		due = append(due, v)
		m.gather(v, at.Settings)
	}
	if len(due) > 0 {
		m.batch = append(m.batch, m.own.trees(m)...)
		m.sampler.Tick(m.batch...)
		self := m.own.usage(ctx, m)
		for _, v := range due {
			m.p.handler.Report(v, command.Reading{Services: m.services(v, m.plans[v.Transaction].Settings), Self: self})
		}
	}
	rest := time.Hour
	for _, at := range m.plans {
		if at.Interval > 0 {
			rest = min(rest, max(0, time.Until(at.next)))
		}
	}
	return rest
}

// plan brings the plans up to date.
func (m *meter) plan(views []*event.View, now time.Time) {
	m.mu.Lock()
	asked := m.asked
	m.asked = map[event.TransactionID]command.Settings{}
	m.mu.Unlock()
	there := make(map[event.TransactionID]bool, len(views))
	for _, v := range views {
		there[v.Transaction] = true
		at := m.plans[v.Transaction]
		if at == nil {
			at = &plan{Settings: command.SettingsOf(m.p.opts.Context.Monitor)}
			if m.p.opts.Original {
				at.Interval = 0
			}
			at.next = m.after(now, at.Interval)
			m.plans[v.Transaction] = at
		}
		if s, ok := asked[v.Transaction]; ok {
			at.Settings, at.asked, at.next = s, s.Interval > 0, now // whoever asks does not wait for the first
		}
	}
	maps.DeleteFunc(m.plans, func(id event.TransactionID, _ *plan) bool { return !there[id] })
}

// after is the next time of an interval. All count from the same beginning, so that
// transactions with one interval are measured in one pass.
func (m *meter) after(now time.Time, interval time.Duration) time.Time {
	if interval == 0 {
		return time.Time{}
	}
	return m.began.Add((now.Sub(m.began)/interval + 1) * interval)
}

// gather puts the processes of a transaction into the pass.
func (m *meter) gather(v *event.View, s command.Settings) {
	for _, t := range v.Tasks {
		ref := refIn(v, t)
		leader, ok := m.p.hold.leader(slot(ref))
		if !ok {
			continue
		}
		tree := m.trees[ref]
		if tree == nil {
			tree = m.sampler.Watch(sample.Target{PID: leader.PID, Ticks: leader.Ticks})
			m.trees[ref] = tree
		}
		tree.Want = want(s)
		m.batch = append(m.batch, tree)
	}
}

func refIn(v *event.View, t *event.TaskView) event.Ref {
	return event.Ref{Transaction: v.Transaction, Task: t.ID, Incarnation: t.Incarnation}
}

func want(s command.Settings) (w sample.Want) {
	if s.Connections {
		w |= sample.Connections
	}
	if s.OpenedFiles {
		w |= sample.OpenFiles
	}
	if s.MemoryMaps {
		w |= sample.MemoryMaps
	}
	return w
}

// forget lets go of processes that have ended.
func (m *meter) forget(views []*event.View) {
	if len(m.trees) == 0 {
		return
	}
	here := make(map[event.Ref]bool, len(m.trees))
	for _, v := range views {
		for _, t := range v.Tasks {
			if t.Present {
				here[refIn(v, t)] = true
			}
		}
	}
	for ref, tree := range m.trees {
		if !here[ref] {
			tree.Close()
			delete(m.trees, ref)
		}
	}
}

// services are the figures of those that were in this pass.
func (m *meter) services(v *event.View, s command.Settings) map[event.TaskID]*command.Usage {
	out := make(map[event.TaskID]*command.Usage, len(v.Tasks))
	for _, t := range v.Tasks {
		if tree := m.trees[refIn(v, t)]; tree != nil {
			out[t.ID] = usageOf(tree, s)
		}
	}
	return out
}
