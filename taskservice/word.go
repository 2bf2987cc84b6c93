package taskservice

import (
	"context"
	"fmt"
	"maps"

	"zmicroservices/taskservice/message"
)

// word is one control message of the service or its task.
type word struct {
	action, result string
	items          map[string]any
	request        string // the request_id of the command that caused it, if one did
	last           bool   // nothing may be said after it
}

// say publishes a word, unless the last one is said.
func (s *Session) say(ctx context.Context, w word) error {
	frame, err := s.frame(w)
	if err != nil {
		return fmt.Errorf("notify %s: %w", w.action, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended {
		return fmt.Errorf("notify %s: %w", w.action, ErrEnded)
	}
	s.ended = w.last
	if w.action != "updated" { // an event, not a state: it is not to be said twice
		s.state, s.last = w.action, frame
		s.shown.Store(&w.action)
	}
	if err := s.bus.Publish(ctx, frame); err != nil {
		return fmt.Errorf("notify %s: %w", w.action, err)
	}
	return nil
}

// ending is a last word as the reason of a goodbye: "stopped", "failed: out of paper".
func (w word) ending() string {
	if reason, ok := w.items["reason"].(string); ok {
		return w.action + ": " + reason
	}
	return w.action
}

// end makes the task silent.
func (s *Session) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ended = true
}

// failed says whether the task has said so itself.
func (s *Session) failed() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.state == "failed"
}

// now is the last state said, "" before the first. It does not wait for who is just
// saying one.
func (s *Session) now() string {
	if state := s.shown.Load(); state != nil {
		return *state
	}
	return ""
}

// repeat says the last state again, for those who missed it or have forgotten.
func (s *Session) repeat(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.last == nil {
		return nil
	}
	return s.bus.Publish(ctx, s.last)
}

func (s *Session) frame(w word) ([]byte, error) {
	status := make(map[string]any, len(w.items)+2)
	maps.Copy(status, w.items)
	status["device_action"] = s.config.DeviceAction
	status["result"] = w.result
	return message.Control{
		Header: message.Header{
			Action:      w.action,
			ServiceID:   s.config.TaskID,
			ServiceName: s.config.ServiceName,
			Transaction: s.config.Transaction,
			RequestID:   w.request,
		},
		Status: status,
	}.Frame()
}
