package bus

import (
	"context"
	"slices"
	"sync"

	"github.com/go-zeromq/zmq4"

	"zmicroservices/taskservice/zmtp"
)

// subscriber keeps one connection to the endpoint, its subscriptions on it,
// and queues what comes in.
type subscriber struct {
	side
	queue *queue

	joining sync.Mutex // held over a barrier: a link has one at a time

	mu     sync.Mutex // guards the rest; never held while waiting for the peer
	topics []string
	link   *link // nil while there is none
}

// run dials for ever, until ctx ends.
func (s *subscriber) run(ctx context.Context) {
	pauses := newBackoff()
	for {
		err := s.session(ctx, pauses)
		if ctx.Err() != nil {
			return
		}
		s.report(err)
		if pauses.wait(ctx) != nil {
			return
		}
	}
}

// session is one connection, from dial to loss.
func (s *subscriber) session(ctx context.Context, pauses *backoff) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	l, err := dial(ctx, end{s.to, zmq4.Sub, []zmtp.SocketType{zmtp.PUB, zmtp.XPUB}, MaxMessage, s.security}, func(frame []byte) {
		// Waits while nobody receives: then the forwarder queues for us, and
		// it is the one place where drops are counted.
		_ = s.queue.put(ctx, frame)
	})
	if err != nil {
		return err
	}
	defer func() { cancel(); l.hangUp() }()
	defer context.AfterFunc(ctx, func() { l.Close() })()

	s.mu.Lock()
	s.link = l
	topics := slices.Clone(s.topics)
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		s.link = nil
		s.mu.Unlock()
	}()
	for _, topic := range topics {
		if err := l.subscribe(topic); err != nil {
			return err
		}
	}
	if err := s.join(ctx, l); err != nil {
		return err
	}
	go l.watch(ctx) // ends with this session
	pauses.reset()
	s.joined()
	select {
	case <-l.lost:
		err = l.err
	case <-ctx.Done():
		err = ctx.Err()
	}
	s.left(ctx.Err() == nil, err)
	return err
}

func (s *subscriber) join(ctx context.Context, l *link) error {
	s.joining.Lock()
	defer s.joining.Unlock()
	return l.barrier(ctx)
}

// add subscribes to one more topic, now and on every connection to come.
func (s *subscriber) add(ctx context.Context, topic string) error {
	s.joining.Lock()
	defer s.joining.Unlock()
	s.mu.Lock()
	known := slices.Contains(s.topics, topic)
	if !known {
		s.topics = append(slices.Clone(s.topics), topic)
	}
	l := s.link
	s.mu.Unlock()
	if known || l == nil {
		return nil
	}
	if l.subscribe(topic) != nil {
		return nil // lost; the next connection begins with all topics
	}
	if err := l.barrier(ctx); err != nil && ctx.Err() != nil {
		return ctx.Err()
	}
	return nil
}

// remove ends a subscription, now and on every connection to come.
func (s *subscriber) remove(topic string) {
	s.joining.Lock() // or it would overtake a subscription to the same topic
	defer s.joining.Unlock()
	s.mu.Lock()
	i := slices.Index(s.topics, topic)
	if i < 0 {
		s.mu.Unlock()
		return
	}
	s.topics = slices.Delete(slices.Clone(s.topics), i, i+1)
	l := s.link
	s.mu.Unlock()
	if l != nil {
		_ = l.unsubscribe(topic) // lost: the next connection begins without it
	}
}
