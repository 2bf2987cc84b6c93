package gap

import (
	"errors"
	"math/rand/v2"
	"time"

	"zmicroservices/taskservice/lifecycle"
)

// Horizon is for how long a node that says that it is alive every hour may be unheard of:
// the interval, its splay, and some more. It is Choria's.
const Horizon = 80 * time.Minute

// HorizonOf is the horizon of nodes that say every so often that they are alive; 0, which
// is never, leaves the constant, for those of other programs.
func HorizonOf(alive time.Duration) time.Duration {
	if alive <= 0 {
		return Horizon
	}
	return alive / 3 * 4
}

// Node is who says life cycle events.
type Node struct {
	Component string // the kind of program
	Identity  string // which of them: usually a host
}

// Rank says who speaks first of a missed alive.
type Rank int

// The observers. Of one rank there may be several, above the first.
const (
	RankWatchdog Rank = iota // at once
	RankTally                // a little later, unless it has heard of it
)

// AlivesOptions are what Alives are made of.
type AlivesOptions struct {
	Origin  time.Time     // a moment near their birth; required
	Horizon time.Duration // 0: the constant
	Rank    Rank
	Most    int // nodes that are watched; 0: any number
}

// Finding is what Alives find out about a node, of which each is told once in a silence.
type Finding int

// The findings.
const (
	// Expired is a node that was not heard of for the horizon. It counts as gone.
	Expired Finding = iota + 1
	// Missed is one whose missed alive nobody has spoken of: whoever finds it says so.
	Missed
)

// Silence is a finding and whom it is about.
type Silence struct {
	Node
	Finding  Finding
	LastSeen time.Time
}

// Alives watch nodes by their life cycle events. They are not safe for concurrent use,
// and have the times of a Detector.
type Alives struct {
	nodes      *Detector[Node]
	thresholds Thresholds // Expired, Missed
	most       int
	said       map[Node]struct{} // nodes of whose present silence somebody has spoken
}

// Of the waiting of those who are not first.
const (
	longestDelay  = 5 * time.Second // and as long again, by chance
	delayPart     = 16              // of a shorter horizon, the sixteenth,
	shortestDelay = 2 * time.Second // but more than the time between two looks of whoever is first
	lateness      = time.Minute     // how much later than others we may have seen a node
)

// ErrFull is that there are as many nodes as may be.
var ErrFull = errors.New("as many nodes are watched as may be")

// NewAlives makes them.
func NewAlives(o AlivesOptions) *Alives {
	if o.Horizon <= 0 {
		o.Horizon = Horizon
	}
	var delay time.Duration
	if o.Rank > RankWatchdog {
		// By chance: of two tallies one is to be heard by the other.
		unit := min(longestDelay, max(shortestDelay, o.Horizon/delayPart))
		delay = unit + rand.N(unit+1)
	}
	return &Alives{
		nodes:      New[Node](o.Origin),
		thresholds: Thresholds{o.Horizon, o.Horizon + delay},
		most:       o.Most,
		said:       map[Node]struct{}{},
	}
}

// Horizon is the one that they have.
func (a *Alives) Horizon() time.Duration { return a.thresholds[0] }

// Len is how many nodes are watched.
func (a *Alives) Len() int { return a.nodes.Len() }

// Event tells of a life cycle event. Startup, alive and upgraded begin to watch a node,
// whose alives are to follow; provisioned is a sign of life of one that is watched;
// shutdown is its end. The only error is ErrFull, of a node that is not watched yet.
func (a *Alives) Event(e *lifecycle.Event, at time.Time) error {
	n := Node{e.Component(), e.Identity()}
	switch _, watched := a.nodes.index[n]; {
	case e.Type() == lifecycle.Shutdown:
		a.Gone(n)
		return nil
	case e.Type() == lifecycle.Provisioned && !watched:
		return nil
	}
	return a.Saw(n, at)
}

// Saw tells of a sign of life of a node, which is watched from then on. The only error is
// ErrFull, of a node that is not watched yet.
func (a *Alives) Saw(n Node, at time.Time) error {
	if _, watched := a.nodes.Seen(n, at); !watched {
		if a.most > 0 && a.nodes.Len() >= a.most {
			return ErrFull
		}
		a.nodes.Watch(n, at, a.thresholds)
	}
	if len(a.said) > 0 { // a node is hashed once, not twice, on most days
		delete(a.said, n)
	}
	return nil
}

// Gone tells of a node that has said goodbye.
func (a *Alives) Gone(n Node) (watched bool) {
	delete(a.said, n)
	return a.nodes.Forget(n)
}

// Heard tells of a notice of another observer. It is about this silence of the node if
// the node has been silent here for nearly as long.
func (a *Alives) Heard(n Node, now time.Time) {
	s, watched := a.nodes.State(n)
	if watched && now.Sub(s.Since) >= a.Horizon()-min(lateness, a.Horizon()/2) {
		a.said[n] = struct{}{}
	}
}

// Next is when Due will have something to say.
func (a *Alives) Next() (time.Time, bool) { return a.nodes.Next() }

// Due is the next finding; false: there is none. Of a node that is Expired, Missed comes
// later, if it does at all; then it is forgotten.
func (a *Alives) Due(now time.Time) (Silence, bool) {
	for {
		p, ok := a.nodes.Due(now)
		if !ok {
			return Silence{}, false
		}
		s := Silence{Node: p.Key, LastSeen: p.Seen, Finding: Expired}
		if p.Index == 0 {
			return s, true
		}
		_, said := a.said[p.Key]
		a.Gone(p.Key)
		if !said {
			s.Finding = Missed
			return s, true
		}
	}
}

// Rebase takes the time by, until now, out of every silence.
func (a *Alives) Rebase(now time.Time, by time.Duration) { a.nodes.Rebase(now, by) }
