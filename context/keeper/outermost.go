package keeper

import (
	"context"
	"fmt"
	"os"
	"strconv"
)

// outermost makes a keeper that stands first (--init: PID 1 of a container, main
// process of a unit): the socket is its own, the provider its ward.
func (s *server) outermost() error {
	if self, err := os.Readlink("/proc/self"); err != nil || self != strconv.Itoa(s.pid) {
		return fmt.Errorf("/proc is not of this pid namespace (it takes pid %d for %s): mount it first", s.pid, self)
	}
	if err := os.MkdirAll(s.opts.runtimeDir, 0o700); err != nil {
		return err
	}
	fd, err := listenUnix(context.Background(), s.opts.runtimeDir)
	if err != nil {
		return fmt.Errorf("listen in %s: %w", s.opts.runtimeDir, err)
	}
	if err := s.door.open(s, fd); err != nil {
		return err
	}
	s.manager = newManager()
	s.watchdog()
	s.ward = &ward{argv: s.opts.argv, pidfd: -1}
	return s.ward.start(s)
}

// allStopped is the end: nothing is left but the provider of an outermost keeper,
// which is told so and waited for. Its exit code is ours.
func (s *server) allStopped() {
	s.swept = true
	if s.ward == nil {
		s.finished = true
		return
	}
	if c := s.conn; c != nil {
		c.flushAll(s) // the last events first
		c.send(&message{Kind: kindEnded})
		c.flushAll(s)
		s.conn = nil
		s.drop(c, "everything is stopped")
	}
	s.finished = s.ward.end(s)
}

// code is the exit code of the keeper.
func (s *server) code() int {
	if s.ward == nil {
		return 0
	}
	return s.ward.code
}
