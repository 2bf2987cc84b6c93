package provider

import (
	"context"
	"errors"
	"sync"
	"time"

	"zmicroservices/context/event"
	"zmicroservices/context/forwarder"
	"zmicroservices/context/will"
)

// wills are the last wills of the bus's publishers; nil: none is kept.
type wills struct {
	p       *Provider
	book    *will.Book
	stirred chan struct{} // capacity 1: somebody's owner is to be found; sent by tap, never closed

	mu      sync.Mutex // guards strange
	strange []forwarder.Peer
}

// ownerPause gathers those whose owner is to be found by a search through all task
// services: one search is for all of them.
const ownerPause = 250 * time.Millisecond

func newWills(p *Provider) (*wills, error) {
	w := &wills{p: p, stirred: make(chan struct{}, 1)}
	var err error
	w.book, err = will.New(will.Options{Standing: w.standing, Logger: p.opts.Logger})
	return w, err
}

// tap is the forwarder's for them: where they are laid down, and goodbyes.
func (w *wills) tap() forwarder.Tap {
	return forwarder.Tap{Topics: []string{will.Topic, w.p.opts.topics().End()}, Deliver: w.hear}
}

func (w *wills) hear(f forwarder.Peer, topic string, frame []byte) {
	if f.Conn == 0 { // it came by a front, which has no connection to break
		return
	}
	from := will.Author{Conn: f.Conn, Name: peer(f).Name}
	if topic == will.Topic {
		from.Owner = w.p.owners.claimed(f, 0)
		from.Admit = func(frame []byte) error { return w.admit(f, frame) }
		from.Publish = func(frame []byte) error { return w.publish(f, frame) }
	}
	w.book.Hear(from, topic, frame)
	if topic == will.Topic && from.Owner == (event.Ref{}) && f.Loopback && f.Inode > 0 {
		w.mu.Lock()
		w.strange = append(w.strange, f)
		w.mu.Unlock()
		select {
		case w.stirred <- struct{}{}:
		default:
		}
	}
}

// admit asks what the forwarder would ask of a message.
func (w *wills) admit(f forwarder.Peer, frame []byte) error {
	if topic := w.p.forwarder.GuardedTopic(frame); topic != "" {
		return w.p.handler.Admit(peer(f), topic, frame)
	}
	return nil
}

// publish says a will as its author would. What a key may say is asked once more, since
// it may have been withdrawn; that of a task service goes with its process, and so late.
func (w *wills) publish(f forwarder.Peer, frame []byte) error {
	if f.Key != "" && w.p.doors != nil && w.p.owners.knows(f.Conn) == (event.Ref{}) {
		if err := w.p.doors.vouch(&f); err != nil {
			return err
		}
	}
	err := w.p.forwarder.PublishAs(f, frame)
	if errors.Is(err, forwarder.ErrClosed) {
		return nil // the bus ends, and with it every connection: nobody hears it
	}
	return err
}

// standing implements will.Options.Standing.
func (w *wills) standing(ref event.Ref) will.Standing {
	v := w.p.View(ref.Transaction)
	if v == nil {
		return will.Died // another provider's, or long over: a stranger
	}
	t := v.Task(ref.Task)
	switch {
	case t == nil:
		return will.Died
	case t.Incarnation != ref.Incarnation:
		return will.Ended // what was to be said of it was said
	case t.Present && t.State == event.Stopping:
		return will.Ending
	case t.Present:
		return will.Lives
	case t.State == event.Failed:
		return will.Died
	}
	return will.Ended
}

// closed is told of a connection that is no more.
func (w *wills) closed(conn uint64) {
	if w != nil {
		w.book.Closed(conn)
	}
}

// settle finds the owners of connections with wills, until ctx ends.
func (w *wills) settle(ctx context.Context) error {
	pause := time.NewTimer(ownerPause)
	defer pause.Stop()
	for {
		select {
		case <-w.stirred:
		case <-ctx.Done():
			return nil
		}
		pause.Reset(ownerPause)
		select {
		case <-pause.C:
		case <-ctx.Done():
			return nil
		}
		w.mu.Lock()
		strange := w.strange
		w.strange = nil
		w.mu.Unlock()
		for conn, ref := range w.p.owners.of(strange, w.p.leaders) {
			w.book.Own(conn, ref)
		}
	}
}
