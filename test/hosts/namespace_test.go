package hosts

import (
	"context"
	"fmt"
	"net"
	"os"
	"runtime"

	"golang.org/x/sys/unix"
)

// enter does something in the place's namespace. A socket stays in the one where it was
// made (network_namespaces(7)), so that only its making is done there.
func (p *place) enter(do func() error) error {
	home, err := os.Open("/proc/thread-self/ns/net")
	if err != nil {
		return err
	}
	defer home.Close()
	there, err := os.Open("/run/netns/" + p.namespace)
	if err != nil {
		return err
	}
	defer there.Close()
	done := make(chan error, 1) // one word, which nobody may be left to take
	go func() {                 // ends with do
		done <- inThread(home, there, do)
	}()
	return <-done
}

// inThread locks the goroutine to its thread, which ends with it: one that is in another
// namespace must do nothing else ever again.
func inThread(home, there *os.File, do func() error) error {
	runtime.LockOSThread()
	if err := unix.Setns(int(there.Fd()), unix.CLONE_NEWNET); err != nil {
		runtime.UnlockOSThread()
		return fmt.Errorf("enter namespace: %w", err)
	}
	err := do()
	if unix.Setns(int(home.Fd()), unix.CLONE_NEWNET) == nil {
		runtime.UnlockOSThread()
	}
	return err
}

// dial is a net.Dialer's method in the namespace.
func (p *place) dial(ctx context.Context, network, address string) (conn net.Conn, err error) {
	var d net.Dialer
	err = p.enter(func() error {
		conn, err = d.DialContext(ctx, network, address)
		return err
	})
	return conn, err
}

// listen is net.Listen in the namespace.
func (p *place) listen(address string) (l net.Listener, err error) {
	err = p.enter(func() error {
		l, err = net.Listen("tcp", address)
		return err
	})
	return l, err
}
