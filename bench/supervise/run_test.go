package supervise

import (
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// patience is how long a peer may take for anything.
const patience = 2 * time.Minute

// stamp is what a service wrote at its first instruction.
type stamp struct {
	pid int
	at  time.Duration // CLOCK_MONOTONIC
}

// run is a supervisor with its services.
type run struct {
	b     *testing.B
	cmd   *exec.Cmd
	file  *os.File // of stamps
	live  []stamp  // newest of each service in order of their starts, until kill
	began time.Duration
	ended chan time.Duration // its end, once; capacity 1
}

// begin runs a supervisor with n services, and returns when all have stamped.
func begin(b *testing.B, s supervisor, service string, n int) *run {
	b.Helper()
	// Short: socket paths.
	dir, err := os.MkdirTemp("", "zms-sup-")
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = os.RemoveAll(dir) })
	file, err := os.OpenFile(filepath.Join(dir, "stamps"), os.O_CREATE|os.O_RDONLY, 0o666)
	if err != nil {
		b.Fatal(err)
	}
	r := &run{b: b, file: file, ended: make(chan time.Duration, 1)}
	r.cmd = s.command(b, dir, service, n)
	if r.cmd.Env == nil {
		r.cmd.Env = os.Environ()
	}
	r.cmd.Env = append(r.cmd.Env, "STAMP="+file.Name())
	r.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM}
	r.began = now()
	if err := r.cmd.Start(); err != nil {
		b.Fatal(err)
	}
	go func() { // ends with the supervisor
		_ = r.cmd.Wait() // some end with a code of their own
		r.ended <- now()
	}()
	r.live = r.stamps(n)
	return r
}

// stamps reads the next n stamps.
func (r *run) stamps(n int) []stamp {
	r.b.Helper()
	records := make([]byte, 16*n)
	look := time.NewTicker(time.Millisecond)
	defer look.Stop()
	deadline := time.After(patience)
	for have := 0; have < len(records); {
		more, err := r.file.Read(records[have:])
		have += more
		if err != nil && err != io.EOF {
			r.b.Fatal(err)
		}
		if more > 0 {
			continue
		}
		select {
		case <-look.C:
		case <-deadline:
			r.b.Fatalf("%v: %d of %d services have started within %v", r.cmd.Args, have/16, n, patience)
		}
	}
	list := make([]stamp, n)
	for i := range list {
		record := records[16*i:]
		list[i] = stamp{int(binary.NativeEndian.Uint64(record)), time.Duration(binary.NativeEndian.Uint64(record[8:]))}
	}
	return list
}

// last is the latest of stamps, from a time on.
func last(stamps []stamp, from time.Duration) time.Duration {
	at := from
	for _, s := range stamps {
		at = max(at, s.at)
	}
	return at - from
}

// kill ends n services at once and gives the time until the last replacement.
func (r *run) kill(n int) time.Duration {
	r.b.Helper()
	at := now()
	for _, s := range r.live[:n] {
		if err := syscall.Kill(s.pid, syscall.SIGKILL); err != nil {
			r.b.Fatal(err)
		}
	}
	fresh := r.stamps(n)
	r.live = append(r.live[n:], fresh...)
	return last(fresh, at)
}

// stop asks the supervisor to end, and gives the time until the last service is
// gone and until the supervisor itself is.
func (r *run) stop(s supervisor) (services, self time.Duration) {
	r.b.Helper()
	defer r.file.Close()
	watched := make([]unix.PollFd, 0, len(r.live))
	for _, s := range r.live {
		fd, err := unix.PidfdOpen(s.pid, 0)
		if err != nil {
			r.b.Fatal(err)
		}
		defer unix.Close(fd)
		watched = append(watched, unix.PollFd{Fd: int32(fd), Events: unix.POLLIN})
	}
	at := now()
	if err := r.cmd.Process.Signal(s.stop); err != nil {
		r.b.Fatal(err)
	}
	for len(watched) > 0 {
		if n, err := unix.Poll(watched[:1], int(patience.Milliseconds())); n == 0 && err == nil {
			r.b.Fatalf("%v: %d services live on", r.cmd.Args, len(watched))
		}
		if watched[0].Revents != 0 {
			watched = watched[1:]
		}
	}
	services = now() - at
	select {
	case end := <-r.ended:
		self = end - at
	case <-time.After(patience):
		r.b.Fatalf("%v has not ended", r.cmd.Args)
	}
	return services, self
}

func now() time.Duration {
	var t unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &t); err != nil {
		panic(fmt.Sprintf("clock: %v", err)) // it cannot fail, clock_gettime(2)
	}
	return time.Duration(t.Nano())
}
