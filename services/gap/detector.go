package gap

import (
	"math"
	"time"
)

// Thresholds are lengths of silence, each of them told once. They pass in their order:
// one that is no longer than the one before passes together with it. A Detector keeps
// them as they are; who changes them gives it others by Watch.
type Thresholds []time.Duration

// Passed is a threshold that a key has passed.
type Passed[K comparable] struct {
	Key   K
	Index int       // of the threshold
	Seen  time.Time // when the key was seen last
	At    time.Time // when the threshold was passed; not long ago, unless nobody looked
}

// State is what is known of a key.
type State struct {
	Seen   time.Time // when it was seen last
	Since  time.Time // from when on silence counts: Seen, or later after a Rebase
	Passed int       // how many thresholds have passed since
}

// Detector finds the keys that have not been seen for as long as their thresholds say.
// It is not safe for concurrent use. All times that it is given are to be from time.Now
// of one process, or of a synctest bubble.
type Detector[K comparable] struct {
	origin time.Time    // times within are nanoseconds since
	index  map[K]int32  // into slots
	slots  []slot[K]    // those of keys that were forgotten are in free
	free   []int32      // slots that can be used again
	heap   deadlines[K] // the slots that have a threshold left
}

// slot is a key.
type slot[K comparable] struct {
	key        K
	thresholds Thresholds
	seen       int64 // when it was seen last
	since      int64 // from when on silence counts, not before seen
	due        int64 // no later than its deadline; what the heap goes by
	passed     int32 // thresholds
	place      int32 // in the heap; -1: none, no threshold is left
}

// New makes an empty Detector. origin is any moment near its birth.
func New[K comparable](origin time.Time) *Detector[K] {
	return &Detector[K]{origin: origin, index: map[K]int32{}}
}

// Len is how many keys are watched.
func (d *Detector[K]) Len() int { return len(d.index) }

// Watch begins to watch a key, which counts as seen at that time. A key that is watched
// already gets these thresholds and is seen.
func (d *Detector[K]) Watch(key K, at time.Time, t Thresholds) {
	if i, known := d.index[key]; known {
		s := &d.slots[i]
		s.thresholds = t
		s.see(d.inside(at))
		d.lay(i)
		return
	}
	at64 := d.inside(at)
	d.add(slot[K]{key: key, thresholds: t, seen: at64, since: at64})
}

// Resume begins to watch a key in a state that was known before, by an observer that
// was not there since. Whatever is in State, silence counts from now on; thresholds
// that have passed do not pass again until it was seen.
func (d *Detector[K]) Resume(key K, now time.Time, s State, t Thresholds) {
	d.Forget(key)
	d.add(slot[K]{
		key: key, thresholds: t, passed: int32(min(max(0, s.Passed), len(t))),
		seen: d.inside(s.Seen), since: d.inside(now),
	})
}

func (d *Detector[K]) add(s slot[K]) {
	s.place = -1
	var i int32
	if n := len(d.free); n > 0 {
		i, d.free = d.free[n-1], d.free[:n-1]
		d.slots[i] = s
	} else {
		i = int32(len(d.slots))
		d.slots = append(d.slots, s)
	}
	d.index[s.key] = i
	d.lay(i)
}

// Seen tells of a sign of life. It returns how many thresholds had passed, and whether
// the key is watched at all; if not, nothing happens. A time before one that was told
// earlier changes nothing.
func (d *Detector[K]) Seen(key K, at time.Time) (passed int, watched bool) {
	i, watched := d.index[key]
	if !watched {
		return 0, false
	}
	s := &d.slots[i]
	passed = int(s.passed)
	s.see(d.inside(at))
	if passed > 0 {
		d.lay(i) // the first threshold is the next one again
	}
	return passed, true // else what is in the heap is early now, and settle puts it right
}

func (s *slot[K]) see(at int64) {
	s.seen, s.since = max(s.seen, at), max(s.since, at)
	if s.since == at {
		s.passed = 0
	}
}

