package provider

import (
	"context"
	"fmt"
	"slices"

	"zmicroservices/context/event"
	"zmicroservices/context/group"
	"zmicroservices/context/journal"
	"zmicroservices/context/keeper"
)

// recovery is the beginning of a provider that comes after one that died. The
// journal says what is wanted, the keeper what exists.
type recovery struct {
	untold int // events that the keeper tells again; owned by dispatch
}

// recover goes on with the transactions that an earlier provider of this boot had
// open, and gives them in order of beginning. met says that the keeper is the
// earlier provider's.
//
// What the keeper no longer holds is lost, and said so. What it tells again leads
// to the same decisions once more, and a launch of what is there makes nothing;
// what it holds beyond that is swept when all was told.
func (p *Provider) recover(ctx context.Context, k *keeper.Client, met bool) ([]event.TransactionID, error) {
	saved, err := p.saved(ctx)
	if err != nil {
		return nil, fmt.Errorf("recover: %w", err)
	}
	for _, s := range saved {
		p.ordinals.restore(s)
	}
	if !met {
		if met, err = p.adopt(ctx, k, saved); err != nil {
			return nil, fmt.Errorf("recover: %w", err)
		}
	}
	there := map[event.Ref]bool{}
	if met {
		held, err := k.List(ctx)
		if err != nil {
			return nil, fmt.Errorf("recover: %w", err)
		}
		for _, s := range held {
			if s.ID.Hook != "" {
				continue
			}
			there[refOf(s.ID)] = true
			if !slices.ContainsFunc(saved, func(o openTransaction) bool { return string(o.Transaction.ID) == s.ID.Transaction }) {
				p.launcher.strays.add(refOf(s.ID))
			}
			if isTrial(s.ID.Hook) { // nobody waits for its verdict any more
				_ = k.Kill(s.ID)
			}
		}
		p.hold.found(held)
		for _, s := range saved {
			known, err := p.claimsOf(s)
			if err != nil {
				return nil, fmt.Errorf("recover: %w", err)
			}
			for _, k := range known {
				p.hold.complete(k.claim)
			}
		}
		stats, err := k.Stats(ctx)
		if err != nil {
			return nil, fmt.Errorf("recover: %w", err)
		}
		p.recovery.untold = stats.Events
		p.opts.Logger.Info("keeper was met again", "keeper", k.PID(), "processes", stats.Live, "events", stats.Events)
	}
	var ids []event.TransactionID
	for _, s := range saved {
		id := s.Transaction.ID
		g, err := p.resume(s.Saved, s.tasks)
		if err != nil {
			return nil, fmt.Errorf("recover transaction %s: %w", id, err)
		}
		for _, t := range s.tasks {
			ref := s.ref(t)
			if t.Seen.Present && t.Seen.Made && !there[ref] {
				g.Put(event.Lost{Ref: ref, Reason: lostReason})
			}
		}
		ids = append(ids, id)
		p.opts.Logger.Info("transaction goes on", "transaction", id, "tasks", len(s.tasks))
	}
	if p.recovery.untold == 0 {
		p.sweep(ctx)
	}
	return ids, nil
}

// lostReason is what is said of an incarnation that ended unseen.
const lostReason = "it ended with its keeper, and nobody saw how"

// openTransaction is a transaction of the journal with its task services read.
type openTransaction struct {
	journal.Saved
	tasks []group.Saved
}

func (o openTransaction) ref(t group.Saved) event.Ref {
	return event.Ref{Transaction: o.Transaction.ID, Task: event.TaskID(t.Spec.ID), Incarnation: t.Seen.Incarnation}
}

// saved reads what earlier providers of this boot have left open.
func (p *Provider) saved(ctx context.Context) ([]openTransaction, error) {
	saved, err := p.journal.Saved(ctx)
	if err != nil {
		return nil, err
	}
	all := make([]openTransaction, len(saved))
	for i, s := range saved {
		all[i] = openTransaction{s, make([]group.Saved, len(s.Wants))}
		for n, w := range s.Wants {
			if all[i].tasks[n], err = group.DecodeSaved(w.Spec); err != nil {
				return nil, fmt.Errorf("task %s of transaction %s: %w", w.Task, s.Transaction.ID, err)
			}
		}
	}
	return all, nil
}

// retold counts the events that the keeper tells again. After the last, what it
// holds and nobody wants is swept.
func (p *Provider) retold(ctx context.Context, n int) {
	if p.recovery.untold == 0 {
		return
	}
	if p.recovery.untold = max(0, p.recovery.untold-n); p.recovery.untold == 0 {
		p.sweep(ctx)
	}
}

// sweep ends what the keeper holds and no transaction knows: the start of it was
// asked for and not yet in the journal when the provider died, so that nobody was
// promised it.
func (p *Provider) sweep(ctx context.Context) {
	groups := p.all()
	left := make(chan struct{}, len(groups)) // one from each
	for _, g := range groups {
		g.After(func() { left <- struct{}{} })
	}
	p.launcher.work.Go(func() { // ends when all groups have come so far; they do
		for range groups {
			<-left
		}
		held, err := p.hold.List(ctx)
		if err != nil {
			p.opts.Logger.Warn("keeper not swept", "err", err)
			return
		}
		p.doors.sweep(held)
		for _, s := range held {
			ref := refOf(s.ID)
			if s.State == keeper.Over || p.knows(ref) && !p.launcher.strays.has(ref) {
				continue
			}
			p.opts.Logger.Warn("process that nobody wants is ended", "task", ref.Task, "transaction", ref.Transaction, "pid", s.PID)
			if err := p.hold.Stop(s.ID, nil); err != nil {
				p.opts.Logger.Warn("process not ended", "pid", s.PID, "err", err)
			}
		}
	})
}

// all gives the groups there are.
func (p *Provider) all() []*group.Group {
	p.mu.Lock()
	defer p.mu.Unlock()
	all := make([]*group.Group, len(p.order))
	for i, id := range p.order {
		all[i] = p.groups[id]
	}
	return all
}

// knows says that an incarnation is its transaction's present one.
func (p *Provider) knows(ref event.Ref) bool {
	g := p.group(ref.Transaction)
	if g == nil {
		return false
	}
	t := g.View().Task(ref.Task)
	return t != nil && t.Present && t.Incarnation == ref.Incarnation
}
