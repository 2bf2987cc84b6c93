package taskservice

import (
	"bytes"
	"fmt"
	"sync"
	"sync/atomic"

	"zmicroservices/taskservice/message"
)

// inbox is how many messages wait for a task that is busy. A context_info of a
// large context takes some 100 kB once decoded.
const inbox = 256

// Message is one message of a subscription.
type Message struct {
	Topic   string
	Payload []byte // the JSON behind the separator
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
func (s *Session) Missed() uint64 { return s.ears.missed.Load() }

func (s *Session) listenTo(prefix string, take func([]byte) bool) error {
	s.ears.add(prefix, take)
	return s.bus.Subscribe(s.life, prefix)
}

// ears are the subscriptions of a task.
type ears struct {
	missed atomic.Uint64

	mu   sync.Mutex // guards list; never held while publishing, or a bus that is away would deafen us
	list []ear      // only ever growing
}

type ear struct {
	prefix []byte
	take   func(frame []byte) bool // false: no room
}

func (e *ears) add(prefix string, take func([]byte) bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.list = append(e.list, ear{[]byte(prefix), take})
}

// deliver hands a frame to whoever listens to its topic.
func (e *ears) deliver(frame []byte) {
	e.mu.Lock()
	list := e.list
	e.mu.Unlock()
	for _, one := range list {
		if bytes.HasPrefix(frame, one.prefix) && !one.take(frame) {
			e.missed.Add(1)
		}
	}
}
