package keeper

import (
	"errors"
	"fmt"
	"syscall"
	"time"
)

// gap is a place in a log file where lines are missing.
type gap struct {
	out, err uint64 // lines of each stream
	why      string // of the last
}

// Loss is how many lines of a task's output were dropped since the keeper began. Why
// is the reason of the last.
type Loss struct {
	ID  ID     `json:"id"` // transaction and task alone
	Out uint64 `json:"out,omitempty"`
	Err uint64 `json:"err,omitempty"`
	Why string `json:"why"`
}

func (g gap) empty() bool { return g.out+g.err == 0 }

// plus is the gap with one line more, as it would have stood in the file.
func (g gap) plus(line []byte) gap {
	if len(line) > streamAt && line[streamAt] == 'e' {
		g.err++
	} else {
		g.out++
	}
	return g
}

func (g *gap) join(other gap) {
	g.out, g.err = g.out+other.out, g.err+other.err
	if other.why != "" {
		g.why = other.why
	}
}

// say is what stands in the file at that place, before the lines that follow.
func (g gap) say(next []byte) []byte {
	var text []byte
	for _, s := range []struct {
		name  string
		lines uint64
	}{{"out", g.out}, {"err", g.err}} {
		if s.lines == 0 {
			continue
		}
		stamp := newStamp(time.Now(), s.name)
		if len(next) >= streamAt {
			copy(stamp[:streamAt], next) // the times in a file only grow
		}
		noun := "lines"
		if s.lines == 1 {
			noun = "line"
		}
		text = fmt.Appendf(text, "%szms: %d %s dropped here (%s)\n", stamp, s.lines, noun, g.why)
	}
	return text
}

// errBudget: there is no room left in the budget for all logs together.
var errBudget = errors.New("log budget used up")

// reason is an error of the disk in few words.
func reason(err error) string {
	switch err {
	case syscall.ENOSPC, syscall.EDQUOT:
		return "disk full"
	case nil:
		return "not written"
	default:
		return err.Error()
	}
}

// maxLosses bounds the tasks whose losses are remembered; those of others are in the
// files alone.
const maxLosses = 10000

// losses is what was dropped of each task.
type losses map[ID]*loss

type loss struct {
	Loss
	told bool
}

func (l losses) count(id ID, g gap) {
	id.Incarnation, id.Hook = 0, ""
	of := l[id]
	if of == nil {
		if len(l) == maxLosses {
			return
		}
		of = &loss{Loss: Loss{ID: id}}
		l[id] = of
	}
	of.Out, of.Err, of.Why, of.told = of.Out+g.out, of.Err+g.err, g.why, false
}

// total is what all have lost.
func (l losses) total() (lines uint64) {
	for _, of := range l {
		lines += of.Out + of.Err
	}
	return lines
}

// untold gives what has changed since it was last asked, or with all everything.
func (l losses) untold(all bool) (list []Loss) {
	for _, of := range l {
		if all || !of.told {
			of.told = true
			list = append(list, of.Loss)
		}
	}
	return list
}

func (s *server) droppedLines() uint64 {
	s.logs.lock()
	defer s.logs.unlock()
	return s.logs.losses.total()
}

// lossPause is the time between two reports of what was dropped: it comes at once,
// and a flood of it does not become one of messages.
const lossPause = time.Second

// tellLosses reports what was dropped, and what else the writers have to say. The
// counts wait for a provider if there is none.
func (s *server) tellLosses(all bool) {
	if s.conn == nil || s.lossTimer != nil && !all || !s.logs.news.Swap(false) && !all {
		return
	}
	s.logs.lock()
	list, notes := s.logs.losses.untold(all), s.logs.notes
	s.logs.notes = nil
	s.logs.unlock()
	for _, text := range notes {
		s.note(text)
	}
	if len(list) == 0 {
		return
	}
	s.conn.send(&message{Kind: kindLosses, Losses: list})
	s.timers.cancel(s.lossTimer)
	s.lossTimer = s.timers.after(lossPause, func() { s.lossTimer = nil }) // the round goes on with tellLosses
}
