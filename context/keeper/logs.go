package keeper

import (
	"bytes"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"
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

// logs is the writer of all log files. The loop adds lines, a goroutine writes
// them: a slow or full disk costs lines, never the loop and never a service. One
// goroutine does, until it has been in one write for longer than stallPatience;
// then another stands in, so that one stalled file is not everyone's.
type logs struct {
	mu      sync.Mutex // guards everything below and every logFile
	work    *sync.Cond // something is in queue, or closed
	files   map[string]*logFile
	queue   []*logFile
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

// logFile is one open file, shared by the slots that log there: the
// incarnations of a task follow each other, its hooks run beside it.
type logFile struct {
	of      *logs
	id      ID // of the slot that opened it
	path    string
	limits  Output
	users   int
	pending []byte
	before  gap  // what was dropped before pending
	after   gap  // and behind it: until that is being written, nothing is added
	queued  bool // in logs.queue
	writing bool // a goroutine holds a piece
	awaited bool // the loop wants to be woken when nothing is pending
	live    live // only the goroutine that writes touches it
}

// newLogs makes the writer. What lies under root, logs by transaction, is what a
// budget is for.
func newLogs(root string, wake func()) *logs {
	l := &logs{files: make(map[string]*logFile), writers: 1, done: make(chan struct{}), wake: wake, losses: make(losses)}
	l.work = sync.NewCond(&l.mu)
	l.budget.root, l.budget.inUse = root, l.inUse
	return l
}

func (l *logs) lock()   { l.mu.Lock() }
func (l *logs) unlock() { l.mu.Unlock() }

// open takes a share in a file; it is created with the first line. The limits of the
// last to come are in force.
func (l *logs) open(path string, id ID, limits Output) *logFile {
	l.budget.limit.Store(limits.Budget)
	l.mu.Lock()
	defer l.mu.Unlock()
	f := l.files[path]
	if f == nil {
		f = &logFile{of: l, path: path, id: id, live: live{path: path, fd: -1, budget: &l.budget}}
		l.files[path] = f
	}
	f.limits = limits
	f.users++
	return f
}

// release gives the share back; the last one closes the file behind its last line.
func (l *logs) release(f *logFile) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if f.users--; f.users == 0 {
		delete(l.files, f.path)
		f.enqueue()
	}
}

func (l *logs) inUse(path string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.files[path] != nil
}

// add appends one line; the lock of logs is held.
func (f *logFile) add(stamp, head, tail []byte) {
	n := len(stamp) + len(head) + len(tail) + 1
	full := len(f.pending)+n > maxPending || f.of.waiting+n > maxWaiting && len(f.pending)+n > fairPending
	if full || !f.after.empty() {
		why := "written faster than the disk takes it"
		if f.writing && time.Since(f.of.moved) > stallPatience {
			why = "the disk is stalled"
		}
		f.lose(&f.after, gap{why: why}.plus(stamp))
		return
	}
	f.pending = append(append(append(append(f.pending, stamp...), head...), tail...), '\n')
	f.of.waiting += n
	f.enqueue()
}

// lose counts what is dropped at one place.
func (f *logFile) lose(at *gap, g gap) {
	at.join(g)
	f.of.losses.count(f.id, g)
	f.of.news.Store(true)
}

func (f *logFile) enqueue() {
	if !f.queued {
		f.queued = true
		f.of.queue = append(f.of.queue, f)
		f.of.work.Signal()
	}
	if l := f.of; len(l.queue) > 1 && l.writers < maxWriters && time.Since(l.moved) > stallPatience {
		l.writers++
		l.moved = time.Now()
		go l.run() // ends as the first does
	}
}

// flushed says whether all that was added is in the file (or dropped), and if
// not, asks for a wake when it is.
func (l *logs) flushed(f *logFile) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	f.awaited = len(f.pending) > 0 || f.writing
	return !f.awaited
}

// close lets run end when the queue is empty.
func (l *logs) close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed = true
	l.work.Broadcast()
}

// run is a writer goroutine.
func (l *logs) run() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for {
		for len(l.queue) == 0 {
			if l.closed {
				if l.writers--; l.writers == 0 {
					close(l.done)
				}
				return
			}
			l.work.Wait()
		}
		f := l.queue[0]
		l.queue[0] = nil
		l.queue = l.queue[1:]
		f.queued = false
		if f.writing {
			continue // another writer is stalled in it, and looks again afterwards
		}
		l.writeOut(f)
		if l.settled != nil && !l.busy() {
			close(l.settled)
			l.settled = nil
		}
	}
}

// busy says that something is to be written, or being written. The lock is held.
func (l *logs) busy() bool {
	if len(l.queue) > 0 || l.waiting > 0 {
		return true
	}
	for _, f := range l.files {
		if f.writing {
			return true
		}
	}
	return false
}

// settle waits until everything is written, and says whether it is.
func (l *logs) settle(patience time.Duration) bool {
	l.mu.Lock()
	if !l.busy() {
		l.mu.Unlock()
		return true
	}
	settled := make(chan struct{})
	l.settled = settled
	l.mu.Unlock()
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
func (l *logs) writeOut(f *logFile) {
	piece, before, limits, closing := f.pending, f.before, f.limits, f.users == 0
	f.pending = nil // not kept: a thousand idle files are to cost nothing
	f.before, f.after = f.after, gap{}
	f.writing = true
	l.moved = time.Now()
	share := l.budget.share(len(l.files))
	l.mu.Unlock() // before anything that could wait for a disk, the budget's lock included
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
	l.mu.Lock()
	l.moved = time.Now()
	l.waiting -= len(piece)
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
		l.wake()
	}
	if note != "" {
		l.notes = append(l.notes, note)
		l.news.Store(true)
		l.wake()
	}
	switch {
	case len(f.pending) > 0 || closing != (f.users == 0) || err == nil && !f.before.empty():
		f.enqueue()
	case f.awaited:
		f.awaited = false
		l.wake()
	}
}

// openLog opens a file for appending, with the directory that it is to be in.
func openLog(path string) (int, error) {
	const flags = syscall.O_WRONLY | syscall.O_APPEND | syscall.O_CREAT | syscall.O_CLOEXEC
	fd, err := syscall.Open(path, flags, 0o640)
	if err == syscall.ENOENT {
		if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
			return -1, err
		}
		fd, err = syscall.Open(path, flags, 0o640)
	}
	return fd, err
}
