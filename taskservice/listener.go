package taskservice

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"

	"zmicroservices/taskservice/bus"
)

// Listener is a task's own queue of frames, for one that must hear all: as large as the
// task says, and with several prefixes in one order. With what it publishes it is a bus
// to programs that are made for one.
type Listener struct {
	session *Session
	frames  chan []byte  // sent to by listen, closed by nobody
	bytes   atomic.Int64 // in frames
	missed  atomic.Uint64
}

// heaviest is how many bytes wait in a Listener at most, and one frame beside them.
const heaviest = 64 << 20

// Listen makes a Listener that keeps up to room frames, of 64 MiB in all, for a task that
// is busy. It hears nothing before Subscribe.
func (s *Session) Listen(room int) *Listener {
	return &Listener{session: s, frames: make(chan []byte, room)}
}

// Subscribe adds the frames that begin with prefix, and returns when it has taken effect.
// A frame that begins with two of its prefixes comes twice.
func (l *Listener) Subscribe(ctx context.Context, prefix string) error {
	l.session.ears.add(prefix, l.take)
	if err := l.session.bus.Subscribe(ctx, prefix); err != nil {
		return fmt.Errorf("subscribe to %s: %w", prefix, err)
	}
	return nil
}

// take queues a frame, if there is room. One goroutine calls it.
func (l *Listener) take(frame []byte) bool {
	if l.bytes.Load() < heaviest {
		l.bytes.Add(int64(len(frame))) // before Receive can take it off
		select {
		case l.frames <- frame:
			return true
		default:
			l.bytes.Add(-int64(len(frame)))
		}
	}
	l.missed.Add(1)
	return false
}

// Receive is the next frame, whole. It may be somebody else's as well and must not be
// written to. What has come already is given also when ctx has ended, as a bus does it:
// last words are waiting there.
func (l *Listener) Receive(ctx context.Context) ([]byte, error) {
	select {
	case frame := <-l.frames:
		return l.took(frame), nil
	default:
	}
	select {
	case frame := <-l.frames:
		return l.took(frame), nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (l *Listener) took(frame []byte) []byte {
	l.bytes.Add(-int64(len(frame)))
	return frame
}

// Publish is Session.PublishFrame, tried until ctx ends while the bus is away. The words
// of the service come between two tries.
func (l *Listener) Publish(ctx context.Context, frame []byte) error {
	for {
		err := l.session.PublishFrame(frame)
		if !errors.Is(err, bus.ErrFull) || ctx.Err() != nil {
			return err
		}
	}
}

// Missed is the number of frames that found no room.
func (l *Listener) Missed() uint64 { return l.missed.Load() }

// Connected says whether the bus is joined at this moment: while it is not, nothing can
// be heard.
func (l *Listener) Connected() bool { return l.session.bus.Connected() }
