package taskservice

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"zmicroservices/taskservice/message"
)

// ErrEnded is returned to a task that speaks after its last word.
var ErrEnded = errors.New("task service has ended")

// sayTime is how long a notice waits for room while the bus is away.
const sayTime = time.Second

// Session is a task's connection to the world. All methods may be called at
// the same time.
type Session struct {
	// Log writes to standard error, which the provider keeps.
	Log *slog.Logger

	config Config
	bus    line
	life   context.Context // ends with the service
	ears   ears

	shown atomic.Pointer[string] // state, for those who must not wait

	mu    sync.Mutex // guards the rest, held while publishing: that is what orders words
	ended bool       // the last word is said
	state string     // the last state said
	last  []byte     // its frame, to be said again
}

// Config is what the service was started with.
func (s *Session) Config() Config { return s.config }

// Notify publishes a `control` message. action is updated (progress, a
// result), failed, exited, or a word of the task's own; result is success or
// failure. The items go beside device_action and result, which are ours.
//
// The words created, started and stopped are the service's, not the task's.
func (s *Session) Notify(action, result string, items map[string]any) error {
	switch action {
	case "created", "started", "stopped":
		return fmt.Errorf("notify %s: the service says that by itself", action)
	case "":
		return errors.New("notify: no action")
	}
	ctx, cancel := context.WithTimeout(s.life, sayTime)
	defer cancel()
	return s.say(ctx, word{action: action, result: result, items: items})
}

// Updated is Notify("updated", "success", items).
func (s *Session) Updated(items map[string]any) error {
	return s.Notify("updated", "success", items)
}

// Failed is Notify("failed", "failure", …) with a reason. The provider then
// does what the file says for a failure; until it does, the task goes on. A
// task that cannot go on returns an error instead.
func (s *Session) Failed(reason string) error {
	return s.Notify("failed", "failure", map[string]any{"reason": reason})
}

// Publish publishes v as JSON on a topic of the task's own.
func (s *Session) Publish(topic string, v any) error {
	frame, err := message.Frame(topic, v)
	if err != nil {
		return fmt.Errorf("publish %s: %w", topic, err)
	}
	return s.PublishFrame(frame)
}

// PublishFrame publishes a frame as it is, for formats of other systems.
func (s *Session) PublishFrame(frame []byte) error {
	ctx, cancel := context.WithTimeout(s.life, sayTime)
	defer cancel()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended {
		return ErrEnded
	}
	return s.bus.Publish(ctx, frame)
}
