package forwarder

import (
	"bytes"
	"testing"

	"golang.org/x/sys/unix"
)

// narrowPipe is a connection whose kernel buffer is full until somebody reads: it
// gives way whenever a write would have to wait.
type narrowPipe struct {
	t         testing.TB
	in, out   int
	got       []byte
	waits     int
	leastRoom int // bytes read at each wait
}

func newNarrowPipe(t testing.TB) *narrowPipe {
	t.Helper()
	var fds [2]int
	if err := unix.Pipe2(fds[:], unix.O_NONBLOCK|unix.O_CLOEXEC); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = unix.Close(fds[0]), unix.Close(fds[1]) })
	return &narrowPipe{t: t, in: fds[1], out: fds[0], leastRoom: 5000}
}

// fill writes until nothing more fits, and returns how much that was.
func (p *narrowPipe) fill() (n int) {
	for b := make([]byte, 1000); ; {
		k, err := unix.Write(p.in, b)
		if err != nil {
			return n
		}
		n += k
	}
}

func (p *narrowPipe) Control(f func(fd uintptr)) error { f(uintptr(p.in)); return nil }
func (p *narrowPipe) Read(func(fd uintptr) bool) error { return unix.EBADF }
func (p *narrowPipe) Write(f func(fd uintptr) bool) error {
	for !f(uintptr(p.in)) {
		p.waits++
		p.read(p.leastRoom)
	}
	return nil
}

func (p *narrowPipe) read(n int) {
	b := make([]byte, n)
	k, err := unix.Read(p.out, b)
	if err != nil && err != unix.EAGAIN {
		p.t.Fatal(err)
	}
	p.got = append(p.got, b[:max(k, 0)]...)
}

// What was sealed is written once, however often the kernel says that it has no
// room, and if it says so before it has taken anything.
func TestASealedFrameIsSealedOnceHoweverFullTheSocketIs(t *testing.T) {
	device := &Forwarder{limits: DefaultLimits()}
	pipe := newNarrowPipe(t)
	before := pipe.fill()
	ours, theirs := sessions(t)
	var o outbox
	o.init(device, pipe, func(err error) { t.Errorf("aborted: %v", err) })
	o.seal(&sealer{f: device, session: ours})
	e := envelope{depot: &device.depot}
	var want []byte
	var list []span
	for i, size := range []int{10, 300, 70_000, 5, 200_000, 9} {
		frame := bytes.Repeat([]byte{'a' + byte(i)}, size)
		spans, _ := e.wrap(classData, frame)
		list = append(list, spans...)
		want = append(want, wire(string(frame))...)
	}
	b := device.getBatch()
	o.uncork(list, b) // hands the queue to the drain goroutine
	device.putBatch(b)
	device.running.Wait()
	e.close()
	for n := 0; n != len(pipe.got); {
		n = len(pipe.got)
		pipe.read(1 << 20)
	}
	if pipe.waits < 10 {
		t.Errorf("the socket was full %d times", pipe.waits)
	}
	if got := openAll(t, theirs, pipe.got[before:]); !bytes.Equal(got, want) {
		t.Errorf("%d bytes came, want %d", len(got), len(want))
	}
	o.close()
	device.batches.close()
	if n := device.depot.live.Load() + device.sealing.Load(); n != 0 {
		t.Errorf("%d bytes were not given back", n)
	}
}
