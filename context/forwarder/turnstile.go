package forwarder

import (
	"fmt"
	"os"
	"sync"

	"golang.org/x/sys/unix"
)

// turnstile lets publishers that always have more to read take turns with the
// rest of the network. Go's scheduler looks at the network only when a processor
// has nothing else to run, or every 10 ms, and runtime.Gosched gives way to
// goroutines that are runnable, not to sockets that are readable. So who had its
// share waits here for an event that has to come through the network poller
// too, behind whatever was ready before: an eventfd that it has just made
// readable. It costs about 2 µs; reading and forwarding 64 KiB takes 20 to 100.
type turnstile struct {
	file *os.File

	mu      sync.Mutex // guards the rest
	waiting []chan<- struct{}
}

func newTurnstile() (*turnstile, error) {
	fd, err := unix.Eventfd(0, unix.EFD_NONBLOCK|unix.EFD_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("make eventfd: %w", err)
	}
	return &turnstile{file: os.NewFile(uintptr(fd), "eventfd")}, nil
}

// pass returns when whoever was ready before has had its turn. turn is the
// caller's own, with room for one: it is filled once for each pass.
func (t *turnstile) pass(turn chan struct{}) {
	t.mu.Lock()
	first := len(t.waiting) == 0
	t.waiting = append(t.waiting, turn)
	t.mu.Unlock()
	if first && !t.kick() {
		t.release() // closed: there are no turns any more
	}
	<-turn
}

func (t *turnstile) kick() bool {
	one := [8]byte{1}
	_, err := t.file.Write(one[:])
	return err == nil
}

// run lets those pass that wait, until the turnstile is closed.
func (t *turnstile) run() {
	var count [8]byte
	for {
		_, err := t.file.Read(count[:])
		t.release()
		if err != nil {
			return
		}
	}
}

func (t *turnstile) release() {
	t.mu.Lock()
	defer t.mu.Unlock()
	for i, turn := range t.waiting {
		turn <- struct{}{} // has room
		t.waiting[i] = nil
	}
	t.waiting = t.waiting[:0]
}

func (t *turnstile) close() { _ = t.file.Close() } // nothing is buffered in it
