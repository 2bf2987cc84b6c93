package sample

import (
	"errors"
	"fmt"
	"time"

	"golang.org/x/sys/unix"
)

// Why a tree may be empty.
var (
	ErrGone   = errors.New("process has ended")
	ErrReused = errors.New("the number is another process's by now")
)

// Tree is a process and its descendants.
type Tree struct {
	Target

	sampler *Sampler
	turn    uint64 // which tenth of ticks refreshes it
	known   map[int32]*entry
	order   []*entry // parents before children
	shown   []*Process
	at      time.Time
	err     error
	closed  bool
}

// Processes are the process itself and then its descendants, parents before children;
// none with Err. They are good until the next Tick.
func (t *Tree) Processes() []*Process { return t.shown }

// At is when it was read last.
func (t *Tree) At() time.Time { return t.at }

// Err says why there are no processes: ErrGone, ErrReused, or what the kernel said.
func (t *Tree) Err() error { return t.err }

// Close lets go of its files.
func (t *Tree) Close() {
	for _, e := range t.known {
		e.close(t.sampler)
	}
	clear(t.known)
	t.order, t.shown, t.closed = nil, nil, true
	delete(t.sampler.trees, t)
}

// read reads the tree anew, from the root down.
func (t *Tree) read() {
	t.at, t.err = time.Now(), nil
	t.order, t.shown = t.order[:0], t.shown[:0]
	if t.closed {
		t.err = ErrGone
		return
	}
	e, err := t.visit(int32(t.PID), 0)
	if err == nil && t.Ticks != 0 && e.Ticks != t.Ticks {
		err = ErrReused
	}
	if err != nil {
		t.err = fmt.Errorf("read process %d: %w", t.PID, err)
		t.sweep()
		return
	}
	t.order = append(t.order, e)
	for i := 0; i < len(t.order) && !t.Alone; i++ {
		parent := t.order[i]
		for _, pid := range parent.kids {
			// What has vanished meanwhile, or was never a child of it, is no entry.
			if e, err := t.visit(pid, parent.PID); err == nil {
				t.order = append(t.order, e)
			}
		}
	}
	for _, e := range t.order {
		t.shown = append(t.shown, &e.Process)
	}
	if len(t.known) > len(t.order) {
		t.sweep()
	}
}

// visit reads one process of the tree, which is a child of parent unless that is 0.
func (t *Tree) visit(pid, parent int32) (*entry, error) {
	s := t.sampler
	e := t.known[pid]
	if e != nil && e.tick == s.tick {
		return nil, ErrReused // it is in the tree already
	}
	if e != nil {
		if err := e.read(s, t); err == nil && (parent == 0 || e.PPID == parent) {
			return e, nil
		}
		// The one that was known has ended, and the number may be used again.
		e.close(s)
		delete(t.known, pid)
	}
	e = &entry{}
	if err := e.open(s, pid); err != nil {
		return nil, gone(err)
	}
	if err := e.read(s, t); err != nil {
		e.close(s)
		return nil, gone(err)
	}
	if parent != 0 && e.PPID != parent {
		e.close(s)
		return nil, ErrReused
	}
	t.known[pid] = e
	return e, nil
}

// gone names what the kernel says of a process that is not there.
func gone(err error) error {
	if errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ESRCH) {
		return ErrGone
	}
	return err
}

// sweep lets go of those that this tick has not seen.
func (t *Tree) sweep() {
	for pid, e := range t.known {
		if e.tick != t.sampler.tick || t.err != nil {
			e.close(t.sampler)
			delete(t.known, pid)
		}
	}
}

// join gives every process the sockets that were listed.
func (t *Tree) join() {
	if t.Want&Connections == 0 {
		return
	}
	for _, e := range t.order {
		e.join(t.sampler)
	}
}
