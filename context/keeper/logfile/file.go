package logfile

import (
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// File is one open file, shared by the slots that log there: the
// incarnations of a task follow each other, its hooks run beside it.
type File struct {
	of      *Writer
	owner   Owner
	path    string
	limits  Limits
	users   int
	pending []byte
	before  gap  // what was dropped before pending
	after   gap  // and behind it: until that is being written, nothing is added
	queued  bool // in logs.queue
	writing bool // a goroutine holds a piece
	awaited bool // the loop wants to be woken when nothing is pending
	live    live // only the goroutine that writes touches it
}

// Add appends one line, with its Stamp before it; the Writer is locked.
func (f *File) Add(stamp, head, tail []byte) {
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
func (f *File) lose(at *gap, g gap) {
	at.join(g)
	f.of.losses.count(f.owner, g)
	f.of.news.Store(true)
}

func (f *File) enqueue() {
	if !f.queued {
		f.queued = true
		f.of.queue = append(f.of.queue, f)
		f.of.work.Signal()
	}
	if w := f.of; len(w.queue) > 1 && w.writers < maxWriters && time.Since(w.moved) > stallPatience {
		w.writers++
		w.moved = time.Now()
		go w.Run() // ends as the first does
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
