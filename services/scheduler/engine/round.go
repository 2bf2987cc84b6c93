package engine

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"

	"zmicroservices/services/scheduler/peer"
)

// Report is what a round came to.
type Report struct {
	Called  int // calls that were made
	Reached int // that were answered
	Took    time.Duration
}

// Round calls everybody once. It returns when all have answered or had their time, or
// soon after ctx has ended.
func (e *Engine) Round(ctx context.Context) Report {
	began := time.Now()
	if err := e.refresh(ctx); err != nil && ctx.Err() == nil {
		e.health.bad(e.o.Logger, err)
	}
	others := e.table.targets()
	r := e.callAll(ctx, e.firstTargets(others))
	others = slices.DeleteFunc(others, func(p peer.Peer) bool { return slices.Contains(e.o.First, p.IP) })
	rest := e.callAll(ctx, others)
	if err := e.save(ctx); err != nil && ctx.Err() == nil {
		e.health.bad(e.o.Logger, err)
	}
	r.Called, r.Reached, r.Took = r.Called+rest.Called, r.Reached+rest.Reached, time.Since(began)
	e.o.Logger.Debug("round ended", "called", r.Called, "reached", r.Reached, "took", r.Took)
	if r.Took > e.o.Interval && ctx.Err() == nil {
		e.o.Logger.Warn("round took longer than the interval", "called", r.Called, "reached", r.Reached, "took", r.Took)
	}
	return r
}

// firstTargets are the peers of the configuration; who they are is not known, unless they
// are called by their usual address.
func (e *Engine) firstTargets(known []peer.Peer) []peer.Peer {
	var all []peer.Peer
	for _, at := range e.o.First {
		if i := slices.IndexFunc(known, func(p peer.Peer) bool { return p.IP == at }); i >= 0 {
			all = append(all, known[i])
		} else {
			all = append(all, peer.Peer{IP: at})
		}
	}
	return all
}

// callAll calls peers, so many at a time.
func (e *Engine) callAll(ctx context.Context, peers []peer.Peer) Report {
	var r Report
	var mu sync.Mutex          // guards r and next
	next := 0                  // of peers
	var callers sync.WaitGroup // each ends when there is nobody left to call
	for range min(e.o.Parallel, len(peers)) {
		callers.Go(func() {
			for {
				mu.Lock()
				if next == len(peers) || ctx.Err() != nil {
					mu.Unlock()
					return
				}
				p := peers[next]
				next++
				r.Called++
				mu.Unlock()
				if e.call(ctx, p) {
					mu.Lock()
					r.Reached++
					mu.Unlock()
				}
			}
		})
	}
	callers.Wait()
	return r
}

// call synchronises with one peer and says whether it was reached.
func (e *Engine) call(ctx context.Context, p peer.Peer) bool {
	known := e.table.mine(e.o.Self(""))
	var self peer.Address
	if !e.o.Implied {
		self = e.o.Self(p.IP)
	}
	calling, cancel := context.WithTimeout(ctx, e.o.Timeout)
	answer, err := e.o.Transport.Sync(calling, p.IP, peer.Call{UUID: e.UUID(), IP: self, Known: known})
	cancel()
	now := time.Now()
	switch {
	case err != nil && ctx.Err() != nil:
		return false // we are stopped; nothing is said about the peer
	case err != nil:
		e.table.missed(p.UUID, p.IP, err.Error(), now)
		return false
	}
	e.table.reached(p.UUID, p.IP, answer, self, now)
	if answer.Known == (peer.Digest{}) || answer.Known != known {
		e.table.learn(answer.Consumers, p.IP.IsLoopback(), now)
	}
	if e.o.Details && answer.Ours && answer.UUID != uuid.Nil && answer.UUID != e.UUID() {
		e.ask(ctx, answer.UUID, p.IP)
	}
	return true
}

// ask asks one of ours what it runs. What it said before stays if it does not answer.
func (e *Engine) ask(ctx context.Context, id uuid.UUID, at peer.Address) {
	ctx, cancel := context.WithTimeout(ctx, e.o.Timeout)
	defer cancel()
	info, err := e.o.Transport.Info(ctx, at)
	if err != nil {
		e.o.Logger.Debug("peer did not tell what it runs", "peer", at, "err", err)
		return
	}
	e.table.detail(id, &info)
}

// refresh takes what the registry knows, and has it forget who was not seen for long.
func (e *Engine) refresh(ctx context.Context) error {
	id, asked := e.UUID(), time.Now()
	kept, err := e.o.Registry.Peers(ctx, peer.Consumer)
	if err != nil {
		return err
	}
	// A registry that was emptied gets our identity back.
	now, err := e.o.Registry.Identity(ctx, id)
	if err != nil {
		return err
	}
	if now != id {
		e.o.Logger.Error("registry has another identity: it is ours from now on", "was", id, "is", now)
		e.table.mu.Lock()
		e.table.self = now
		e.table.mu.Unlock()
	}
	e.health.good(e.o.Logger)
	at := time.Now()
	e.table.restore(kept, len(kept) < e.o.Most, asked, at)
	if gone := e.table.expire(at); len(gone) > 0 {
		e.o.Logger.Info("peers that were not seen for long or never answered are forgotten", "peers", len(gone))
		return e.o.Registry.Forget(ctx, peer.Consumer, gone)
	}
	return nil
}

// save writes what the registry has not.
func (e *Engine) save(ctx context.Context) error {
	peers := e.table.unsaved()
	if len(peers) == 0 {
		return nil
	}
	if err := e.o.Registry.Note(ctx, peer.Consumer, peers); err != nil {
		return fmt.Errorf("save peers: %w", err)
	}
	e.table.saved(peers)
	return nil
}
