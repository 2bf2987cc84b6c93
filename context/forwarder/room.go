package forwarder

// This file is the queue's policy: what is kept and what is dropped.

// take chooses what of list the queue has room for, counts that as queued and
// the rest as dropped. The first message is kept in any case if it is in the
// middle of being written (mid). The result is valid until b's next use.
func (o *outbox) take(list []span, mid bool, b *batch) []span {
	b.taken = b.taken[:0]
	for i := 0; i < len(list); mid = false {
		j := i + 1
		for list[j-1].more {
			j++
		}
		unit := list[i:j]
		i = j
		switch s := unit[0]; {
		case mid:
			o.took(b, unit...)
		case s.whole:
			o.takeRun(b, s)
		case o.room(s.class):
			o.took(b, unit...)
		default:
			o.drop(b, unit...)
		}
	}
	return b.taken
}

// takeRun takes as many messages of a run as there is room for.
func (o *outbox) takeRun(b *batch, s span) {
	l := o.bound
	if o.total.messages+int(s.msgs) <= l.QueueMessages && o.total.bytes+int64(s.size()) <= l.QueueBytes && !o.short(s.class) {
		o.took(b, s)
		return
	}
	for s.msgs > 0 && o.room(s.class) {
		head, tail := s.cut()
		o.took(b, head)
		s = tail
	}
	o.drop(b, s)
}

// room reports whether one more message of a class is taken. It looks at what
// waits, not at the message's size, so that a message longer than the whole
// queue still has its turn: a queue exceeds its bytes by one message at most.
func (o *outbox) room(c class) bool {
	l := o.bound
	if o.total.messages < l.QueueMessages && o.total.bytes < l.QueueBytes && !o.short(c) {
		return true
	}
	if c == classData {
		return false
	}
	// The reserve: what others queued does not count against it.
	return o.load[c].messages < (l.QueueMessages+3)/4 && o.load[c].bytes < (l.QueueBytes+3)/4
}

// short reports whether memory is short and this queue no small part of it.
func (o *outbox) short(c class) bool {
	return c == classData && o.total.bytes > fairShare && o.f.depot.live.Load() > o.f.limits.Memory
}

func (o *outbox) took(b *batch, unit ...span) {
	for _, s := range unit {
		o.account(s.class, int(s.msgs), int64(s.size()))
		o.sent.add(Flow{Messages: uint64(s.msgs), Bytes: uint64(s.size())})
		if n := len(b.taken) - 1; n >= 0 && b.taken[n].joins(s) {
			b.taken[n].end = s.end
			b.taken[n].msgs += s.msgs
			continue
		}
		b.taken = append(b.taken, s)
	}
}

func (o *outbox) drop(b *batch, unit ...span) {
	b.losses.add(unit)
	for _, s := range unit {
		o.dropped.add(Flow{Messages: uint64(s.msgs), Bytes: uint64(s.size())})
	}
}

func (o *outbox) account(c class, messages int, bytes int64) {
	o.load[c].messages += messages
	o.load[c].bytes += bytes
	o.total.messages += messages
	o.total.bytes += bytes
}
