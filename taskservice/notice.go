package taskservice

import (
	"fmt"
	"net"
	"strings"
)

// Ready tells the provider that the task is ready to be used: what a
// <probe notify="true"> waits for. Whoever depends on it may start then. Without such a
// probe it does nothing.
func (s *Session) Ready() error { return s.config.tell("READY=1") }

// Alive tells that the task has not hung. With a <probe kind="liveness"
// notify="true"> it is to come twice within the probe's `every`; without, it does nothing.
func (s *Session) Alive() error { return s.config.tell("WATCHDOG=1") }

// Status tells in a line what the task is doing, for whoever asks for its state.
// Without a probe by notice it does nothing.
func (s *Session) Status(line string) error {
	return s.config.tell("STATUS=" + strings.ReplaceAll(line, "\n", " "))
}

// tell sends a notice (sd_notify(3)). It never waits: a provider that is away is
// told by its keeper.
func (c Config) tell(text string) error {
	if c.NotifySocket == "" {
		return nil
	}
	conn, err := net.Dial("unixgram", c.NotifySocket) // "@" begins an abstract name there, too
	if err != nil {
		return fmt.Errorf("tell %s: %w", text, err)
	}
	defer conn.Close()
	if _, err := conn.Write([]byte(text)); err != nil {
		return fmt.Errorf("tell %s: %w", text, err)
	}
	return nil
}
