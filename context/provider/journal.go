package provider

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"zmicroservices/context/command"
	"zmicroservices/context/event"
	"zmicroservices/context/group"
	"zmicroservices/context/journal"
	"zmicroservices/context/store"
	"zmicroservices/internal/crashpoint"
)

// openJournal opens the journal of this context and boot.
func openJournal(ctx context.Context, o Options) (*journal.Journal, error) {
	boot, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return nil, fmt.Errorf("open journal: %w", err)
	}
	j, err := journal.Open(ctx, journal.Options{
		Path: filepath.Join(o.StateDir, "journal.db"), Boot: strings.TrimSpace(string(boot)), Logger: o.Logger,
		Rows: o.JournalRows, Keep: o.JournalAge,
	})
	if err != nil {
		return nil, fmt.Errorf("open journal: %w", err)
	}
	return j, nil
}

// keep writes what a later provider needs of a task service.
func (p *Provider) keep(id event.TransactionID, s group.Saved) {
	p.journal.Want(journal.Want{
		Transaction: id, Task: event.TaskID(s.Spec.ID), Up: s.Want.Up, Run: s.Want.Run, Above: s.Want.Above,
		Incarnation: s.Seen.Incarnation, State: s.Seen.State, Value: s, Cause: s.Want.Cause, Seq: s.Seq,
	})
}

// ledger acknowledges one keeper's events: each only when all before it are in
// the journal, whichever transaction they went to.
type ledger struct {
	ack func(seq uint64)

	mu    sync.Mutex // guards pages
	pages []*page    // in order of seq
}

// page is a batch of the keeper's events.
type page struct {
	seq   uint64 // of the last
	done  bool
	after func() // called when the keeper was told; must not block
}

func (l *ledger) open(seq uint64, after func()) *page {
	l.mu.Lock()
	defer l.mu.Unlock()
	p := &page{seq: seq, after: after}
	l.pages = append(l.pages, p)
	return p
}

// close marks a page as recorded.
func (l *ledger) close(p *page) {
	l.mu.Lock()
	defer l.mu.Unlock()
	p.done = true
	n := 0
	for n < len(l.pages) && l.pages[n].done {
		n++
	}
	if n == 0 {
		return
	}
	l.ack(l.pages[n-1].seq)
	for _, p := range l.pages[:n] {
		p.after()
	}
	l.pages = l.pages[n:]
}

// recorded closes a page when the transactions that its events went to have
// carried them out, and the journal has what followed.
func (p *Provider) recorded(acks *ledger, pg *page, groups []*group.Group) {
	left := len(groups)
	var mu sync.Mutex // guards left
	reached := func() {
		mu.Lock()
		left--
		last := left <= 0
		mu.Unlock()
		if last {
			p.journal.Durable(func(err error) {
				crashpoint.Here("journal committed")
				// What a failing disk has lost was counted and said; holding its page
				// open would hold all later ones. At the end they are told again.
				// Nor is anything acknowledged by a program that is about to be replaced: its
				// transactions have ended, and took nothing any more.
				if !errors.Is(err, store.ErrClosed) && !p.upgrades.replaced.Load() {
					acks.close(pg)
				}
			})
		}
	}
	if left == 0 {
		reached()
	}
	for _, g := range groups {
		g.After(reached)
	}
}

// Why implements command.Journal.
func (p *Provider) Why(ctx context.Context, id event.TransactionID, task event.TaskID) (command.Why, error) {
	links, err := p.journal.Why(ctx, id, task)
	if err != nil {
		return command.Why{}, err
	}
	w := command.Why{Text: journal.Explain(links)}
	for _, l := range links {
		w.Chain = append(w.Chain, l.Change)
	}
	return w, nil
}

// History implements command.Journal.
func (p *Provider) History(ctx context.Context, q command.HistoryQuery) ([]command.Entry, error) {
	rows, err := p.journal.History(ctx, journal.Filter{
		Transaction: q.Transaction, Task: q.Task, Since: q.Since, Until: q.Until, Limit: q.Limit, Latest: true,
	})
	if err != nil {
		return nil, err
	}
	entries := make([]command.Entry, len(rows))
	for i, r := range rows {
		e := command.Entry{Row: r.Row, Change: r.Change}
		if n := r.Note; n != nil {
			e.Note = &command.Note{At: n.At, Event: n.Event, Transaction: n.Transaction, Task: n.Task, Cause: n.Cause, Reason: n.Reason}
		}
		entries[i] = e
	}
	return entries, nil
}
