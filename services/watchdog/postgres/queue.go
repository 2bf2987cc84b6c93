package postgres

import (
	"errors"

	"zmicroservices/services/watchdog"
)

// What waits for the database at most. A message is at most watchdog.MaxPayload.
const (
	ringEntries = 1 << 17 // 10,000 agents that are onboarded in the same second leave ten each
	ringBytes   = 256 << 20
)

// What one commit has at most.
const (
	groupEntries = 5000
	groupBytes   = 16 << 20
)

var (
	// ErrLost is the answer to who asked for what was pushed out of the ring.
	ErrLost = errors.New("lost: too much waited for the database")
	// ErrClosed is the answer of a store that is closed.
	ErrClosed = errors.New("store is closed")
)

// queue is what waits, in the order of the calls.
type queue struct {
	entries []watchdog.Entry
	bytes   int    // of payloads
	first   uint64 // the number of entries[0]; the first ever is 0
	rows    map[string]*watchdog.Microservice
	// rows are those of entries that were pushed out: the latest of each, older than any
	// in entries.

	asks []ask // in the order of the calls
}

// ask is somebody who wants to know when all entries below a number are durable.
type ask struct {
	below uint64
	lost  bool // one of them was
	done  func(error)
}

// push adds an entry and says how many writes were pushed out by it.
func (q *queue) push(e watchdog.Entry) (lost uint64) {
	q.entries = append(q.entries, e)
	q.bytes += weight(e)
	for len(q.entries) > ringEntries || q.bytes > ringBytes && len(q.entries) > 1 {
		old := q.entries[0]
		q.shift(1)
		if old.After != nil {
			q.keep(old.After)
		}
		if old.Message == nil && old.Change == nil {
			continue // its row is kept
		}
		lost++
		for i := range q.asks {
			q.asks[i].lost = q.asks[i].lost || q.asks[i].below >= q.first
		}
	}
	return lost
}

func (q *queue) keep(m *watchdog.Microservice) {
	if q.rows == nil {
		q.rows = map[string]*watchdog.Microservice{}
	}
	q.rows[m.GID] = m
}

// shift takes the oldest entries out.
func (q *queue) shift(n int) {
	for i := range q.entries[:n] {
		q.bytes -= weight(q.entries[i])
		q.entries[i] = watchdog.Entry{} // for the collector: the array lives on
	}
	q.entries = q.entries[n:]
	q.first += uint64(n) //nolint:gosec // a length
	if len(q.entries) == 0 {
		q.entries = nil
	}
}

// take gives the next group: the oldest entries, and the rows as they are after these.
func (q *queue) take() group {
	n, bytes := 0, 0
	for n < len(q.entries) && n < groupEntries {
		if bytes += weight(q.entries[n]); bytes > groupBytes && n > 0 {
			break
		}
		n++
	}
	g := group{rows: q.rows}
	q.rows = nil
	if n > 0 && g.rows == nil {
		g.rows = map[string]*watchdog.Microservice{}
	}
	for _, e := range q.entries[:n] {
		if e.Message != nil {
			g.messages = append(g.messages, e.Message)
		}
		if e.Change != nil {
			g.changes = append(g.changes, e.Change)
		}
		if e.After != nil {
			g.rows[e.After.GID] = e.After
		}
	}
	q.shift(n)
	return g
}

// answered takes out the asks that are over: those for entries below a number, and those
// whose entries were lost.
func (q *queue) answered(below uint64) (over []ask) {
	left := q.asks[:0]
	for _, a := range q.asks {
		if a.lost || a.below <= below {
			over = append(over, a)
		} else {
			left = append(left, a)
		}
	}
	clear(q.asks[len(left):])
	q.asks = left
	return over
}

func weight(e watchdog.Entry) int {
	if e.Message == nil {
		return 0
	}
	return len(e.Message.Payload)
}

// group is what one commit writes.
type group struct {
	messages []*watchdog.Message
	changes  []*watchdog.Change
	rows     map[string]*watchdog.Microservice
}

// size is how many writes it has.
func (g group) size() int { return len(g.messages) + len(g.changes) + len(g.rows) }

// parts splits a group of more than one write: by what it writes, else in halves.
func (g group) parts() []group {
	switch m, c, r := len(g.messages), len(g.changes), len(g.rows); {
	case m > 0 && c+r > 0:
		return []group{{messages: g.messages}, {changes: g.changes, rows: g.rows}}
	case c > 0 && r > 0:
		return []group{{changes: g.changes}, {rows: g.rows}}
	case m > 0:
		return []group{{messages: g.messages[:m/2]}, {messages: g.messages[m/2:]}}
	case c > 0:
		return []group{{changes: g.changes[:c/2]}, {changes: g.changes[c/2:]}}
	}
	a, b := map[string]*watchdog.Microservice{}, map[string]*watchdog.Microservice{}
	for gid, m := range g.rows {
		if len(a) < len(g.rows)/2 {
			a[gid] = m
		} else {
			b[gid] = m
		}
	}
	return []group{{rows: a}, {rows: b}}
}
