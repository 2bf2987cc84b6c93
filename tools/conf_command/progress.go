package main

import (
	"fmt"
	"io"
	"sync"
	"time"
)

// patience is how long nothing is said when nobody is known to look.
const patience = time.Second

// progress tells on stderr what happens while we wait: at once on a terminal,
// else only when it takes long. A quick success in a script is silent.
type progress struct {
	w      io.Writer
	colour bool
	timer  *time.Timer // nil when open from the start

	mu   sync.Mutex // guards the rest: the timer has a goroutine of its own
	open bool
	held []string
	last map[string]step
}

func newProgress(w world) *progress {
	p := &progress{w: w.err, colour: w.painted, open: w.watched, last: map[string]step{}}
	if !p.open {
		p.timer = time.AfterFunc(patience, p.flush) // ends at once, or by end
	}
	return p
}

// seen says a step; one that was said before is not said again.
func (p *progress) seen(s step) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.last[s.Task] == s {
		return
	}
	p.last[s.Task] = s
	line := fmt.Sprintf("%s %s", printable(s.Task), paint(s.State, stateColour(s.State), p.colour))
	// While one starts, the pid may still be that of the process before.
	if s.PID > 0 && (s.State == "started" || s.State == "created" || s.State == "stopping") {
		line += fmt.Sprintf(" (pid %d)", s.PID)
	}
	if s.Reason != "" {
		line += ": " + shortened(printable(s.Reason), 200)
	}
	if p.open {
		fmt.Fprintln(p.w, line)
		return
	}
	p.held = append(p.held, line)
}

func (p *progress) flush() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.open = true
	for _, line := range p.held {
		fmt.Fprintln(p.w, line)
	}
	p.held = nil
}

// end says nothing more.
func (p *progress) end() {
	if p.timer != nil {
		p.timer.Stop()
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.open, p.held = false, nil
}
