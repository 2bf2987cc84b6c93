package postgres

import (
	"context"
	"math/rand/v2"
	"time"
)

// Run implements watchdog.Store. An end by ctx writes what waits, in one attempt, and
// leaves what comes after it to Close.
func (s *Store) Run(ctx context.Context) error {
	var h *hand
	select {
	case h = <-s.turn:
	case <-s.closing:
		return nil
	}
	defer func() { s.turn <- h }()
	for {
		s.settle(h)
		more, err := s.trim(h)
		if err != nil {
			s.failed(err)
		}
		if !more && err == nil && !s.waiting(h) {
			select {
			case <-s.wake:
			case <-s.closing:
				return nil // Close writes what waits
			case <-ctx.Done():
				return s.end(ctx, h)
			}
		}
		if !s.rest(ctx, linger) {
			return s.end(ctx, h)
		}
		s.fill(h)
		if !s.persist(ctx, h) {
			return s.end(ctx, h)
		}
	}
}

// end is that of Run: by ctx it writes what waits, by Close nothing.
func (s *Store) end(ctx context.Context, h *hand) error {
	if ctx.Err() == nil {
		return nil
	}
	err := s.drain(h) // what it leaves is tried once more by Close
	if err != nil {
		s.log.Warn("store ended before all was written", "waiting", s.Stats().Waiting, "err", s.said(err))
	}
	return nil
}

// drain writes what waits, as long as that succeeds at once.
func (s *Store) drain(h *hand) error {
	for {
		s.settle(h)
		s.fill(h)
		if len(h.groups) == 0 {
			return nil
		}
		if err := s.write(h); err != nil {
			return err
		}
	}
}

// fill takes the next group into an empty hand.
func (s *Store) fill(h *hand) {
	if len(h.groups) > 0 {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if g := s.queue.take(); g.size() > 0 {
		h.groups = []group{g}
	}
	h.below = s.queue.first
	s.inHand = h.size()
}

// waiting says whether there is anything to write.
func (s *Store) waiting(h *hand) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(h.groups) > 0 || len(s.queue.entries) > 0 || len(s.queue.rows) > 0
}

// settle tells those whose question is answered.
func (s *Store) settle(h *hand) {
	s.mu.Lock()
	below := h.below
	if len(h.groups) > 0 {
		below = 0 // of the hand nothing is sure
	}
	over := s.queue.answered(below)
	s.mu.Unlock()
	for _, a := range over {
		if a.lost {
			a.done(ErrLost)
		} else {
			a.done(nil)
		}
	}
}

// How long a database that does not take what it is given is left alone.
const (
	backoffMin = 50 * time.Millisecond
	backoffMax = 5 * time.Second
)

// persist writes the hand until it is written: true; or Run is to end.
func (s *Store) persist(ctx context.Context, h *hand) bool {
	for pause := backoffMin; len(h.groups) > 0; {
		err := s.write(h)
		if err == nil {
			pause = backoffMin
			continue
		}
		s.failed(err)
		if !s.rest(ctx, pause/2+rand.N(pause/2)) {
			return false
		}
		s.settle(h) // the ring may have run over
		pause = min(2*pause, backoffMax)
	}
	return true
}

// rest lets time pass; false when Run is to end.
func (s *Store) rest(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-s.closing:
	case <-ctx.Done():
	}
	return false
}

// failed keeps why, and says it once while it stays so.
func (s *Store) failed(err error) {
	why := s.said(err)
	s.mu.Lock()
	news := s.stats.Failing == ""
	s.stats.Failing = why
	s.mu.Unlock()
	if news {
		s.log.Warn("store cannot write; entries wait", "err", why)
	}
}

// worked forgets why.
func (s *Store) worked() {
	s.mu.Lock()
	news := s.stats.Failing != ""
	s.stats.Failing = ""
	s.mu.Unlock()
	if news {
		s.log.Info("store writes again", "waiting", s.Stats().Waiting)
	}
}
