package lifecycle

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"zmicroservices/taskservice/bus"
	"zmicroservices/taskservice/message"
)

// Bounds of a Conn's methods that take no context.
const (
	roomTime  = 5 * time.Second  // a PublishRaw waits for room in the bus's queue
	flushTime = 10 * time.Second // a Close waits for what is queued to be read
)

// Conn is a bus as programs written for Choria know a connection.
type Conn struct {
	bus        *bus.Bus
	subscribed atomic.Bool
	closing    sync.Once
	closed     chan struct{} // closed by Close
}

// NewConn makes a connection of a bus, which from then on is closed by it.
func NewConn(b *bus.Bus) *Conn { return &Conn{bus: b, closed: make(chan struct{})} }

// PublishRaw queues "topic @@@ data" for the bus. It waits for room up to 5 s.
func (c *Conn) PublishRaw(topic string, data []byte) error {
	ctx, cancel := context.WithTimeout(context.Background(), roomTime)
	defer cancel()
	return c.bus.Publish(ctx, message.Join(topic, data))
}

// Message is what arrived on a topic.
type Message struct {
	Topic string
	Data  []byte
}

// QueueSubscribe sends what arrives on a topic to output, in order, until ctx ends
// or the connection is closed; it never closes output. In the topic "*" is any one
// word, a last ">" all that follow. name is for the reader. A bus gives every
// message to every subscriber, so a group that would share them is an error, and
// so is a second subscription of one connection.
func (c *Conn) QueueSubscribe(ctx context.Context, name, topic, group string, output chan<- *Message) error {
	p, err := newPattern(topic)
	switch {
	case err != nil:
		return fmt.Errorf("subscribe %s: %w", name, err)
	case group != "":
		return fmt.Errorf("subscribe %s: a bus has no group %q, each subscriber gets every message", name, group)
	case !c.subscribed.CompareAndSwap(false, true):
		return fmt.Errorf("subscribe %s: %w", name, errSubscribed)
	}
	if err := c.bus.Subscribe(ctx, p.prefix()); err != nil {
		c.subscribed.Store(false)
		return fmt.Errorf("subscribe %s: %w", name, err)
	}
	go c.pass(ctx, p, output) // ends with ctx, or with Close
	return nil
}

var errSubscribed = errors.New("the connection has its subscription; take another one")

func (c *Conn) pass(ctx context.Context, p pattern, output chan<- *Message) {
	for {
		frame, err := c.bus.Receive(ctx)
		if err != nil { // ctx has ended, or the bus is closed
			return
		}
		topic, data, err := message.Split(frame)
		if err != nil || !p.matches(topic) {
			continue
		}
		select {
		case output <- &Message{topic, data}:
		case <-ctx.Done():
			return
		case <-c.closed:
			return
		}
	}
}

// Close flushes what was published, for up to 10 s, and closes the bus.
func (c *Conn) Close() error {
	c.closing.Do(func() { close(c.closed) })
	ctx, cancel := context.WithTimeout(context.Background(), flushTime)
	defer cancel()
	return c.bus.Close(ctx)
}
