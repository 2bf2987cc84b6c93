package store

import "slices"

// entry is one write that waits.
type entry struct {
	number uint64          // place in the order of calls, from 1
	key    string          // of a write of which only the latest counts; "" of any other
	write  func(*Tx) error // nil: a later one of the same key stands for it
}

// barrier is one question whether all up to a number is in the file.
type barrier struct {
	after   uint64
	lost    bool // something up to after was lost
	patient bool // it waits out failures
	done    func(error)
}

// queue is what waits for the writer: a ring of writes, values that were pushed
// out of it, and barriers. It has no lock of its own; DB.mu guards it.
//
// Order: all of kept is older than all of ring.
type queue struct {
	limit    int
	ring     []entry // oldest first
	kept     []entry // pushed out of the ring: the latest of each key, by the age of its first
	place    map[string]int
	barriers []barrier // by after

	last      uint64 // number of the latest write
	committed uint64 // all up to here is in the file, or lost
	lost      uint64 // number of the latest write that was lost
	losses    uint64 // how many were
}

// push adds a write. It says whether the ring was full, so that one was lost.
func (q *queue) push(key string, write func(*Tx) error) (lost bool) {
	q.last++
	if len(q.ring) >= q.limit {
		lost = q.overflow()
	}
	q.ring = append(q.ring, entry{q.last, key, write})
	return lost
}

// overflow makes a place in the ring.
func (q *queue) overflow() (lost bool) {
	oldest := q.ring[0]
	q.ring[0] = entry{} // or the array would hold on to it
	q.ring = q.ring[1:]
	if oldest.key == "" {
		q.lose(oldest.number)
		return true
	}
	if i, ok := q.place[oldest.key]; ok {
		q.kept[i].write = oldest.write // its number stays, or it would speak for what is between
		return false
	}
	if q.place == nil {
		q.place = map[string]int{}
	}
	q.place[oldest.key] = len(q.kept)
	q.kept = append(q.kept, oldest)
	return false
}

// lose notes a loss for the barriers behind it. Losses come in order, so those
// behind it are the last ones, and those that know of an earlier loss have none
// before them that would not.
func (q *queue) lose(number uint64) {
	q.lost = number
	q.losses++
	for i := len(q.barriers) - 1; i >= 0 && q.barriers[i].after >= number && !q.barriers[i].lost; i-- {
		q.barriers[i].lost = true
	}
}

// ask adds a barrier behind the latest write. One that is asked right after a
// loss, before anything newer was committed, hears of it too.
func (q *queue) ask(done func(error), patient bool) {
	q.barriers = append(q.barriers, barrier{after: q.last, lost: q.lost > q.committed, patient: patient, done: done})
}

// take gives the oldest writes, at most limit, for the writer to hold.
func (q *queue) take(limit int) []entry {
	if n := len(q.kept); n > 0 {
		n = min(n, limit)
		taken := q.kept[:n:n]
		q.kept = q.kept[n:]
		clear(q.place)
		for i, e := range q.kept {
			q.place[e.key] = i
		}
		return taken
	}
	n := min(len(q.ring), limit)
	taken := q.ring[:n:n]
	q.ring = q.ring[n:]
	if len(q.ring) == 0 {
		q.ring = nil // the array goes with the batch: an idle store holds no memory
	}
	return taken
}

// merge lets the latest of a key stand where its first stood, once a group: the
// group is in the file as a whole or not at all.
func merge(group []entry) {
	var first map[string]int
	for i := range group {
		e := &group[i]
		if e.key == "" {
			continue
		}
		if at, ok := first[e.key]; ok {
			group[at].write, e.write = e.write, nil
			continue
		}
		if first == nil {
			first = map[string]int{}
		}
		first[e.key] = i
	}
}

// empty says that no write waits.
func (q *queue) empty() bool { return len(q.ring) == 0 && len(q.kept) == 0 }

// commit notes what is in the file now, and gives the barriers that are through.
func (q *queue) commit(number uint64) []barrier {
	q.committed = max(q.committed, number)
	n := 0
	for n < len(q.barriers) && q.barriers[n].after <= q.committed {
		n++
	}
	through := q.barriers[:n:n]
	q.barriers = q.barriers[n:]
	return through
}

// isAsked says that a barrier waits that is not patient.
func (q *queue) isAsked() bool {
	return slices.ContainsFunc(q.barriers, func(b barrier) bool { return !b.patient })
}

// giveUp gives the barriers that are not to wait any longer: all, or all but the
// patient.
func (q *queue) giveUp(all bool) []barrier {
	var gone, stay []barrier
	for _, b := range q.barriers {
		if all || !b.patient {
			gone = append(gone, b)
		} else {
			stay = append(stay, b)
		}
	}
	q.barriers = stay
	return gone
}

// waiting is how many writes wait.
func (q *queue) waiting() int { return len(q.ring) + len(q.kept) }
