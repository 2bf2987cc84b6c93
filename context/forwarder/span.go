package forwarder

import "zmicroservices/taskservice/zmtp"

// class is what a message is worth when a queue is full. A higher class may use
// all that a lower one may, and a reserve of its own besides.
type class uint8

const (
	classData    class = iota
	classControl       // a topic of Options.Priority
	classSelf          // published by ourselves
	numClasses
)

// span is a range of wire bytes in one chunk: either any number of whole
// messages, or a piece of one message that did not fit or was not contiguous.
type span struct {
	c        *chunk
	off, end int32
	msgs     int32 // messages that end in this span
	class    class
	more     bool // a piece: the message goes on in the next span
	whole    bool // starts and ends at message boundaries
}

func (s span) size() int { return int(s.end - s.off) }

func (s span) bytes() []byte { return s.c.buf[s.off:s.end] }

// joins reports whether t lies right behind s, so that both are one range to
// write and to count.
func (s span) joins(t span) bool {
	return s.c == t.c && s.end == t.off && s.whole && t.whole && s.class == t.class
}

// cut splits the first message off a run.
func (s span) cut() (head, tail span) {
	head, tail = s, s
	head.end = int32(s.messageEnd(int(s.off)))
	tail.off = head.end
	head.msgs, tail.msgs = 1, s.msgs-1
	return head, tail
}

// split is what is left of a span of which n bytes were written: the rest of a
// message that was begun, if one was, and the messages that were not.
func (s span) split(n int) (begun, tail span) {
	begun, tail = s, s
	begun.off += int32(n)
	if !s.whole {
		tail.off, tail.msgs = tail.end, 0
		return begun, tail
	}
	off, written := int(s.off), int32(0)
	for {
		end := s.messageEnd(off)
		if end > int(begun.off) {
			begun.whole = false
			begun.msgs, begun.end = 1, int32(end)
			tail.off, tail.msgs = begun.end, s.msgs-written-1
			if off == int(begun.off) { // nothing of it was written
				begun.msgs, begun.end = 0, begun.off
				tail.off, tail.msgs = int32(off), s.msgs-written
			}
			return begun, tail
		}
		off = end
		written++
	}
}

// messageEnd returns where the message ends that begins at off. Headers are
// walked, which were parsed once already: that is needed only when a socket or a
// queue is full.
func (s span) messageEnd(off int) int {
	for {
		h, err := zmtp.ParseHeader(s.c.buf[off:s.end])
		if err != nil {
			return int(s.end) // cannot be: these very bytes were parsed before
		}
		off += int(h.Total())
		if !h.More() {
			return off
		}
	}
}
