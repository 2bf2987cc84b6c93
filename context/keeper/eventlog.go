package keeper

// eventLog keeps the stream from the oldest event that is not acknowledged. It
// is bounded by the provider: nothing is spawned without it.
type eventLog struct {
	acked uint64 // Seq of the last one forgotten
	list  []Event
}

func (l *eventLog) last() uint64 { return l.acked + uint64(len(l.list)) }

func (l *eventLog) add(ev Event) {
	ev.Seq = l.last() + 1
	l.list = append(l.list, ev)
}

// at returns the event, nil if it has not happened yet.
func (l *eventLog) at(seq uint64) *Event {
	if seq <= l.acked || seq > l.last() {
		return nil
	}
	return &l.list[seq-l.acked-1]
}

// trim forgets and returns everything up to seq.
func (l *eventLog) trim(seq uint64) []Event {
	seq = min(seq, l.last())
	if seq <= l.acked {
		return nil
	}
	n := seq - l.acked
	gone := l.list[:n:n]
	l.acked, l.list = seq, l.list[n:]
	if len(l.list) == 0 {
		l.list = nil // gives the array back
	}
	return gone
}
