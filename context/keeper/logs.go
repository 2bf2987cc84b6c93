package keeper

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"
)

// maxPending bounds what waits for the disk, in bytes a file. What comes on top
// is dropped, counted, and said in the file when there is room again.
const maxPending = 1 << 20

// logs is the writer of all log files. The loop adds lines, a goroutine writes
// them: a slow or full disk costs lines, never the loop and never a service. One
// goroutine does, until it has been in one write for longer than stallPatience;
// then another stands in, so that one stalled file is not everyone's.
type logs struct {
	mu      sync.Mutex // guards everything below and every logFile
	work    *sync.Cond // something is in queue, or closed
	files   map[string]*logFile
	queue   []*logFile
	dropped uint64
	closed  bool
	writers int
	moved   time.Time     // when a writer last took or finished a piece
	done    chan struct{} // closed by the last writer, when all is written
	wake    func()        // tells the loop that a file it waits for is written
}

const (
	stallPatience = time.Second
	maxWriters    = 4
)

// logFile is one open file, shared by the slots that log there: the
// incarnations of a task follow each other, its hooks run beside it.
type logFile struct {
	of      *logs
	path    string
	users   int
	pending []byte
	queued  bool // in logs.queue
	writing bool // the goroutine holds a piece
	awaited bool // the loop wants to be woken when nothing is pending
	dropped int  // lines, not yet said in the file
	torn    bool // the last write ended inside a line
	fd      int  // -1 closed; only the goroutine touches it
}

func newLogs(wake func()) *logs {
	l := &logs{files: make(map[string]*logFile), writers: 1, done: make(chan struct{}), wake: wake}
	l.work = sync.NewCond(&l.mu)
	return l
}

func (l *logs) lock()   { l.mu.Lock() }
func (l *logs) unlock() { l.mu.Unlock() }

// open takes a share in a file; it is created with the first line.
func (l *logs) open(path string) *logFile {
	l.mu.Lock()
	defer l.mu.Unlock()
	f := l.files[path]
	if f == nil {
		f = &logFile{of: l, path: path, fd: -1}
		l.files[path] = f
	}
	f.users++
	return f
}

// release gives the share back; the last one closes the file behind its last line.
func (l *logs) release(f *logFile) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if f.users--; f.users == 0 {
		delete(l.files, f.path)
		f.sayDropped()
		f.enqueue()
	}
}

// add appends one line; the lock of logs is held.
func (f *logFile) add(stamp, head, tail []byte) {
	if len(f.pending)+len(stamp)+len(head)+len(tail)+1 > maxPending {
		f.drop(1)
		return
	}
	f.sayDropped()
	f.pending = append(append(append(append(f.pending, stamp...), head...), tail...), '\n')
	f.enqueue()
}

func (f *logFile) sayDropped() {
	if f.dropped > 0 {
		f.pending = fmt.Appendf(f.pending, "%s... %d lines dropped\n", newStamp(time.Now(), "err"), f.dropped)
		f.dropped = 0
	}
}

func (f *logFile) drop(n int) {
	f.dropped += n
	f.of.dropped += uint64(n)
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

func (l *logs) droppedLines() uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.dropped
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
	}
}

// writeOut writes what is pending of one file, and lets it queue again for what
// has come meanwhile: a flood gets no more than its turn. The lock is held, but
// for the writing itself.
func (l *logs) writeOut(f *logFile) {
	piece, closing := f.pending, f.users == 0
	f.pending = nil // not kept: a thousand idle files are to cost nothing
	f.writing = true
	l.moved = time.Now()
	l.mu.Unlock()
	lost := f.write(piece)
	if closing && f.fd >= 0 {
		_ = syscall.Close(f.fd)
		f.fd = -1
	}
	l.mu.Lock()
	l.moved = time.Now()
	f.writing = false
	if lost > 0 {
		f.drop(lost)
	}
	switch {
	case len(f.pending) > 0 || closing != (f.users == 0):
		f.enqueue()
	case f.awaited:
		f.awaited = false
		l.wake()
	}
}

// write appends to the file and returns how many lines did not get there. The
// cutting of full files belongs here, between two pieces, which end with a line.
func (f *logFile) write(piece []byte) (lost int) {
	if len(piece) == 0 {
		return 0
	}
	if f.fd < 0 {
		fd, err := openLog(f.path)
		if err != nil {
			return bytes.Count(piece, []byte{'\n'})
		}
		f.fd = fd
	}
	if f.torn {
		piece = append([]byte{'\n'}, piece...)
	}
	for len(piece) > 0 {
		n, err := syscall.Write(f.fd, piece)
		if n > 0 {
			f.torn = piece[n-1] != '\n'
			piece = piece[n:]
		}
		if err != nil && err != syscall.EINTR {
			break
		}
	}
	return bytes.Count(piece, []byte{'\n'})
}

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
