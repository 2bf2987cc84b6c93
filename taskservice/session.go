package taskservice

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"sync"
	"sync/atomic"
	"time"

	"zmicroservices/taskservice/message"
)

// ErrEnded is returned to a task that speaks after its last word.
var ErrEnded = errors.New("task service has ended")

const (
	// inbox is how many messages wait for a task that is busy.
	inbox = 1024
	// sayTime is how long a notice waits for room while the bus is away.
	sayTime = time.Second
)

// Message is one message of a subscription.
type Message struct {
	Topic   string
	Payload []byte // the JSON behind the separator
}

// Session is a task's connection to the world. All methods may be called at
// the same time.
type Session struct {
	// Log writes to standard error, which the provider keeps.
	Log *slog.Logger

	config Config
	bus    line
	life   context.Context // ends with the service
	missed atomic.Uint64

	mu        sync.Mutex     // guards the rest, held while publishing: that is what orders words
	ended     bool           // the last word is said
	state     string         // the last state said
	last      []byte         // its frame, to be said again
	listeners []subscription // only ever growing
}

// subscription is one prefix that the task listens to.
type subscription struct {
	prefix  []byte
	deliver func(frame []byte) bool // false: no room
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

// Subscribe returns the messages whose topic begins with prefix, from now on.
// The channel is never closed; a task that does not read for long misses
// messages, and Missed counts them.
func (s *Session) Subscribe(prefix string) (<-chan Message, error) {
	c := make(chan Message, inbox) // sent to by listen
	err := s.listenTo(prefix, func(frame []byte) bool {
		topic, payload, err := message.Split(frame)
		if err != nil {
			return true
		}
		select {
		case c <- Message{topic, payload}:
			return true
		default:
			return false
		}
	})
	if err != nil {
		return nil, fmt.Errorf("subscribe to %s: %w", prefix, err)
	}
	return c, nil
}

// Controls returns the `control` messages of all services and of the provider,
// the task's own ones among them, as Subscribe does.
func (s *Session) Controls() <-chan message.Control {
	c := make(chan message.Control, inbox) // sent to by listen
	err := s.listenTo(message.TopicControl, func(frame []byte) bool {
		topic, payload, err := message.Split(frame)
		if err != nil || topic != message.TopicControl {
			return true
		}
		control, err := message.ParseControl(payload)
		if err != nil {
			s.Log.Debug("message was not understood", "err", err)
			return true
		}
		select {
		case c <- control:
			return true
		default:
			return false
		}
	})
	if err != nil {
		s.Log.Warn("subscription failed", "topic", message.TopicControl, "err", err)
	}
	return c
}

// Missed is the number of messages that came for the task and found no room.
func (s *Session) Missed() uint64 { return s.missed.Load() }

func (s *Session) listenTo(prefix string, deliver func([]byte) bool) error {
	s.mu.Lock()
	s.listeners = append(s.listeners, subscription{[]byte(prefix), deliver})
	s.mu.Unlock()
	return s.bus.Subscribe(s.life, prefix)
}

// deliver hands a frame to whoever listens to its topic.
func (s *Session) deliver(frame []byte) {
	s.mu.Lock()
	listeners := s.listeners
	s.mu.Unlock()
	for _, l := range listeners {
		if bytes.HasPrefix(frame, l.prefix) && !l.deliver(frame) {
			s.missed.Add(1)
		}
	}
}

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
	}
	if err := s.bus.Publish(ctx, frame); err != nil {
		return fmt.Errorf("notify %s: %w", w.action, err)
	}
	return nil
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
