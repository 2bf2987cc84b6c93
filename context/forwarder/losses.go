package forwarder

import "zmicroservices/taskservice/zmtp"

// loss is a range of messages that queues had no room for, and how many queues.
type loss struct {
	span         // of a message in pieces the first
	total  int64 // bytes of all pieces
	queues uint64
}

// losses are what the deliveries of one batch had to drop, so that each message is
// looked at once for its topic however many subscribers do not read.
type losses struct {
	list []loss
	next int // where the next one is expected: subscribers that do not read lose the same, in order
}

// add notes what one queue had no room for: a range of messages, or the pieces of one.
// Their chunks are held until settle.
func (l *losses) add(unit []span) {
	s, size := unit[0], 0
	for i := range unit {
		size += unit[i].size()
	}
	if size == 0 {
		return
	}
	for range 2 {
		if l.next < len(l.list) {
			if x := &l.list[l.next]; x.c == s.c && x.off == s.off && x.end == s.end {
				x.queues++
				l.next++
				return
			}
		}
		l.next = 0
	}
	l.list = append(l.list, loss{s, int64(size), 1})
	l.next = len(l.list)
}

// settle counts by topic what was lost.
func (l *losses) settle(f *Forwarder) {
	if len(l.list) == 0 {
		return
	}
	f.lost.one.Lock()
	defer f.lost.one.Unlock()
	for i := range l.list {
		l.list[i].each(f.lost.meter.lose)
		l.list[i] = loss{}
	}
	l.list, l.next = l.list[:0], 0
	f.lost.settle()
}

// each calls count with every message of it.
func (l *loss) each(count func(frame []byte, alone bool, size int64, times uint64)) {
	if !l.whole {
		count(head(l.bytes()), !l.more, l.total, l.queues)
		return
	}
	for off := int(l.off); off < int(l.end); {
		end := l.messageEnd(off)
		message := l.c.buf[off:end]
		first := head(message)
		count(first, len(message) <= zmtp.MaxHeader+len(first), int64(end-off), l.queues)
		off = end
	}
}

// lose counts a message that was lost several times.
func (m *meter) lose(frame []byte, alone bool, size int64, times uint64) {
	m.count(frame, alone, size)
	m.run.Messages += times - 1
	m.run.Bytes += (times - 1) * uint64(size)
}
