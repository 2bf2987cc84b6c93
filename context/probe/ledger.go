package probe

import (
	"time"

	"zmicroservices/context/event"
)

// ledger is what has come of one topic, by whom it was published. Connections come
// and go; what is in it only grows.
type ledger struct {
	seen map[uint64]uint64     // messages of each connection, as of the last look
	of   map[event.Ref]account // those of whom something is expected, and under the zero Ref nobody knows whose
}

// account is what came from one.
type account struct {
	messages uint64
	last     time.Time
}

func newLedger() *ledger {
	return &ledger{seen: map[uint64]uint64{}, of: map[event.Ref]account{}}
}

// enter takes what all connections have sent by now. Those of services of which
// nothing is expected are passed over: their messages are no excuse for anybody.
func (l *ledger) enter(all []Sent, judged func(event.Ref) bool) {
	seen := make(map[uint64]uint64, len(all))
	for _, s := range all {
		if s.Owner != (event.Ref{}) && !judged(s.Owner) {
			continue
		}
		a := l.of[s.Owner]
		if before := l.seen[s.Conn]; s.Messages > before {
			a.messages += s.Messages - before
		}
		if s.Last.After(a.last) {
			a.last = s.Last
		}
		l.of[s.Owner] = a
		seen[s.Conn] = s.Messages
	}
	l.seen = seen
}

// keep forgets the accounts of processes that are judged no more.
func (l *ledger) keep(judged func(event.Ref) bool) {
	for r := range l.of {
		if r != (event.Ref{}) && !judged(r) {
			delete(l.of, r)
		}
	}
}

// whose is the account that a process is judged by: its own where a connection of its
// own is known, else that of whom nobody knows.
func (l *ledger) whose(r event.Ref) (a account, own bool) {
	if a, own = l.of[r]; own {
		return a, true
	}
	return l.of[event.Ref{}], false
}
