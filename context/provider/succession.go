package provider

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"zmicroservices/context/event"
	"zmicroservices/context/journal"
	"zmicroservices/context/keeper"
)

const (
	// adoptionGrace bounds the time in which a keeper takes over.
	adoptionGrace = 30 * time.Second
	// A keeper that lives shorter than shortReign is followed by no more than
	// maxSuccessions others: something ends them, and it is not chance.
	shortReign     = 10 * time.Second
	maxSuccessions = 30
)

// follow dispatches the events of a keeper, and of those that follow when it is
// killed, until the last was asked to end. Task services go on meanwhile: they are
// nobody's children for a moment, and what is asked of them waits for the next keeper.
func (p *Provider) follow(ctx context.Context, k *keeper.Client) error {
	for deaths := 1; ; deaths++ {
		began := time.Now()
		p.dispatch(ctx, k)
		err := k.Err()
		if p.hold.isEnded() {
			return nil
		}
		if time.Since(began) > shortReign {
			deaths = 1
		}
		// Of a keeper that is silent nobody knows what it will do next: two of them must not
		// hold one process. One that heeds another provider is that one's.
		silent := errors.Is(err, keeper.ErrSilent) && !k.Outermost()
		if !silent && !errors.Is(err, keeper.ErrEnded) || deaths > maxSuccessions {
			return fmt.Errorf("keeper: %w", err)
		}
		if silent {
			p.opts.Logger.Error("keeper is silent for too long: it is killed", "keeper", k.PID())
			if err := p.oust(ctx, k); err != nil {
				return err
			}
		}
		p.opts.Logger.Error("keeper was killed: another one takes over", "keeper", k.PID())
		if k, err = p.succeed(ctx, k); err != nil {
			return fmt.Errorf("keeper: %w", err)
		}
		if p.hold.overtaken(k) {
			var ending sync.WaitGroup
			defer ending.Wait()
			// Ends with the keeper, or after its grace; its last events are heard meanwhile.
			ending.Go(func() {
				ctx, cancel := context.WithTimeout(ctx, keeperGrace)
				defer cancel()
				p.withdraw(k)
				if err := k.Shutdown(ctx); err != nil {
					p.opts.Logger.Warn("keeper not ended", "keeper", k.PID(), "err", err)
				}
			})
		}
	}
}

// oust kills a keeper that is silent.
func (p *Provider) oust(ctx context.Context, k *keeper.Client) error {
	ctx, cancel := context.WithTimeout(ctx, keeperGrace)
	defer cancel()
	return k.Oust(ctx)
}

// silent says that the keeper hangs, and that it goes on. Meanwhile everything is served
// that needs no keeper; what needs one waits for it, or for the next.
func (p *Provider) silent(silent bool) {
	if !p.losses.hears() {
		return // it is met, and nothing is live yet
	}
	n := journal.Note{
		Event: "keeper is silent", Cause: event.Cause{Origin: event.ByProvider, By: "heartbeat"},
		Reason: "starts, stops and exits wait for it, and then for another one that takes over",
	}
	if !silent {
		n.Event, n.Reason = "keeper answers again", "what waited for it goes on"
	}
	p.remark(n)
}

// succeed starts another keeper, which adopts what the dead one has left.
func (p *Provider) succeed(ctx context.Context, dead *keeper.Client) (*keeper.Client, error) {
	ctx, cancel := context.WithTimeout(ctx, adoptionGrace)
	defer cancel()
	_ = dead.Close() // it has ended
	claims := p.hold.claims()
	k, found, err := keeper.Adopt(ctx, p.keeperOptions(), claims)
	if err != nil {
		return nil, err
	}
	p.keeperRolledBack(fmt.Sprintf("keeper %d was lost, keeper %d has adopted %d of %d processes", dead.PID(), k.PID(), len(found), len(claims)))
	p.deposit(k)
	lost, err := p.hold.pass(k, found)
	if err != nil && k.Err() == nil {
		p.opts.Logger.Error("keeper was not asked for everything that was under way", "err", err)
	}
	var over []event.Ref
	for _, id := range lost {
		if id.Hook == "" {
			over = append(over, refOf(id))
			p.put(refOf(id), event.Lost{Ref: refOf(id), Reason: lostReason})
		}
	}
	p.doors.over(over...) // no keeper will tell that they are gone
	reason := fmt.Sprintf("keeper %d was killed, keeper %d has adopted %d of %d processes", dead.PID(), k.PID(), len(found), len(claims))
	p.opts.Logger.Info("keeper took over", "keeper", k.PID(), "adopted", len(found), "processes", len(claims))
	p.journal.Note(journal.Note{
		Event: "keeper took over", Cause: event.Cause{Origin: event.ByProvider, By: "recovery"}, Reason: reason,
	})
	return k, nil
}

// adopt has a keeper that was just started adopt what a killed one has left, by what
// the journal knows of it. True: there was something to look for.
func (p *Provider) adopt(ctx context.Context, k *keeper.Client, saved []openTransaction) (bool, error) {
	var whole []keeper.Claim
	for _, s := range saved {
		known, err := p.claimsOf(s)
		if err != nil {
			return false, err
		}
		for _, k := range known {
			p.hold.expect(k.claim, k.exited)
		}
		// What was spawned and not yet in the journal is nobody's promise: it is found
		// by its cookie, and ended when all else has been told.
		whole = append(whole, keeper.Claim{ID: keeper.ID{Transaction: string(s.Transaction.ID)}})
	}
	claims := p.hold.claims()
	if len(claims) == 0 {
		return false, nil
	}
	found, err := k.Adopt(ctx, append(claims, whole...))
	if err != nil {
		return false, err
	}
	_, err = p.hold.pass(k, found) // what was not found is the journal's to tell
	return true, err
}

// adopted says what became of a process whose keeper was killed.
func (p *Provider) adopted(e keeper.Event) {
	ref := refOf(e.ID)
	reason := fmt.Sprintf("pid %d goes on: its keeper was killed, and keeper %d holds it now", e.PID, p.hold.current().PID())
	if len(e.Lost) > 0 {
		reason += "; lost: " + strings.Join(e.Lost, ", ")
	}
	p.opts.Logger.Warn("task service was adopted", "task", ref.Task, "transaction", ref.Transaction, "pid", e.PID, "lost", e.Lost)
	p.journal.Note(journal.Note{
		Event: "adopted", Transaction: ref.Transaction, Task: ref.Task,
		Cause: event.Cause{Origin: event.ByProvider, By: "recovery"}, Reason: reason,
	})
}
