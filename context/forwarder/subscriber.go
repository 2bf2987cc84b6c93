package forwarder

import (
	"errors"
	"fmt"

	"zmicroservices/taskservice/zmtp"
)

// subscriber reads one peer of the back: subscriptions in. What goes to it is
// its connection's outbox's business.
type subscriber struct {
	conn *conn
	in   intake
	slot int // dense number among the subscribers of now, guarded by Forwarder.trieMu

	prefixes map[string]*member // guarded by Forwarder.trieMu
	part     bool               // within a message of several frames that is not for us
}

func newSubscriber(c *conn) *subscriber {
	s := &subscriber{conn: c, prefixes: map[string]*member{}}
	s.in.init(&c.f.depot, c.raw, &c.flow)
	s.in.sealed = newOpener(c, maxCommand)
	return s
}

// run reads until the connection ends.
func (s *subscriber) run() error {
	s.conn.f.enter(s)
	return s.read()
}

// read is run's life, of one that has entered.
func (s *subscriber) read() error {
	defer s.conn.f.leave(s)
	defer s.in.close()
	for {
		// What is not complete is never longer than maxCommand, so it always fits.
		if !s.in.fits(maxCommand + zmtp.MaxHeader) {
			s.in.shift()
		}
		if err := s.in.fill(); err != nil {
			return err
		}
		s.conn.heard.Store(s.conn.f.clock.Load())
		if err := s.scan(); err != nil {
			return err
		}
	}
}

func (s *subscriber) scan() error {
	in := &s.in
	for in.next < in.end {
		window := in.cur.buf[in.next:in.end]
		h, err := zmtp.ParseHeader(window)
		switch {
		case errors.Is(err, zmtp.ErrShort):
			return nil
		case err != nil:
			return fmt.Errorf("read frame: flags 0x%02x: %w", window[0], err)
		case h.Size > maxCommand:
			return fmt.Errorf("read frame: %d bytes, at most %d are read from a subscriber: %w", h.Size, maxCommand, errExceeded)
		case h.Total() > int64(len(window)):
			return nil
		}
		body := window[h.Len:h.Total()]
		in.next += int(h.Total())
		in.start = in.next
		if h.Command() {
			err = s.command(body)
		} else {
			err = s.message(body, h.More())
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (s *subscriber) command(body []byte) error {
	name, data, err := zmtp.ParseCommand(body)
	if err != nil {
		return err
	}
	switch string(name) {
	case zmtp.SubscribeCommand:
		return s.conn.f.subscribe(s, data)
	case zmtp.CancelCommand:
		s.conn.f.cancel(s, data)
		return nil
	}
	return s.conn.handle(name, data)
}

// message takes a subscription of the old style. An XSUB may send messages of its
// own too, for an XPUB's application to read: there is none here.
func (s *subscriber) message(body []byte, more bool) error {
	first := !s.part
	s.part = more
	if !first || more {
		return nil
	}
	prefix, on, ok := zmtp.ParseSubscription(body)
	switch {
	case !ok:
		return nil
	case on:
		return s.conn.f.subscribe(s, prefix)
	}
	s.conn.f.cancel(s, prefix)
	return nil
}
