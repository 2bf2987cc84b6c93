package provider

import (
	"context"
	"maps"
	"sync"
	"time"

	"zmicroservices/context/command"
	"zmicroservices/context/event"
	"zmicroservices/context/group"
	"zmicroservices/context/history"
	"zmicroservices/context/limit"
	"zmicroservices/context/sample"
)

// meter measures what the services cost: for reports on the bus, for their limits and
// for whoever asks, in one pass for all whose time has come.
type meter struct {
	p       *Provider
	began   time.Time
	stirred chan struct{} // capacity 1: there is something new; sent by many, never closed
	looks   chan look     // capacity 0: who looks waits for a pass anyway; sent by costs, never closed
	ended   chan struct{} // closed by Run

	scrutinies chan scrutiny // capacity 0, as looks; sent by Accounts, never closed

	mu     sync.Mutex // guards both
	asked  map[event.TransactionID]command.Settings
	limits []func(*limit.Judge) // changes of what is judged, in order

	// owned by Run
	sampler  *sample.Sampler
	plans    map[event.TransactionID]*plan
	subjects map[event.Ref]*subject
	judge    *limit.Judge
	own      ourselves
	batch    []*sample.Tree
	samples  []history.Sample
}

// plan is when a transaction is reported.
type plan struct {
	command.Settings
	asked bool      // by monitor_on
	next  time.Time // of its report
	last  bool      // it is quiet, and was reported since
}

// subject is a task service's processes.
type subject struct {
	tree *sample.Tree
	cost *event.Cost // the latest
	ways ways        // where its costs lead to
}

// look asks for the costs of all.
type look struct {
	reply chan map[event.Ref]*event.Cost
} // capacity 1: whoever asked may have gone

// fresh is how old costs may be for whoever looks: at most so often they are measured anew.
const fresh = figuresPace

func newMeter(p *Provider) *meter {
	return &meter{
		p: p, began: time.Now(), stirred: make(chan struct{}, 1), looks: make(chan look), scrutinies: make(chan scrutiny), ended: make(chan struct{}),
		asked: map[event.TransactionID]command.Settings{}, plans: map[event.TransactionID]*plan{},
		subjects: map[event.Ref]*subject{}, judge: limit.NewJudge(),
	}
}

// Monitor implements command.Meter.
func (m *meter) Monitor(id event.TransactionID, s command.Settings) {
	m.mu.Lock()
	m.asked[id] = s
	m.mu.Unlock()
	m.stir()
}

// Limit judges a process by the limits of its task service, until Unlimit.
func (m *meter) Limit(l group.Limit) {
	m.change(func(j *limit.Judge) { j.Watch(l.Ref, l.Task.Limits) })
}

// Unlimit judges it no more.
func (m *meter) Unlimit(r event.Ref) { m.change(func(j *limit.Judge) { j.Unwatch(r) }) }

func (m *meter) change(c func(*limit.Judge)) {
	m.mu.Lock()
	m.limits = append(m.limits, c)
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

// costs are those of all task services that have a process, measured now or a moment
// ago; nil if nothing is measured.
func (m *meter) costs(ctx context.Context) map[event.Ref]*event.Cost {
	l := look{make(chan map[event.Ref]*event.Cost, 1)}
	select {
	case m.looks <- l:
	case <-m.ended:
		return nil
	case <-ctx.Done():
		return nil
	}
	select {
	case costs := <-l.reply:
		return costs
	case <-ctx.Done():
		return nil
	}
}

// Run measures until ctx ends. A machine that does not let itself be measured is said
// once, and no reason to end.
func (m *meter) Run(ctx context.Context) error {
	defer close(m.ended)
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
		var l look
		select {
		case <-ctx.Done():
			return nil
		case <-timer.C:
		case <-m.stirred:
		case l = <-m.looks:
		case s := <-m.scrutinies:
			s.reply <- m.scrutinize(s)
			continue // what is due stays due
		}
		rest := m.pass(ctx, time.Now(), l.reply != nil)
		if l.reply != nil {
			l.reply <- m.latest()
		}
		timer.Reset(rest)
	}
}

// pass measures what is due, or all of it for who looks, and gives the time until
// something is due again.
func (m *meter) pass(ctx context.Context, now time.Time, all bool) time.Duration {
	views := m.p.Views()
	m.plan(views, now)
	m.forget(views)
	m.batch = m.batch[:0]
	due := m.reportable(views, now)
	judged := m.judge.Due(now)
	for _, v := range views {
		m.gather(v, now, due[v.Transaction], all, judged)
	}
	if len(due) > 0 {
		m.batch = append(m.batch, m.own.trees(m)...)
	}
	if len(m.batch) > 0 {
		m.sampler.Tick(m.batch...)
	}
	for ref, s := range m.subjects {
		if s.tree.At().Before(now) {
			continue // not in this pass
		}
		s.cost = costOf(s.tree)
		for _, e := range m.judge.Judge(ref, s.cost) {
			m.p.put(ref, e)
		}
	}
	m.remember(views, now)
	m.foresee(views, now)
	if len(due) > 0 {
		self := m.own.usage(ctx, m)
		for _, v := range views {
			if due[v.Transaction] {
				m.p.handler.Report(v, command.Reading{Services: m.services(v), Self: self})
			}
		}
	}
	return m.rest()
}

// rest is the time until something is due.
func (m *meter) rest() time.Duration {
	next := m.judge.Next()
	for _, at := range m.plans {
		if at.Interval > 0 && (next.IsZero() || at.next.Before(next)) {
			next = at.next
		}
	}
	if next.IsZero() {
		return time.Hour
	}
	return max(0, time.Until(next))
}

// plan brings plans and limits up to date.
func (m *meter) plan(views []*event.View, now time.Time) {
	m.mu.Lock()
	asked, limits := m.asked, m.limits
	m.asked, m.limits = map[event.TransactionID]command.Settings{}, nil
	m.mu.Unlock()
	for _, change := range limits {
		change(m.judge)
	}
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

// reportable are the transactions whose report is due. What costs nothing any more,
// and was said to, is not said again.
func (m *meter) reportable(views []*event.View, now time.Time) map[event.TransactionID]bool {
	due := map[event.TransactionID]bool{}
	for _, v := range views {
		at := m.plans[v.Transaction]
		if at.Interval == 0 || now.Before(at.next) {
			continue
		}
		at.next = m.after(now, at.Interval)
		quiet := isQuiet(v)
		due[v.Transaction] = at.asked || !quiet || !at.last
		at.last = quiet
	}
	maps.DeleteFunc(due, func(_ event.TransactionID, is bool) bool { return !is })
	return due
}
