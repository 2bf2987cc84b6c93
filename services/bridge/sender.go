package bridge

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"zmicroservices/services/bridge/subject"
)

// ackTime is how long JetStream may take to say that it has an event.
const ackTime = 5 * time.Second

// sender brings events to JetStream, one after the other, each until it is there.
//
// One at a time, because order is what a lane is for: were two under way and the first
// not stored, by a leader that has just changed, the second would come before it. Lanes
// share senders, so that one that has to wait holds up a thirty-second of them at most.
type sender struct {
	number int
	spool  *spool
	tide   *tide
	js     jetstream.JetStream
	place  subject.Place
	amiss  func() // told that there is no stream for an event
	log    *slog.Logger
}

// run ends with ctx.
func (s *sender) run(ctx context.Context) {
	for {
		// Waited for first: what nobody has taken yet may still give way to newer events.
		_, done, err := s.tide.wait(ctx)
		if err != nil {
			return
		}
		done()
		e, l, err := s.spool.take(ctx, s.number)
		if err != nil {
			return
		}
		switch err := s.bring(ctx, l); {
		case err == nil:
			s.spool.sent(e)
		case ctx.Err() != nil:
			return // it stays in the file, and goes first when we are back
		default:
			s.log.Error("event is dropped: NATS does not take it", "subject", l.subject, "bytes", len(l.data), "err", err)
			s.spool.drop(e)
		}
	}
}

// bring returns when the event is stored, or never will be.
func (s *sender) bring(ctx context.Context, l *letter) error {
	var p pauses
	said := false
	for {
		link, cancel, err := s.tide.wait(ctx)
		if err != nil {
			return err
		}
		err = s.publish(link, l)
		broken := link.Err() != nil
		cancel()
		switch {
		case err == nil, ctx.Err() != nil, hopeless(err):
			return err
		case broken:
			continue // the next link may have it at once
		}
		if !said && !errors.Is(err, nats.ErrReconnectBufExceeded) { // that one is the link, which is about to say so itself
			said = true
			s.log.Warn("event is not stored: tried again until it is", "subject", l.subject, "err", err)
		}
		p.wait(ctx)
		if errors.Is(err, jetstream.ErrNoStreamResponse) {
			s.amiss() // somebody has removed it while the link was up
		}
	}
}

func (s *sender) publish(ctx context.Context, l *letter) error {
	ctx, cancel := context.WithTimeout(ctx, ackTime)
	defer cancel()
	m := nats.NewMsg(l.subject)
	m.Data = l.data
	m.Header.Set(HeaderID, l.id())
	m.Header.Set(HeaderTime, l.at.UTC().Format(time.RFC3339Nano))
	m.Header.Set(HeaderOrigin, s.place.Spell())
	m.Header.Set(HeaderLane, subject.Escape(l.lane))
	_, err := s.js.PublishMsg(ctx, m)
	return err
}

// hopeless are errors that another attempt will not be without.
func hopeless(err error) bool {
	return errors.Is(err, nats.ErrMaxPayload) || errors.Is(err, jetstream.ErrStreamMessageExceedsMaximum) || errors.Is(err, nats.ErrBadSubject)
}