// Forget ends watching a key.
func (d *Detector[K]) Forget(key K) (watched bool) {
	i, watched := d.index[key]
	if !watched {
		return false
	}
	if at := d.slots[i].place; at >= 0 {
		d.heap.remove(d.slots, at)
	}
	d.slots[i] = slot[K]{place: -1} // what the key points to can go
	d.free = append(d.free, i)
	delete(d.index, key)
	return true
}

// State is what is known of a key.
func (d *Detector[K]) State(key K) (State, bool) {
	i, watched := d.index[key]
	if !watched {
		return State{}, false
	}
	s := d.slots[i]
	return State{Seen: d.outside(s.seen), Since: d.outside(s.since), Passed: int(s.passed)}, true
}

// Next is when the next threshold passes if nobody is seen until then; false: none ever
// does.
func (d *Detector[K]) Next() (time.Time, bool) {
	i, any := d.settle()
	if !any {
		return time.Time{}, false
	}
	return d.outside(d.slots[i].due), true
}

// Due takes the threshold that passed first of those that have passed; false: none has.
// It is called until there are no more, and Seen, Watch and Forget may be called between.
func (d *Detector[K]) Due(now time.Time) (Passed[K], bool) {
	i, any := d.settle()
	within := d.inside(now)
	if !any || d.slots[i].due > within {
		return Passed[K]{}, false
	}
	s := &d.slots[i]
	// Counted back from now: the wall clock may have been set since the origin.
	before := func(t int64) time.Time { return now.Add(time.Duration(t - within)) }
	p := Passed[K]{Key: s.key, Index: int(s.passed), Seen: before(s.seen), At: before(s.due)}
	s.passed++
	d.lay(i)
	return p, true
}

// Rebase takes the time by, until now, out of every silence: the observer was not there.
func (d *Detector[K]) Rebase(now time.Time, by time.Duration) {
	if by <= 0 {
		return
	}
	until := d.inside(now)
	for i := range d.slots { // deadlines only become later, so the heap stays as it is
		s := &d.slots[i]
		s.since = max(s.since, min(add(s.since, by), until))
	}
}

// settle puts the first of the heap right until it is no lower bound but a deadline.
func (d *Detector[K]) settle() (int32, bool) {
	for len(d.heap) > 0 {
		i := d.heap[0]
		s := &d.slots[i]
		due := s.deadline()
		if s.due == due {
			return i, true
		}
		s.due = due
		d.heap.fix(d.slots, 0)
	}
	return 0, false
}

// lay puts a slot where its deadline belongs, or takes it out when it has none.
func (d *Detector[K]) lay(i int32) {
	s := &d.slots[i]
	switch {
	case int(s.passed) >= len(s.thresholds):
		if s.place >= 0 {
			d.heap.remove(d.slots, s.place)
		}
	case s.place < 0:
		s.due = s.deadline()
		d.heap.push(d.slots, i)
	default:
		s.due = s.deadline()
		d.heap.fix(d.slots, s.place)
	}
}

// deadline is when the next threshold of a slot that has one passes.
func (s *slot[K]) deadline() int64 { return add(s.since, s.longest()) }

// longest is the next threshold, or a longer one before it: they pass in order.
func (s *slot[K]) longest() time.Duration {
	var most time.Duration
	for _, t := range s.thresholds[:s.passed+1] {
		most = max(most, t)
	}
	return most
}

// add is t+by; what is beyond all time is the end of it.
func add(t int64, by time.Duration) int64 {
	if t > 0 && int64(by) > math.MaxInt64-t {
		return math.MaxInt64
	}
	return t + int64(by)
}

func (d *Detector[K]) inside(t time.Time) int64 { return int64(t.Sub(d.origin)) }

func (d *Detector[K]) outside(t int64) time.Time { return d.origin.Add(time.Duration(t)) }
