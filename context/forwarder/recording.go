package forwarder

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"zmicroservices/taskservice/zmtp"
)

// Recording is a subscriber within this process: it gets every message with one of its
// prefixes in the order in which all subscribers do, through a pair of sockets and a
// queue as theirs, but for a deeper one. What that has no room for is counted, so that
// who records knows whether the recording is whole. Nothing that is retained for new
// subscribers comes.
//
// Next is called by one goroutine; the others may be called from any. Who is done calls
// Close.
type Recording struct {
	conn *conn
	peer net.Conn // the other end
	in   *bufio.Reader
}

// deep is how much waits for a Recording at most, in bytes, of messages of any size.
const deep = 256 << 20

// recordBuffer is what is read at once, in bytes.
const recordBuffer = 256 << 10

// Record begins a recording: everything that is published from now on. It ends with
// Close, Finish or the forwarder.
func (f *Forwarder) Record(prefixes ...string) (*Recording, error) {
	ours, theirs, err := socketPair()
	if err != nil {
		return nil, fmt.Errorf("record: %w", err)
	}
	c, err := f.register(ours, &listener{side: back, endpoint: "inproc://recording"})
	if err != nil {
		_, _ = ours.Close(), theirs.Close() // nothing was said on them
		return nil, fmt.Errorf("record: %w", err)
	}
	bound := f.limits
	bound.QueueMessages, bound.QueueBytes = deep, deep
	c.out.bound = &bound
	c.peer = Peer{Conn: c.id, Addr: "recording", UID: os.Getuid(), PID: os.Getpid(), Loopback: true, Self: true}
	c.session = &zmtp.Session{Greeting: zmtp.Greeting{Major: 3}} // of a peer that knows no PING
	c.inside = newSubscriber(c)
	c.joined.Store(true)
	f.enter(c.inside)
	for _, prefix := range prefixes {
		if _, err = f.insert(c.inside, []byte(prefix)); err != nil {
			break
		}
	}
	// Ends when the pair is closed, by Close or by the forwarder.
	go func() {
		defer f.running.Done()
		c.serve()
	}()
	r := &Recording{conn: c, peer: theirs, in: bufio.NewReaderSize(theirs, recordBuffer)}
	if err != nil {
		r.Close()
		return nil, fmt.Errorf("record: %w", err)
	}
	return r, nil
}

// socketPair is two ends of a stream within this process.
func socketPair() (a, b net.Conn, err error) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return nil, nil, fmt.Errorf("make socket pair: %w", err)
	}
	var ends [2]net.Conn
	for i, fd := range fds {
		file := os.NewFile(uintptr(fd), "recording")
		end, failed := net.FileConn(file) // a copy
		_ = file.Close()
		if failed != nil {
			err = failed
		}
		ends[i] = end
	}
	if err != nil {
		for _, end := range ends {
			if end != nil {
				_ = end.Close()
			}
		}
		return nil, nil, err
	}
	return ends[0], ends[1], nil
}

// Next gives the frames of the next message and when it was read. The error is io.EOF
// after Finish, once everything was read.
func (r *Recording) Next() (frames [][]byte, at time.Time, err error) {
	for {
		h, body, err := r.frame()
		if err != nil {
			return nil, time.Time{}, err
		}
		if h.Command() {
			continue
		}
		if frames = append(frames, body); !h.More() {
			return frames, time.Now(), nil
		}
	}
}

func (r *Recording) frame() (h zmtp.Header, body []byte, err error) {
	first, err := r.in.Peek(2)
	if err != nil {
		return h, nil, err
	}
	size := 2
	if zmtp.Flags(first[0])&zmtp.Long != 0 {
		size = zmtp.MaxHeader
	}
	header, err := r.in.Peek(size)
	if err != nil {
		return h, nil, err
	}
	if h, err = zmtp.ParseHeader(header); err != nil {
		return h, nil, err
	}
	_, _ = r.in.Discard(size) // was peeked
	body = make([]byte, h.Size)
	_, err = io.ReadFull(r.in, body)
	return h, body, err
}

// Waiting says that there is more to read at once.
func (r *Recording) Waiting() bool { return r.in.Buffered() > 0 }

// Dropped is what the queue had no room for.
func (r *Recording) Dropped() Flow {
	_, _, dropped := r.conn.out.figures()
	return dropped
}

// Finish ends the recording when what was published until now has been read, or cuts
// it off when ctx ends.
func (r *Recording) Finish(ctx context.Context) {
	f := r.conn.f
	f.trieMu.Lock()
	for _, m := range r.conn.inside.prefixes {
		f.trie.remove(m)
	}
	clear(r.conn.inside.prefixes)
	f.trieMu.Unlock()
	select {
	case <-r.conn.out.whenIdle():
	case <-ctx.Done():
		r.Close()
		return
	}
	if c, ok := r.conn.net.(*net.UnixConn); ok {
		_ = c.CloseWrite() // one that is closed already has ended, too
	}
}

// Close ends it at once.
func (r *Recording) Close() {
	_ = r.peer.Close() // nothing waits in it that is wanted
}
