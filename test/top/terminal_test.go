package top

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"zmicroservices/test/harness"
)

const (
	columns = 80
	lines   = 24
)

// terminal is a pseudo-terminal with a program in it, and what is seen.
type terminal struct {
	t      *testing.T
	master *os.File
	cmd    *exec.Cmd
	ended  chan error // what the program came to; capacity 1, sent once

	mu     sync.Mutex // guards display
	screen *display
}

// open runs a program in a terminal of its own.
func open(t *testing.T, program string, args ...string) *terminal {
	t.Helper()
	// pty(7): the master, unlocked, tells the number of its slave.
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	control := func(do func(fd int) error) {
		t.Helper()
		raw, err := master.SyscallConn()
		if err != nil {
			t.Fatal(err)
		}
		var inner error
		if err := raw.Control(func(fd uintptr) { inner = do(int(fd)) }); err != nil || inner != nil {
			t.Fatal(err, inner)
		}
	}
	var number int
	control(func(fd int) error { return unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0) })
	control(func(fd int) (err error) { number, err = unix.IoctlGetInt(fd, unix.TIOCGPTN); return err })
	control(func(fd int) error {
		return unix.IoctlSetWinsize(fd, unix.TIOCSWINSZ, &unix.Winsize{Row: lines, Col: columns})
	})
	slave, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer slave.Close()
	s := &terminal{t: t, master: master, ended: make(chan error, 1), screen: newDisplay()}
	s.cmd = exec.Command(program, args...)
	s.cmd.Stdin, s.cmd.Stdout, s.cmd.Stderr = slave, slave, slave
	s.cmd.Env = append(os.Environ(), "TERM=vt100", "LC_ALL=C.UTF-8", "NO_COLOR=", "COLORTERM=", "TZ=UTC")
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true, Pdeathsig: syscall.SIGKILL}
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var reading sync.WaitGroup
	reading.Go(s.read)                      // ends when nobody has the slave open any more
	go func() { s.ended <- s.cmd.Wait() }() // ends with the program
	t.Cleanup(func() {
		_ = s.cmd.Process.Kill()
		reading.Wait()
		_ = master.Close()
	})
	return s
}

func (s *terminal) read() {
	buf := make([]byte, 4096)
	for {
		n, err := s.master.Read(buf)
		s.mu.Lock()
		s.screen.write(buf[:n])
		s.mu.Unlock()
		if err != nil {
			return
		}
	}
}

// press types.
func (s *terminal) press(keys string) {
	s.t.Helper()
	if _, err := s.master.WriteString(keys); err != nil {
		s.t.Fatal(err)
	}
}

func (s *terminal) seen() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.screen.String()
}

// await waits until something is seen, and gives the screen.
func (s *terminal) await(what string, is func(screen string) bool) string {
	s.t.Helper()
	deadline := time.Now().Add(harness.Patience)
	for {
		screen := s.seen()
		if is(screen) {
			return screen
		}
		if time.Now().After(deadline) {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.t.Fatalf("%s is not seen in\n%sunknown to this display were %q", what, screen, s.screen.unknown)
		}
		select {
		case err := <-s.ended:
			s.t.Fatalf("the program has ended with %v; it showed\n%s", err, s.seen())
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// has is await for some words, all at once.
func (s *terminal) has(words ...string) string {
	s.t.Helper()
	return s.await(strings.Join(words, ", "), func(screen string) bool {
		for _, w := range words {
			if !strings.Contains(screen, w) {
				return false
			}
		}
		return true
	})
}
