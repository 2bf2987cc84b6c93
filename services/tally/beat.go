package tally

import (
	"time"

	"zmicroservices/services/gap"
)

// How often what has gone wrong is logged.
const complaintEvery = time.Minute

// Beat looks for silent nodes. unheard is how much of the time since the last beat
// nothing could have been heard. What it returns is to be said on the bus: nodes that
// nobody has spoken of yet.
func (t *Tally) Beat(now time.Time, unheard time.Duration) []gap.Notice {
	began := time.Now()
	t.mu.Lock()
	defer t.mu.Unlock()
	if unheard > 0 {
		t.alives.Rebase(now, unheard)
	}
	var expired int
	var missed []gap.Notice
	for s, ok := t.alives.Due(now); ok; s, ok = t.alives.Due(now) {
		switch s.Finding {
		case gap.Expired:
			if c := t.remove(s.Node); c != nil {
				c.expired++
				expired++
			}
		case gap.Missed:
			missed = append(missed, gap.Notice{Node: s.Node, LastSeen: s.LastSeen})
		}
	}
	t.ledger.maintained++
	t.ledger.maintenance += time.Since(began)
	if expired > 0 {
		t.Logger.Info("nodes expired", "nodes", expired, "horizon", t.Horizon)
	}
	t.complain(now)
	return missed
}

// complain logs what could not be counted, now and then: strangers must not fill the
// log. t.mu is held.
func (t *Tally) complain(now time.Time) {
	if t.wrong.count == 0 || !t.wrong.logged.IsZero() && now.Sub(t.wrong.logged) < complaintEvery {
		return
	}
	t.Logger.Warn("messages were no events", "messages", t.wrong.count, "last", t.wrong.last)
	t.wrong = wrong{logged: now}
}

// known says whether a node is counted at present.
func (t *Tally) known(n gap.Node) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	_, known := t.nodes[n]
	return known
}

// said counts a notice.
func (t *Tally) said(n gap.Notice) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.ledger.component(n.Component).missed++
}
