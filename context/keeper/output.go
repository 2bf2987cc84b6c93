package keeper

import (
	"bytes"
	"errors"
	"fmt"
	"hash/fnv"
	"path/filepath"
	"syscall"
	"time"
)

// maxLine bounds one line of output, in bytes. A longer one is cut into pieces
// of this length, each a line of its own in the file.
const maxLine = 16 << 10

// stream is the reading end of one FIFO: stdout or stderr of one slot.
type stream struct {
	slot    *slot
	name    string // "out" or "err"
	path    string
	fd      int
	partial []byte // the beginning of a line whose end has not come
}

// openFIFO makes a FIFO and opens it twice: the keeper's end, which never
// blocks, and the child's. Both are opened for reading and writing. The child's,
// because a child that is its own reader outlives the keeper: on a pipe the
// next line would end it with SIGPIPE. The keeper's, because its end then never
// hangs up, whatever the child closes and opens again.
// They are two opens and not one dup: O_NONBLOCK belongs to the open.
func openFIFO(path string) (ours, theirs int, err error) {
	err = syscall.Mkfifo(path, 0o600)
	if errors.Is(err, syscall.EEXIST) { // of a keeper that was killed
		_ = syscall.Unlink(path)
		err = syscall.Mkfifo(path, 0o600)
	}
	if err != nil {
		return -1, -1, fmt.Errorf("make fifo %s: %w", path, err)
	}
	const flags = syscall.O_RDWR | syscall.O_CLOEXEC
	if ours, err = syscall.Open(path, flags|syscall.O_NONBLOCK, 0); err == nil {
		if theirs, err = syscall.Open(path, flags, 0); err == nil {
			return ours, theirs, nil
		}
		_ = syscall.Close(ours)
	}
	_ = syscall.Unlink(path)
	return -1, -1, fmt.Errorf("open fifo %s: %w", path, err)
}

// fifoPath is short and the same for the same slot, whoever computes it: the
// next keeper finds the FIFO of a service that it adopts.
func fifoPath(dir string, id ID, name string) string {
	h := fnv.New64a()
	_, _ = h.Write([]byte(id.String()))
	return filepath.Join(dir, fmt.Sprintf("%016x.%s", h.Sum64(), name))
}

// ready reads once: a service that floods gets one turn a round, like all others.
func (st *stream) ready(s *server) { st.read(s) }

// read moves what is there, at most one buffer full, and says whether to ask again.
func (st *stream) read(s *server) bool {
	n, err := syscall.Read(st.fd, s.buf)
	if n <= 0 {
		return err == syscall.EINTR
	}
	data := s.buf[:n]
	st.slot.keepTail(data)
	if st.slot.log == nil {
		return n == len(s.buf)
	}
	stamp := newStamp(time.Now(), st.name)
	s.logs.lock()
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
			st.slot.log.add(stamp, st.partial, data[:end])
			st.partial = st.partial[:0]
		}
		data = data[next:]
	}
	if len(st.partial) == 0 {
		st.partial = nil
	}
	s.logs.unlock()
	return n == len(s.buf)
}

// drain reads the last words: what was written before the writer's death is in
// the FIFO by now. It is bounded by what a pipe can hold, since an escapee may
// still be writing.
func (st *stream) drain(s *server) {
	const largest = 1 << 20 // /proc/sys/fs/pipe-max-size
	for i := 0; i < largest/len(s.buf) && st.read(s); i++ {
	}
}

// close ends the stream; a line without an end is a line now.
func (st *stream) close(s *server) {
	if len(st.partial) > 0 && st.slot.log != nil {
		s.logs.lock()
		st.slot.log.add(newStamp(time.Now(), st.name), st.partial, nil)
		s.logs.unlock()
		st.partial = nil
	}
	s.forget(st.fd)
	_ = syscall.Close(st.fd)
	_ = syscall.Unlink(st.path)
}

// newStamp is what stands before a line in the file.
func newStamp(at time.Time, name string) []byte {
	b := make([]byte, 0, 40)
	b = at.UTC().AppendFormat(b, "2006-01-02T15:04:05.000000000Z07:00")
	b = append(b, ' ')
	b = append(b, name...)
	return append(b, ' ')
}
