package provider

import (
	"context"
	"slices"
	"time"

	"zmicroservices/context/event"
)

// keepQuiet is how many transactions with nothing wanted and nothing running
// stay in memory, and keepServices how many task services they may have together:
// all of them are in every context info.
const (
	keepQuiet    = 100
	keepServices = 5000
)

// quietFor is how long such a transaction stays, and quietLook the time between two
// looks for one.
const (
	quietFor  = 24 * time.Hour
	quietLook = time.Hour
)

// forgetting is a part of the provider: transactions leave memory by time, too.
func (p *Provider) forgetting(ctx context.Context) error {
	again := time.NewTicker(quietLook)
	defer again.Stop()
	for {
		select {
		case <-again.C:
			p.mu.Lock()
			p.leave(aged(p.views(), time.Now(), p.opts.Transaction))
			p.mu.Unlock()
		case <-ctx.Done():
			return nil
		}
	}
}

// forget lets the oldest quiet transactions leave memory. p.mu is held.
func (p *Provider) forget() {
	p.leave(leaving(p.views()))
}

// leave lets transactions leave memory: the journal keeps them. p.mu is held.
func (p *Provider) leave(ids []event.TransactionID) {
	for _, id := range ids {
		p.cancels[id]()
		p.journal.End(id)
		p.site.forget(id)
		p.ordinals.leave(id)
		delete(p.cancels, id)
		delete(p.groups, id)
		p.order = slices.DeleteFunc(p.order, func(x event.TransactionID) bool { return x == id })
		p.opts.Logger.Info("quiet transaction left memory", "transaction", id)
	}
}

// leaving names the transactions that leave memory when one more comes, of all in
// order of their beginning.
func leaving(views []*event.View) []event.TransactionID {
	var out []event.TransactionID
	kept, services := 0, 0
	for _, v := range slices.Backward(views) {
		if !isQuiet(v) {
			continue
		}
		services += len(v.Tasks)
		if kept++; kept >= keepQuiet || kept > 1 && services > keepServices {
			out = append(out, v.Transaction)
		}
	}
	return out
}

func isQuiet(v *event.View) bool {
	for _, t := range v.Tasks {
		if t.Present || t.State == event.Created || t.Wanted || t.Scheduled {
			return false
		}
	}
	// One that just began has no change yet; one whose every task service was
	// refused has nothing else.
	return v.Seq > 0
}

// aged names those that were quiet for long. The latest stays, and the one that --start
// names: what an operator has stopped there is to stay so when the provider has crashed.
func aged(views []*event.View, now time.Time, named event.TransactionID) []event.TransactionID {
	var out []event.TransactionID
	for i, v := range views {
		if i < len(views)-1 && v.Transaction != named && isQuiet(v) && now.Sub(quietSince(v)) >= quietFor {
			out = append(out, v.Transaction)
		}
	}
	return out
}

// quietSince is when the last of a transaction changed.
func quietSince(v *event.View) time.Time {
	last := v.Began
	for _, t := range v.Tasks {
		if t.Since.After(last) {
			last = t.Since
		}
	}
	return last
}
