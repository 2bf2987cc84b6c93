package agent

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"zmicroservices/taskservice/hippodamia"
)

// Bus is what Run needs of a bus; a *bus.Bus with both endpoints is one.
type Bus interface {
	Line
	Receive(ctx context.Context) ([]byte, error)
	Rejoined() <-chan struct{}
}

// Run is an agent that stands alone: for a process that knows nothing of a bus. It
// lays down a will. It returns nil after ctx has
// ended and goodbye is said, and an ErrGone when the process has ended, which is the
// reason of the goodbye. Who closes the bus then waits until that has left.
func Run(ctx context.Context, b Bus, p *Process, o Options, log *slog.Logger, entered func(State)) error {
	asked := ctx
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	end, err := p.watch()
	if err != nil {
		return err
	}
	defer end.Close()
	o.PID, o.Will = p.pid, true
	if o.Info == nil {
		o.Info = p.info
	}
	crew := NewCrew(b, o.Topics, log)
	m := crew.Add(New(o), entered)
	ran := make(chan struct{})                          // closed as the crew's goroutine ends
	go func() { defer close(ran); _ = crew.Run(ctx) }() // ends with ctx
	go func() {                                         // ends with ctx, or with the bus
		for {
			frame, err := b.Receive(ctx)
			if err != nil {
				cancel(err)
				return
			}
			crew.Hear(frame)
		}
	}()
	go func() { // ends with end, which is closed last, or with the process
		if readable(end) == nil {
			cancel(fmt.Errorf("agent of process %d: %w", p.pid, ErrGone))
		}
	}()
	for {
		select {
		case <-b.Rejoined():
			crew.Rejoined()
			continue
		case <-ctx.Done():
		}
		break
	}
	<-ran
	cause := context.Cause(ctx)
	if errors.Is(cause, ErrGone) {
		m.End(fmt.Sprintf("process %d is gone", p.pid))
		return cause
	}
	m.End("agent stopped")
	if asked.Err() != nil {
		return nil
	}
	return fmt.Errorf("run agent: %w", cause)
}

// info is Read for Options.Info.
func (p *Process) info(now time.Time) hippodamia.RuntimeInfo {
	info, err := p.Read(now)
	if err != nil { // its end is told elsewhere
		return hippodamia.RuntimeInfo{PID: p.pid}
	}
	return info
}

// watch opens a file that is readable once the process has ended (pidfd_open(2)).
func (p *Process) watch() (*os.File, error) {
	fd, err := unix.PidfdOpen(p.pid, unix.PIDFD_NONBLOCK)
	if errors.Is(err, unix.ESRCH) {
		err = ErrGone
	}
	if err != nil {
		return nil, fmt.Errorf("watch process %d: %w", p.pid, err)
	}
	f := os.NewFile(uintptr(fd), "process")
	// Between NewProcess and here it may have ended, and its number may be another's.
	if s, err := p.stat(); err != nil || s.started != p.started {
		f.Close()
		return nil, fmt.Errorf("watch process %d: %w", p.pid, ErrGone)
	}
	return f, nil
}

// readable waits until f is; an error says that it was closed before.
func readable(f *os.File) error {
	raw, err := f.SyscallConn()
	if err != nil {
		return err
	}
	return raw.Read(func(fd uintptr) bool {
		n, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, 0)
		return err == nil && n > 0
	})
}

// Host is the name of this machine, as identities have it.
func Host() string {
	name, err := os.Hostname()
	if err != nil || strings.TrimSpace(name) == "" {
		return "localhost"
	}
	return name
}
