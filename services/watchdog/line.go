package watchdog

import (
	"bytes"
	"context"
	"fmt"
	"time"
)

// receive hands over what comes, until ctx ends or the bus does. It waits while the loop
// is behind: then the bus queues, and counts what it has no room for.
func (w *Watchdog) receive(ctx context.Context) {
	for {
		frame, err := w.opts.Bus.Receive(ctx)
		if err != nil {
			if ctx.Err() == nil {
				w.broken <- fmt.Errorf("receive: %w", err)
			}
			return
		}
		a := arrival{at: time.Now(), frame: frame}
		if len(frame) > frameRoom {
			a.frame, a.cut = bytes.Clone(frame[:frameRoom]), len(frame)-frameRoom
		}
		select {
		case w.inbox <- a:
		case <-ctx.Done():
			return
		}
	}
}

// publish publishes what is queued, until ctx ends. A bus that is away holds it up and
// not the loop.
func (w *Watchdog) publish(ctx context.Context) {
	for {
		select {
		case frame := <-w.outbox:
			w.queued.Add(-int64(len(frame)))
			if err := w.opts.Bus.Publish(ctx, frame); err != nil && ctx.Err() == nil {
				w.opts.Logger.Warn("message was not published", "err", err)
			}
		case <-ctx.Done():
			return
		}
	}
}

// queue hands a frame to publish. One that finds no room is lost, as one that the bus
// loses: agents ask again, notices are in the database.
func (w *Watchdog) queue(frame []byte) {
	w.queued.Add(int64(len(frame))) // before the publisher can take it off
	select {
	case w.outbox <- frame:
	default:
		w.queued.Add(-int64(len(frame)))
		w.opts.Logger.Error("message was not published: too many wait for the bus", "waiting", outboxRoom)
	}
}

// store runs the store until it is closed.
func (w *Watchdog) store(ctx context.Context) {
	// Without ctx: what is appended last, after ctx has ended, is to be written too.
	if err := w.opts.Store.Run(context.WithoutCancel(ctx)); err != nil && ctx.Err() == nil {
		w.broken <- fmt.Errorf("run store: %w", err)
	}
}
