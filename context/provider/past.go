package provider

import (
	"context"
	"errors"
	"path/filepath"
	"time"

	"zmicroservices/context/command"
	"zmicroservices/context/event"
	"zmicroservices/context/history"
	"zmicroservices/context/probe"
)

// keepHistory opens the history of this context and lets it be written until teardown.
// Supervising does not depend on it: one that cannot be opened or written is said, and
// nothing ends for it.
func (p *Provider) keepHistory(ctx context.Context, run func(string, func(context.Context) error) func(), down *teardown) {
	h, err := history.Open(ctx, history.Options{Path: filepath.Join(p.opts.StateDir, "history.db"), Logger: p.opts.Logger})
	if err != nil {
		p.opts.Logger.Error("history not opened: what services cost is not kept", "err", err)
		return
	}
	p.history = h
	run("history", func(ctx context.Context) error {
		if err := h.Run(ctx); err != nil {
			p.opts.Logger.Error("history is not written any more", "err", err)
		}
		return nil
	})
	down.add("close the history", func() error {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), graceAfterStop)
		defer cancel()
		if err := h.Close(ctx); err != nil {
			p.opts.Logger.Warn("end of the history not written", "err", err)
		}
		return nil
	})
}

// remember keeps what was measured in this pass.
func (m *meter) remember(views []*event.View, now time.Time) {
	if m.p.history == nil {
		return
	}
	m.samples = m.samples[:0]
	for _, v := range views {
		for _, t := range v.Tasks {
			s := m.subjects[refIn(v, t)]
			if s == nil || s.cost == nil || s.tree.At().Before(now) || s.tree.Err() != nil {
				continue
			}
			total := s.cost.Total()
			m.samples = append(m.samples, history.Sample{
				Transaction: v.Transaction, Task: t.ID, At: now, RSS: total.RSS, CPU: total.CPU,
				FDs: total.FDs, Threads: total.Threads, Connections: total.Sockets(), Restarts: t.Restarts,
			})
		}
	}
	m.p.history.Add(m.samples)
}

// probed keeps how long a check of a probe took. It is the check's goroutine that comes
// here: supervision waits for nothing of it.
func (p *Provider) probed(a probe.Answer) {
	p.site.answered(a.Ref, a.Took, a.OK)
	if p.history == nil {
		return
	}
	p.history.Answered(history.Answer{Transaction: a.Ref.Transaction, Task: a.Ref.Task, At: time.Now(), Took: a.Took, OK: a.OK})
}

// past implements command.Past.
type past struct{ p *Provider }

var errNoHistory = errors.New("there is no history: its file could not be opened, see the provider's log")

func (h past) Stats(ctx context.Context, q command.StatsQuery) ([]command.Stat, error) {
	if h.p.history == nil {
		return nil, errNoHistory
	}
	rows, err := h.p.history.Read(ctx, history.Query(q), time.Now())
	if err != nil {
		return nil, err
	}
	stats := make([]command.Stat, len(rows))
	for i, r := range rows {
		stats[i] = command.Stat(r)
	}
	return stats, nil
}

func (h past) Probes(ctx context.Context, q command.StatsQuery) ([]command.ProbeStat, error) {
	if h.p.history == nil {
		return nil, errNoHistory
	}
	rows, err := h.p.history.Probes(ctx, history.Query(q), time.Now())
	if err != nil {
		return nil, err
	}
	stats := make([]command.ProbeStat, len(rows))
	for i, r := range rows {
		stats[i] = command.ProbeStat{At: r.At, Span: r.Span, Checks: r.Checks, Failures: r.Failures, Latency: r.Mean, LatencyMax: r.Max}
	}
	return stats, nil
}
