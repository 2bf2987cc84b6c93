package engine

import (
	"cmp"
	"errors"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"

	"zmicroservices/services/scheduler/peer"
)

// ErrFull is given for one more consumer than there may be.
var ErrFull = errors.New("as many consumers are known as there may be")

// table is who is known. It knows no clock and calls nobody but tell.
type table struct {
	most   int
	forget time.Duration
	tell   func(Event) // called with mu held, which is what orders events

	mu     sync.Mutex // guards the rest
	self   uuid.UUID
	known  map[uuid.UUID]*entry
	first  map[peer.Address]*entry // first peers that have not told who they are
	digest peer.Digest             // of known
	list   []peer.Peer             // known, as it is told; nil: to be made. Never changed once made
	near   int                     // of list, where those with loopback addresses begin
	made   time.Time
	turned uint64             // consumers that found no room
	gone   map[uuid.UUID]bool // who gave way, and is in the registry until expire says so

	own       peer.Peer   // ourselves, as of the last look
	ownDigest peer.Digest // of own: each call needs it
}

// manyPeers is from when on the list that is told may be listAge behind in its
// last_seen: to make it for each caller would be the square of their number.
const (
	manyPeers = 256
	listAge   = time.Second
)

// heard notes a word on a peer that is its own, or a sight of ours: it is at that
// address, now.
func (t *table) heard(id uuid.UUID, at peer.Address, now time.Time) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	n, err := t.at(peer.Peer{UUID: id, IP: at, LastSeen: now}, true, now)
	if err == nil {
		t.is(n, Available, "", now)
	}
	return err
}

// giveWay makes room for one that has called us or answered: by the one that was not seen
// for longest of those who never answered and cannot be reached. Otherwise who makes up
// uuids would keep everybody out until they are forgotten. mu is held.
func (t *table) giveWay() bool {
	var worst *entry
	for _, n := range t.known {
		if n.state == Unavailable && !n.answered && (worst == nil || n.LastSeen.Before(worst.LastSeen)) {
			worst = n
		}
	}
	if worst == nil || len(t.gone) >= t.most {
		return false
	}
	t.drop(worst)
	t.gone[worst.UUID] = true
	return true
}

// at puts a peer at its address. direct says that it is no hearsay. mu is held.
func (t *table) at(p peer.Peer, direct bool, now time.Time) (*entry, error) {
	n := t.known[p.UUID]
	switch {
	case n == nil && len(t.known) >= t.most && (!direct || !t.giveWay()):
		t.turned++
		return nil, ErrFull
	case n == nil:
		n = t.add(p, now)
		t.tell(Event{Kind: PeerKnown, Peer: p, New: string(p.IP)})
	case n.IP != p.IP:
		old := n.IP
		t.digest = t.digest.With(peer.Of(n.UUID, old)).With(peer.Of(n.UUID, p.IP))
		n.Peer = p // what it said of itself moves with it, until it is asked again
		if n.state == Unavailable {
			n.state, n.since, n.reason = Unknown, now, ""
		}
		t.tell(Event{Kind: PeerAddressChanged, Peer: p, Old: string(old), New: string(p.IP)})
		t.list = nil
	default:
		n.LastSeen = p.LastSeen
		if len(t.known) <= manyPeers {
			t.list = nil
		}
	}
	n.unsaved = true
	delete(t.first, p.IP)
	return n, nil
}

// add is at for one that is new. mu is held.
func (t *table) add(p peer.Peer, now time.Time) *entry {
	n := &entry{Peer: p, state: Unknown, since: now}
	t.known[p.UUID] = n
	delete(t.gone, p.UUID)
	t.digest = t.digest.With(peer.Of(p.UUID, p.IP))
	t.list = nil
	delete(t.first, p.IP)
	return n
}

// is notes whether a peer can be reached. mu is held.
func (t *table) is(n *entry, state Availability, reason string, now time.Time) {
	n.reason = reason
	if n.state == state {
		return
	}
	n.state, n.since = state, now
	kind := PeerAvailable
	if state == Unavailable {
		kind = PeerUnavailable
	}
	t.tell(Event{Kind: kind, Peer: n.Peer, New: string(n.IP), Reason: reason})
}

// missed notes that a peer was not reached at an address, if it is still there.
func (t *table) missed(id uuid.UUID, at peer.Address, reason string, now time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if id == uuid.Nil {
		t.unnamed(at, Unavailable, reason, now)
	} else if n := t.known[id]; n != nil && n.IP == at {
		t.is(n, Unavailable, reason, now)
	}
}

// unnamed notes what a first peer is that has not told its uuid. mu is held.
func (t *table) unnamed(at peer.Address, state Availability, reason string, now time.Time) {
	n := t.first[at]
	if n == nil {
		n = &entry{Peer: peer.Peer{IP: at}, state: Unknown, since: now}
		t.first[at] = n
	}
	if state == Available {
		n.LastSeen = now
	}
	t.is(n, state, reason, now)
}

