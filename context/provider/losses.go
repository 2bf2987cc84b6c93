package provider

import (
	"fmt"
	"sync"
	"time"

	"zmicroservices/context/event"
	"zmicroservices/context/journal"
	"zmicroservices/context/keeper"
)

// lossPause is the time between two rows of the journal about the output of one task
// service: a flood for a day is no flood of rows.
const lossPause = time.Minute

// losses is what the keeper tells of output that is in no file. It may tell before
// there is anybody to hear it: that waits.
type losses struct {
	mu     sync.Mutex // guards all below
	heard  bool
	latest map[keeper.ID]keeper.Loss
	noted  map[keeper.ID]time.Time
}

// dropped takes what the keeper tells; it does not block.
func (p *Provider) dropped(l keeper.Loss) {
	p.losses.mu.Lock()
	defer p.losses.mu.Unlock()
	if p.losses.latest == nil {
		p.losses.latest, p.losses.noted = map[keeper.ID]keeper.Loss{}, map[keeper.ID]time.Time{}
	}
	p.losses.latest[l.ID] = l
	if p.losses.heard {
		p.tellLoss(l)
	}
}

// hearLosses tells what has waited. Journal and transactions are there.
func (p *Provider) hearLosses() {
	p.losses.mu.Lock()
	defer p.losses.mu.Unlock()
	p.losses.heard = true
	for _, l := range p.losses.latest {
		p.tellLoss(l)
	}
}

// hears says that the journal is there.
func (l *losses) hears() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.heard
}

// tellLoss puts the count into the View, and every minute into the journal. The lock
// of losses is held.
func (p *Provider) tellLoss(l keeper.Loss) {
	ref := refOf(l.ID)
	p.put(ref, event.Dropped{Task: ref.Task, Lines: l.Out + l.Err})
	now := time.Now()
	if last, noted := p.losses.noted[l.ID]; noted && now.Sub(last) < lossPause {
		return
	}
	p.losses.noted[l.ID] = now
	p.opts.Logger.Warn("output dropped", "task", ref.Task, "transaction", ref.Transaction, "stdout", l.Out, "stderr", l.Err, "reason", l.Why)
	p.journal.Note(journal.Note{
		Event: "output dropped", Transaction: ref.Transaction, Task: ref.Task,
		Cause:  event.Cause{Origin: event.ByProvider, By: "keeper"},
		Reason: fmt.Sprintf("%d lines of stdout and %d of stderr so far: %s", l.Out, l.Err, l.Why),
	})
}
