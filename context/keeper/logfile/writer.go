package logfile

import (
	"bytes"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// maxPending bounds what waits for the disk, in bytes a file. What comes on top
	// is dropped, counted, and said in the file when there is room again.
	maxPending = 1 << 20
	// maxWaiting bounds it over all files, and fairPending is what each of them may
	// have waiting all the same: a flood takes no room from a quiet one.
	maxWaiting  = 64 << 20
	fairPending = 32 << 10

	stallPatience = time.Second
	maxWriters    = 4
)

// Writer writes all log files of a keeper. A loop adds lines, a goroutine writes
// them: a slow or full disk costs lines, never the loop and never a service. One
// goroutine does, until it has been in one write for longer than stallPatience;
// then another stands in, so that one stalled file is not everyone's.
type Writer struct {
	mu      sync.Mutex // guards everything below and every File
	work    *sync.Cond // something is in queue, or closed
	files   map[string]*File
	queue   []*File
	waiting int // bytes, of all files, those that are being written included
	closed  bool
	settled chan struct{} // closed by the writer that leaves nothing to be written; nil: nobody asks
	writers int
	moved   time.Time     // when a writer last took or finished a piece
	done    chan struct{} // closed by the last writer, when all is written
	wake    func()        // tells the loop that a file it waits for is written
	losses  losses
	notes   []string // for the provider's log

	news   atomic.Bool // losses or notes have something that was not told
	budget budget      // guards itself; never asked under the lock
}

// New makes a writer. What lies under root, logs by transaction, is what a budget is
// for. wake tells the loop that a file it waits for is written, or that there is News.
func New(root string, wake func()) *Writer {
	w := &Writer{files: make(map[string]*File), writers: 1, done: make(chan struct{}), wake: wake, losses: make(losses)}
	w.work = sync.NewCond(&w.mu)
	w.budget.root, w.budget.inUse = root, w.inUse
	return w
}

// Lock is held while lines are added: once for all that were read together.
func (w *Writer) Lock() { w.mu.Lock() }

// Unlock lets them be written.
func (w *Writer) Unlock() { w.mu.Unlock() }

// Open takes a share in a file; it is created with the first line. The limits of the
// last to come are in force.
func (w *Writer) Open(path string, owner Owner, limits Limits) *File {
	w.budget.limit.Store(limits.Budget)
	w.mu.Lock()
	defer w.mu.Unlock()
	f := w.files[path]
	if f == nil {
		f = &File{of: w, path: path, owner: owner, live: live{path: path, fd: -1, budget: &w.budget}}
		w.files[path] = f
	}
	f.limits = limits
	f.users++
	return f
}

// Release gives the share back; the last one closes the file behind its last line.
func (w *Writer) Release(f *File) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if f.users--; f.users == 0 {
		delete(w.files, f.path)
		f.enqueue()
	}
}

func (w *Writer) inUse(path string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.files[path] != nil
}

// Flushed says whether all that was added is in the file (or dropped), and if
// not, asks for a wake when it is.
func (w *Writer) Flushed(f *File) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	f.awaited = len(f.pending) > 0 || f.writing
	return !f.awaited
}

// Done is closed when all is written after Close.
func (w *Writer) Done() <-chan struct{} { return w.done }

// Close lets Run end when the queue is empty.
func (w *Writer) Close() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.closed = true
	w.work.Broadcast()
}

// Run writes, until Close: a goroutine of its own.
func (w *Writer) Run() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for {
		for len(w.queue) == 0 {
			if w.closed {
				if w.writers--; w.writers == 0 {
					close(w.done)
				}
				return
			}
			w.work.Wait()
		}
		f := w.queue[0]
		w.queue[0] = nil
		w.queue = w.queue[1:]
		f.queued = false
		if f.writing {
			continue // another writer is stalled in it, and looks again afterwards
		}
		w.writeOut(f)
		if w.settled != nil && !w.busy() {
			close(w.settled)
			w.settled = nil
		}
	}
}

// busy says that something is to be written, or being written. The lock is held.
func (w *Writer) busy() bool {
	if len(w.queue) > 0 || w.waiting > 0 {
		return true
	}
	for _, f := range w.files {
		if f.writing {
			return true
		}
	}
	return false
}

// Settle waits until everything is written, and says whether it is.
func (w *Writer) Settle(patience time.Duration) bool {
	w.mu.Lock()
	if !w.busy() {
		w.mu.Unlock()
		return true
	}
	settled := make(chan struct{})
	w.settled = settled
	w.mu.Unlock()
	select {
	case <-settled:
		return true
	case <-time.After(patience):
		return false
	}
}

// writeOut writes what is pending of one file, and lets it queue again for what
// has come meanwhile: a flood gets no more than its turn. The lock is held, but
// for the writing itself.
func (w *Writer) writeOut(f *File) {
	piece, before, limits, closing := f.pending, f.before, f.limits, f.users == 0
	f.pending = nil // not kept: a thousand idle files are to cost nothing
	f.before, f.after = f.after, gap{}
	f.writing = true
	w.moved = time.Now()
	share := w.budget.share(len(w.files))
	w.mu.Unlock() // before anything that could wait for a disk, the budget's lock included
	// First what is missing here, then what has come since.
	rest, err := f.live.write(before.say(piece), limits, share)
	said := len(rest) == 0
	if rest = piece; said {
		rest, err = f.live.write(piece, limits, share)
	}
	if closing {
		f.live.close()
	}
	note := f.live.takeNote()
	w.mu.Lock()
	w.moved = time.Now()
	w.waiting -= len(piece)
	f.writing = false
	if !said {
		f.before.join(before)
	}
	if len(rest) > 0 {
		lost := gap{why: reason(err)}
		for line := range bytes.Lines(rest) {
			lost = lost.plus(line)
		}
		f.lose(&f.before, lost)
		w.wake()
	}
	if note != "" {
		w.notes = append(w.notes, note)
		w.news.Store(true)
		w.wake()
	}
	switch {
	case len(f.pending) > 0 || closing != (f.users == 0) || err == nil && !f.before.empty():
		f.enqueue()
	case f.awaited:
		f.awaited = false
		w.wake()
	}
}