// reached notes that who was expected (uuid.Nil: whoever it is) answered at an address.
// ours is the address that we told it, which some take for theirs.
func (t *table) reached(expected uuid.UUID, at peer.Address, a peer.Answer, ours peer.Address, now time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	id := cmp.Or(a.UUID, expected)
	if n := t.known[expected]; id != expected && n != nil && n.IP == at {
		t.is(n, Unavailable, "another peer answers at its address: "+id.String(), now)
	}
	switch {
	case id == t.self:
		delete(t.first, at) // a first peer that is ourselves
		return
	case id == uuid.Nil:
		t.unnamed(at, Available, "", now)
		return
	}
	// Where it was reached is where it is, unless it is better known by another address
	// than the one in the configuration, by which it just answered.
	where := at
	if n := t.known[id]; expected == uuid.Nil && n != nil && n.state != Unavailable {
		where = n.IP
	} else if expected == uuid.Nil && n == nil && a.IP != "" && a.IP != ours && (!a.IP.IsLoopback() || at.IsLoopback()) {
		where = a.IP
	}
	delete(t.first, at)
	if n, err := t.at(peer.Peer{UUID: id, IP: where, LastSeen: now}, true, now); err == nil {
		n.answered = true
		t.is(n, Available, "", now)
	}
}

// learn takes what another says about third ones. local says that it is on our host, for
// which alone a loopback address means what it means for us.
func (t *table) learn(said []peer.Peer, local bool, now time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, p := range said {
		if p.LastSeen.After(now) {
			p.LastSeen = now // its clock is ahead; it would win for ever
		}
		n := t.known[p.UUID]
		switch {
		case p.UUID == t.self, n != nil && !peer.Newer(p, n.Peer), now.Sub(p.LastSeen) > t.forget, p.IP.IsLoopback() && !local:
		case n != nil && n.IP == p.IP:
			n.LastSeen = p.LastSeen // hearsay: not worth a write
		default:
			_, _ = t.at(p, false, now) // ErrFull is counted
		}
	}
}

// told gives what is said of who is known, and the digest of it together with ourselves.
// local says that it is said to one of our host: a loopback address is for no other.
// Nobody may change the list.
func (t *table) told(self peer.Address, local bool, now time.Time) ([]peer.Peer, peer.Digest) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.list == nil || now.Sub(t.made) > listAge || t.made.After(now) {
		t.list = make([]peer.Peer, 0, len(t.known))
		for _, n := range t.known {
			t.list = append(t.list, n.Peer)
		}
		// Those of our host come last.
		t.near = len(t.list)
		for i := 0; i < t.near; {
			if t.list[i].IP.IsLoopback() {
				t.near--
				t.list[i], t.list[t.near] = t.list[t.near], t.list[i]
			} else {
				i++
			}
		}
		t.made = now
	}
	if !local {
		return t.list[:t.near:t.near], t.digestWith(self)
	}
	return t.list, t.digestWith(self)
}

// mine is the digest of all we know, with ourselves.
func (t *table) mine(self peer.Address) peer.Digest {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.digestWith(self)
}

func (t *table) digestWith(self peer.Address) peer.Digest {
	if self == "" {
		return peer.Digest{} // others do not know us by an address that we know
	}
	if t.own.IP != self || t.own.UUID != t.self {
		t.own, t.ownDigest = peer.Peer{UUID: t.self, IP: self}, peer.Of(t.self, self)
	}
	return t.digest.With(t.ownDigest)
}

// detail keeps what a peer says of what it runs.
func (t *table) detail(id uuid.UUID, info *peer.Info) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if n := t.known[id]; n != nil {
		n.info = info
	}
}

// targets are whom a round calls.
func (t *table) targets() []peer.Peer {
	t.mu.Lock()
	defer t.mu.Unlock()
	all := make([]peer.Peer, 0, len(t.known))
	for _, n := range t.known {
		all = append(all, n.Peer)
	}
	return all
}

// view is all that is known, by address.
func (t *table) view() []Known {
	t.mu.Lock()
	defer t.mu.Unlock()
	all := make([]Known, 0, len(t.known)+len(t.first))
	for _, entries := range [][]*entry{slices.Collect(maps.Values(t.known)), slices.Collect(maps.Values(t.first))} {
		for _, n := range entries {
			all = append(all, n.known())
		}
	}
	slices.SortFunc(all, func(a, b Known) int {
		return cmp.Or(cmp.Compare(a.IP, b.IP), cmp.Compare(a.UUID.String(), b.UUID.String()))
	})
	return all
}
