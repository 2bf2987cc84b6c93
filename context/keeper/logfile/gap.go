package logfile

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
		stamp := Stamp(time.Now(), s.name)
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
