package engine

import (
	"maps"
	"slices"
	"time"

	"github.com/google/uuid"

	"zmicroservices/services/scheduler/peer"
)

// restore takes what the registry knows. whole says that it gave all it has: whom it has
// not, and once had, somebody has removed, unless it has nothing at all and was emptied
// by an accident. Whom we have seen since it was asked it could not know.
func (t *table) restore(kept []peer.Peer, whole bool, asked, now time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	in := make(map[uuid.UUID]bool, len(kept))
	for _, p := range kept {
		in[p.UUID] = true
		if p.UUID == t.self || t.gone[p.UUID] {
			continue
		}
		n := t.known[p.UUID]
		switch {
		case n == nil && len(t.known) < t.most:
			t.add(p, now).answered = true // for all we know; and no event: it was known before
		case n != nil && peer.Newer(p, n.Peer):
			if n, err := t.at(p, false, now); err == nil {
				n.unsaved = false
			}
		}
	}
	for id, n := range t.known {
		switch {
		case in[id] || n.unsaved || !whole || n.LastSeen.After(asked):
		case len(kept) == 0:
			n.unsaved = true
		default:
			t.drop(n)
		}
	}
}

// drop forgets a peer. mu is held.
func (t *table) drop(n *entry) {
	delete(t.known, n.UUID)
	t.digest = t.digest.With(peer.Of(n.UUID, n.IP))
	t.list = nil
}

// expire forgets who was not seen for long, and says who that is, with those who gave way
// since.
func (t *table) expire(now time.Time) []uuid.UUID {
	t.mu.Lock()
	defer t.mu.Unlock()
	gone := slices.Collect(maps.Keys(t.gone))
	clear(t.gone)
	for id, n := range t.known {
		// Each is tried once, even if it is we who were away. A time that nobody understood
		// is that of a program of another make.
		if n.state == Unavailable && !n.LastSeen.IsZero() && now.Sub(n.LastSeen) > t.forget {
			gone = append(gone, id)
			t.drop(n)
		}
	}
	return gone
}

// unsaved gives what the registry has not taken yet.
func (t *table) unsaved() []peer.Peer {
	t.mu.Lock()
	defer t.mu.Unlock()
	var all []peer.Peer
	for _, n := range t.known {
		if n.unsaved {
			all = append(all, n.Peer)
		}
	}
	return all
}

// saved notes what the registry has taken; what has changed since is still to be saved.
func (t *table) saved(peers []peer.Peer) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, p := range peers {
		if n := t.known[p.UUID]; n != nil && n.Peer == p {
			n.unsaved = false
		}
	}
}
