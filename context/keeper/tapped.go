package keeper

import (
	"slices"
	"time"

	"zmicroservices/context/keeper/logfile"
)

// maxTapped bounds what waits for the provider of one tap, in bytes.
const maxTapped = 256 << 10

// tapped is the keeper's end of a Tap. It ends with its connection.
type tapped struct {
	id      ID
	seq     uint64
	lines   []byte
	dropped uint64 // lines that came after those
	due     bool   // in conn.due
}

// heeds says whether it is a slot that was asked for.
func (t *tapped) heeds(id ID) bool {
	return t.id == id || t.id.Incarnation == 0 && t.id.Transaction == id.Transaction && t.id.Task == id.Task
}

// hear takes one line. After one that is dropped none is taken until what waits was
// sent, so that the gap has one place.
func (t *tapped) hear(c *conn, stamp, head, tail []byte) {
	if t.dropped > 0 || len(t.lines)+len(stamp)+len(head)+len(tail)+1 > maxTapped {
		t.dropped++
	} else {
		t.lines = append(append(append(append(t.lines, stamp...), head...), tail...), '\n')
	}
	if !t.due {
		t.due = true
		c.due = append(c.due, t)
	}
}

// sendTapped sends what one tap has, the one that has waited longest, and says
// whether there was any.
func (c *conn) sendTapped() bool {
	if len(c.due) == 0 {
		c.due = nil
		return false
	}
	t := c.due[0]
	c.due = c.due[1:]
	c.send(&message{Kind: kindLines, Seq: t.seq, Lines: t.lines, Dropped: t.dropped})
	t.lines, t.dropped, t.due = t.lines[:0], 0, false
	if cap(t.lines) > 4<<10 {
		t.lines = nil // a burst is over
	}
	return true
}

// tap begins one. It is answered when what was read before is in the files.
func (s *server) tap(c *conn, m *message) {
	t := &tapped{id: m.ID, seq: m.Seq}
	c.taps = append(c.taps, t)
	a := &tapping{c: c, reply: &message{Kind: kindReply, Req: m.Req, At: time.Now()}}
	for id, slot := range s.slots {
		if !t.heeds(id) {
			continue
		}
		slot.taps = append(slot.taps, t)
		if slot.log != nil {
			a.files = append(a.files, slot.log)
		}
	}
	s.tappings = append(s.tappings, a)
	a.deadline = s.timers.after(flushPatience, func() { a.files = nil; s.answerTaps() })
	s.answerTaps()
}

func (s *server) untap(c *conn, seq uint64) {
	gone := func(t *tapped) bool { return t.seq == seq }
	c.taps, c.due = slices.DeleteFunc(c.taps, gone), slices.DeleteFunc(c.due, gone)
	for _, slot := range s.slots {
		slot.taps = slices.DeleteFunc(slot.taps, gone)
	}
}

// endTaps lets nobody listen any more: their connection has ended.
func (s *server) endTaps() {
	for _, slot := range s.slots {
		slot.taps = nil
	}
}

// listenTo tells a new slot who listens to it.
func (s *server) listenTo(slot *slot) {
	if s.conn == nil {
		return
	}
	for _, t := range s.conn.taps {
		if t.heeds(slot.id) {
			slot.taps = append(slot.taps, t)
		}
	}
}

// tapping is a tap that is not answered yet.
type tapping struct {
	c        *conn
	reply    *message
	files    []*logfile.File // with lines of before; none when patience is over
	deadline *timer
}

// answerTaps answers those whose files are written.
func (s *server) answerTaps() {
	s.tappings = slices.DeleteFunc(s.tappings, func(a *tapping) bool {
		a.files = slices.DeleteFunc(a.files, s.logs.Flushed)
		if len(a.files) > 0 && !a.c.closed {
			return false
		}
		s.timers.cancel(a.deadline)
		if !a.c.closed {
			a.c.send(a.reply)
		}
		return true
	})
}
