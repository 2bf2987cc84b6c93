package provider

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// state is the state directory, held against a second provider by a lock that
// ends with the process that holds it.
type state struct {
	lock  *os.File
	epoch uint64 // grows with every provider that held the directory: a keeper heeds the highest
}

// place is the runtime directory, held by a lock as well: two providers of one context
// with a state directory each would reach for one keeper and one control socket.
type place struct{ lock *os.File }

// takePlace makes the runtime directory and takes it. address is what the other one
// has bound, if there is another.
func takePlace(dir, address string) (*place, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make runtime directory: %w", err)
	}
	f, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("take runtime directory: %w", err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		f.Close()
		return nil, fmt.Errorf("take runtime directory: another provider runs this context and has bound %s: end it, or give this one other endpoints", address)
	}
	return &place{f}, nil
}

func (p *place) release() error { return p.lock.Close() }

// takeState makes the state directory and takes it. The lock file says who has
// it, and how many have had it.
func takeState(dir string) (*state, error) {
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return nil, fmt.Errorf("make state directory: %w", err)
	}
	f, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("take state directory: %w", err)
	}
	s := &state{lock: f}
	pid := s.read()
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		f.Close()
		return nil, fmt.Errorf("take state directory: %s is held by another provider (pid %d): end it, or choose another --state_dir", dir, pid)
	}
	s.read() // once more: nobody else writes now
	s.epoch++
	if err := s.write(); err != nil {
		f.Close()
		return nil, fmt.Errorf("take state directory: %w", err)
	}
	return s, nil
}

// read gives the pid in the lock file and sets the epoch; zeros if it says
// nothing that can be understood.
func (s *state) read() (pid int) {
	text := make([]byte, 64)
	n, err := s.lock.ReadAt(text, 0)
	if err != nil && err != io.EOF {
		return 0
	}
	if _, err := fmt.Sscanf(strings.TrimSpace(string(text[:n])), "pid %d epoch %d", &pid, &s.epoch); err != nil {
		return 0
	}
	return pid
}

func (s *state) write() error {
	text := fmt.Sprintf("pid %d epoch %d\n", os.Getpid(), s.epoch)
	if err := s.lock.Truncate(0); err != nil {
		return err
	}
	if _, err := s.lock.WriteAt([]byte(text), 0); err != nil {
		return err
	}
	return s.lock.Sync()
}

func (s *state) release() error { return s.lock.Close() }
