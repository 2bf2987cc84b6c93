package engine

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"zmicroservices/services/scheduler/peer"
	"zmicroservices/services/scheduler/registry"
)

// The pauses before a producer that was not reached is told again.
const (
	firstPause = 500 * time.Millisecond
	longPause  = 30 * time.Second
)

// moves is where we are, for the herald.
type moves struct {
	// news has a word while there is an address that the herald has not seen. Moved
	// sends without blocking, nobody closes it; one word is enough, hence 1.
	news chan struct{}

	mu sync.Mutex // guards at
	at string
}

func newMoves() moves { return moves{news: make(chan struct{}, 1)} }

// Moved tells what our addresses are: those of each family, in one text. Where it is
// another one than the producers know, they are told at once. "" is no address, of which
// nobody can be told.
func (e *Engine) Moved(addresses string) {
	e.moves.mu.Lock()
	same := e.moves.at == addresses
	e.moves.at = addresses
	e.moves.mu.Unlock()
	if same || addresses == "" {
		return
	}
	select {
	case e.moves.news <- struct{}{}:
	default:
	}
}

func (e *Engine) where() string {
	e.moves.mu.Lock()
	defer e.moves.mu.Unlock()
	return e.moves.at
}

// herald tells the producers of each change of our addresses while ctx lasts. A newer
// change ends the telling of an older one.
func (e *Engine) herald(ctx context.Context, lease registry.Lease) {
	own, err := e.o.Registry.Own(ctx)
	for pause := firstPause; err != nil; pause = min(2*pause, longPause) {
		e.health.bad(e.o.Logger, err)
		if !wait(ctx, pause) {
			return
		}
		own, err = e.o.Registry.Own(ctx)
	}
	keep := func(next registry.Own) bool {
		own = next
		err := e.o.Registry.SetOwn(ctx, lease, own)
		if err != nil && ctx.Err() == nil && !errors.Is(err, registry.ErrLed) {
			e.health.bad(e.o.Logger, err) // the word goes out all the same
		}
		return !errors.Is(err, registry.ErrLed)
	}
	for {
		at := e.where()
		switch {
		case at == "" || own == (registry.Own{Addresses: at, Told: true}):
		case own == (registry.Own{}):
			// The first time there is nothing that anybody could know otherwise.
			if !keep(registry.Own{Addresses: at, Told: true}) {
				return
			}
		default:
			old := own.Addresses
			if !keep(registry.Own{Addresses: at}) {
				return // who leads now tells it
			}
			if old != at {
				e.o.Logger.Info("address changed", "old", old, "new", at)
				e.o.Happened(Event{Kind: AddressChanged, Peer: peer.Peer{UUID: e.UUID(), IP: e.o.Self("")}, Old: old, New: at})
			}
			if e.announce(ctx) && !keep(registry.Own{Addresses: at, Told: true}) {
				return
			}
			if e.where() != at {
				continue
			}
		}
		select {
		case <-e.moves.news:
		case <-ctx.Done():
			return
		}
	}
}

// announce tells every producer, and says whether all have heard. It ends early when
// there is newer news, of which it leaves the word.
func (e *Engine) announce(ctx context.Context) bool {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	at := e.where()
	producers := e.producers(ctx)
	missing := make(chan struct{}) // closed when all are told, or ctx has ended
	var telling sync.WaitGroup
	room := make(chan struct{}, e.o.Parallel) // a word for each call under way
	var mu sync.Mutex                         // guards told
	told := 0
	for _, to := range producers {
		telling.Go(func() { // ends when the producer has heard, or with ctx
			if e.tellUntilHeard(ctx, to, room) {
				mu.Lock()
				told++
				mu.Unlock()
			}
		})
	}
	go func() { // ends with the last of them
		telling.Wait()
		close(missing)
	}()
	for {
		select {
		case <-missing:
			return told == len(producers)
		case <-e.moves.news:
			if e.where() == at {
				continue // there and back again
			}
			cancel()
			<-missing
			return false
		}
	}
}

// tellUntilHeard tells one producer, with longer and longer pauses between.
func (e *Engine) tellUntilHeard(ctx context.Context, to peer.Address, room chan struct{}) bool {
	for pause := firstPause; ctx.Err() == nil; pause = min(2*pause, longPause) {
		select {
		case room <- struct{}{}:
		case <-ctx.Done():
			return false
		}
		telling, cancel := context.WithTimeout(ctx, e.o.Timeout)
		err := e.o.Transport.Tell(telling, to, peer.Call{UUID: e.UUID(), IP: e.selfFor(to)})
		cancel()
		<-room
		if err == nil {
			return true
		}
		if ctx.Err() == nil && pause == firstPause {
			e.o.Logger.Warn("producer was not told of our address: it is tried again", "producer", to, "err", err)
		}
		if !wait(ctx, pause) {
			return false
		}
	}
	return false
}

// selfFor is our address for one who has to be told it in any case.
func (e *Engine) selfFor(to peer.Address) peer.Address {
	if self := e.o.Self(to); self != "" {
		return self
	}
	return e.o.Self("")
}

// producers are those of the configuration and of the registry. Who registers while the
// registry is away is told of the next change.
func (e *Engine) producers(ctx context.Context) []peer.Address {
	all := slices.Clone(e.o.Producers)
	kept, err := e.o.Registry.Peers(ctx, peer.Producer)
	if err != nil && ctx.Err() == nil {
		e.health.bad(e.o.Logger, err)
	}
	for _, p := range kept {
		if p.UUID != e.UUID() {
			all = append(all, p.IP)
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// wait says whether a pause was over before ctx.
func wait(ctx context.Context, pause time.Duration) bool {
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
