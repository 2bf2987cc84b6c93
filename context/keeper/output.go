package keeper

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"syscall"
	"time"

	"zmicroservices/context/keeper/logfile"
)

// maxLine bounds one line of output, in bytes. A longer one is cut into pieces
// of this length, each a line of its own in the file.
const maxLine = 16 << 10

// stream is the reading end of one pipe: stdout or stderr of one slot.
type stream struct {
	slot    *slot
	name    string // "out" or "err"
	fd      int    // -1 closed
	partial []byte // the beginning of a line whose end has not come
}

// openPipe makes a pipe and opens it twice: the keeper's end, which never
// blocks, and the child's, for reading and writing. A child that is its own reader
// outlives the keeper: with a writing end alone its next line would end it with
// SIGPIPE. So a later keeper can read on, by /proc/PID/fd.
func openPipe() (ours, theirs int, err error) {
	var p [2]int
	if err := syscall.Pipe2(p[:], syscall.O_CLOEXEC|syscall.O_NONBLOCK); err != nil {
		return -1, -1, os.NewSyscallError("pipe2", err)
	}
	defer syscall.Close(p[1])
	// Not a dup: O_NONBLOCK and the direction belong to the open. Not self but
	// thread-self: the caller's descriptors are its own, see spawner.run.
	theirs, err = syscall.Open("/proc/thread-self/fd/"+strconv.Itoa(p[0]), syscall.O_RDWR|syscall.O_CLOEXEC, 0)
	if err != nil {
		_ = syscall.Close(p[0])
		return -1, -1, fmt.Errorf("open pipe for both ways: %w", err)
	}
	return p[0], theirs, nil
}

// ready reads once: a service that floods gets one turn a round, like all others.
func (st *stream) ready(s *server) { st.read(s) }

// read moves what is there, at most one buffer full, and says whether to ask again.
func (st *stream) read(s *server) bool {
	if st.fd < 0 {
		return false
	}
	n, err := syscall.Read(st.fd, s.buf)
	if n <= 0 {
		if err == nil {
			st.close(s) // nobody has the other end any more, nor can get it
		}
		return err == syscall.EINTR
	}
	data := s.buf[:n]
	st.slot.keepTail(data)
	if st.slot.log == nil && len(st.slot.taps) == 0 {
		return n == len(s.buf)
	}
	stamp := logfile.Stamp(time.Now(), st.name)
	s.logs.Lock()
	for len(data) > 0 {
		i := bytes.IndexByte(data, '\n')
		end, next := i, i+1
		if i < 0 {
			end, next = len(data), len(data)
		}
		if space := maxLine - len(st.partial); end > space {
			end, next, i = space, space, space // cut
		}
		if i < 0 {
			st.partial = append(st.partial, data[:end]...)
		} else {
			st.line(s, stamp, st.partial, data[:end])
			st.partial = st.partial[:0]
		}
		data = data[next:]
	}
	if len(st.partial) == 0 {
		st.partial = nil
	}
	s.logs.Unlock()
	return n == len(s.buf)
}

// line passes a line on to the file and to who listens; the lock of logs is held.
func (st *stream) line(s *server, stamp, head, tail []byte) {
	if st.slot.log != nil {
		st.slot.log.Add(stamp, head, tail)
	}
	for _, t := range st.slot.taps {
		t.hear(s.conn, stamp, head, tail)
	}
}

// drain reads the last words: what was written before the writer's death is in
// the pipe by now. It is bounded by what a pipe can hold, since an escapee may
// still be writing.
func (st *stream) drain(s *server) {
	const largest = 1 << 20 // /proc/sys/fs/pipe-max-size
	for i := 0; i < largest/len(s.buf) && st.read(s); i++ {
	}
}

// close ends the stream; a line without an end is a line now.
func (st *stream) close(s *server) {
	if st.fd < 0 {
		return
	}
	if len(st.partial) > 0 {
		s.logs.Lock()
		st.line(s, logfile.Stamp(time.Now(), st.name), st.partial, nil)
		s.logs.Unlock()
		st.partial = nil
	}
	s.forget(st.fd)
	_ = syscall.Close(st.fd)
	st.fd = -1
}
