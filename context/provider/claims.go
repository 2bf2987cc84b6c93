package provider

import (
	"fmt"
	"time"

	"zmicroservices/context/group"
	"zmicroservices/context/keeper"
)

// known is what the journal knows of an incarnation that a keeper held.
type known struct {
	claim  keeper.Claim
	exited bool // how it ended was told
}

// claimsOf is all that ran in a transaction, in the keeper's words. The recipe of its end
// is made anew from its spec, which the journal has: a keeper keeps nothing on disk, and
// a file for every spawn would cost each of them what is needed once in a blue moon.
func (p *Provider) claimsOf(s openTransaction) ([]known, error) {
	held, err := group.Held(p.groupOptions(s.Transaction), time.Now(), s.Transaction.Began, s.Seq, s.tasks)
	if err != nil {
		return nil, fmt.Errorf("transaction %s: %w", s.Transaction.ID, err)
	}
	here := keeper.Identify()
	all := make([]known, 0, len(held))
	for _, t := range s.tasks {
		if !t.Seen.Present {
			continue
		}
		l := held[len(all)] // in the same order
		k := known{p.launcher.claim(l), t.Seen.Exit != nil}
		// An older journal has no ticks: such a process is found by its cookie.
		if t.Seen.Made && t.Seen.Ticks > 0 {
			here.PID, here.Ticks = t.Seen.PID, t.Seen.Ticks
			k.claim.Start, k.claim.Maybe = here, false
		}
		all = append(all, k)
	}
	return all, nil
}

// claim is what a launch would ask for, but for the start itself.
func (l *launcher) claim(g group.Launch) keeper.Claim {
	p := &g.Task.Process
	c := keeper.Claim{ID: slot(g.Ref), Stop: recipeOf(p.Stop), Output: outputOf(g.Ref, g.Task, l.budget), Maybe: true}
	c.Stop.Rank = g.Rank
	c.Notify, _ = l.notices(g.Ref, g.Task)
	if len(p.Hooks) == 0 {
		return c
	}
	hooks, err := hooksOf(l.resolve, g.Task)
	if err == nil {
		var spec keeper.Spec
		if spec, err = l.dress(g); err == nil {
			c.Hooks, c.Env, c.Attributes = hooks, spec.Env, spec.Attributes
		}
	}
	if err != nil { // a program or an environment file is there no more
		l.log.Warn("hooks will not run when it ends", "task", g.Ref.Task, "transaction", g.Ref.Transaction, "err", err)
	}
	if plan, err := l.resolve.Resolve(g.Task); err == nil {
		c.Dir = plan.Dir
	}
	return c
}
