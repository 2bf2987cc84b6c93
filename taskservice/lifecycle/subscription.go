package lifecycle

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"

	"zmicroservices/taskservice/message"
)

// Receiver is a connection to listen on; a *bus.Bus with a Frontend is one.
type Receiver interface {
	// Subscribe adds a prefix of topics, and returns when it has taken effect.
	Subscribe(ctx context.Context, prefix string) error
	// Receive is the next frame, which belongs to the caller.
	Receive(ctx context.Context) ([]byte, error)
}

// Filter says which events are wanted. Its zero value lets all through.
type Filter struct {
	Type      Type   // 0: every type
	Component string // exactly; "": every component
}

// Prefix is what the topics of wanted events begin with. Others may, too: who
// wants server is sent server2.
func (f Filter) Prefix() string {
	if f.Type == 0 {
		return Prefix
	}
	return Prefix + f.Type.String() + "." + f.Component
}

// Passes says whether an event is wanted, by what it says of itself.
func (f Filter) Passes(e *Event) bool {
	return (f.Type == 0 || e.kind == f.Type) && (f.Component == "" || e.component == f.Component)
}

// Received is an event as it came.
type Received struct {
	*Event
	Topic string
	Data  []byte // the JSON, as it was sent
}

// Subscription receives events. One goroutine may call Next, others Rejected.
type Subscription struct {
	from     Receiver
	filter   Filter
	rejected atomic.Uint64
}

// Subscribe asks for events and returns when none is missed any more. From then on
// what arrives at from belongs to the subscription; messages of other topics that
// it was subscribed to before are passed over.
func Subscribe(ctx context.Context, from Receiver, f Filter) (*Subscription, error) {
	if f.Type != 0 && !f.Type.known() {
		return nil, fmt.Errorf("subscribe to events: unknown event type %d", int(f.Type))
	}
	if err := from.Subscribe(ctx, f.Prefix()); err != nil {
		return nil, fmt.Errorf("subscribe to events: %w", err)
	}
	return &Subscription{from: from, filter: f}, nil
}

// Next waits for the next event that the filter lets through. What is no event, on
// a topic of events, is passed over and counted. The error is that of Receive.
func (s *Subscription) Next(ctx context.Context) (Received, error) {
	for {
		frame, err := s.from.Receive(ctx)
		if err != nil {
			return Received{}, err
		}
		topic, data, err := message.Split(frame)
		if err != nil || !strings.HasPrefix(topic, Prefix) {
			continue
		}
		e, err := NewFromJSON(data)
		if err != nil {
			s.rejected.Add(1)
			continue
		}
		if s.filter.Passes(e) {
			return Received{e, topic, data}, nil
		}
	}
}

// Rejected is how many messages were no events that could be read.
func (s *Subscription) Rejected() uint64 { return s.rejected.Load() }
