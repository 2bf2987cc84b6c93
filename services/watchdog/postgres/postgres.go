package postgres

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"zmicroservices/services/watchdog"
)

// Store is a watchdog.Store.
type Store struct {
	pool     *pgxpool.Pool
	password string // masked in what is said
	log      *slog.Logger
	writer   uuid.UUID // of this store's commits

	life context.Context // ends when Close does: no question to the server outlives it
	kill context.CancelFunc

	// wake tells the writer that something waits. Sent without blocking by whoever
	// queues, never closed; one word is enough, hence 1.
	wake chan struct{}
	// closing is closed by the first Close: nothing is taken any more.
	closing chan struct{}
	// turn holds what only the writer touches. Whoever took it out writes, and puts it
	// back: Run while it runs, Close at the end.
	turn chan *hand

	mu     sync.Mutex // guards what follows; held for lines, never across a call out
	queue  queue
	retain *cut // the wish under way; nil: none
	inHand int  // writes that the writer holds
	closed bool
	stats  watchdog.StoreStats // but Waiting
}

var _ watchdog.Store = (*Store)(nil)

// hand is what the writer has taken out of the queue.
type hand struct {
	groups []group // not written yet
	below  uint64  // when they are, all entries below are durable
	number int64   // of the commit that groups[0] is; tried again it is the same
}

// Open connects and brings the database to the version of the schema. ctx bounds that
// alone. The address is libpq's URL.
func Open(ctx context.Context, address string, logger *slog.Logger) (*Store, error) {
	config, err := parse(address)
	if err != nil {
		return nil, fmt.Errorf("open store: %w", err)
	}
	password := config.ConnConfig.Password
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err == nil {
		if err = pgx.BeginFunc(ctx, pool, func(tx pgx.Tx) error { return migrate(ctx, tx) }); err != nil {
			pool.Close()
		}
	}
	if err != nil {
		// Not wrapped: what is below may quote anything.
		return nil, errors.New("open store: " + masked(err.Error(), password))
	}
	life, kill := context.WithCancel(context.Background())
	s := &Store{
		pool: pool, password: password, log: logger, writer: uuid.New(), life: life, kill: kill,
		wake: make(chan struct{}, 1), closing: make(chan struct{}), turn: make(chan *hand, 1),
	}
	s.turn <- &hand{number: 1}
	return s, nil
}

// Append implements watchdog.Store.
func (s *Store) Append(e watchdog.Entry) {
	s.mu.Lock()
	if s.closed {
		s.stats.Lost++
		s.mu.Unlock()
		return
	}
	first := s.stats.Lost
	s.stats.Lost += s.queue.push(e)
	lost := first == 0 && s.stats.Lost > 0
	s.mu.Unlock()
	s.nudge()
	if lost {
		s.log.Error("store loses entries: too many wait for the database", "ring", ringEntries)
	}
}

// Durable implements watchdog.Store.
func (s *Store) Durable(done func(error)) {
	s.mu.Lock()
	closed := s.closed
	if !closed {
		s.queue.asks = append(s.queue.asks, ask{below: s.queue.first + uint64(len(s.queue.entries)), done: done})
	}
	s.mu.Unlock()
	if closed {
		done(ErrClosed)
		return
	}
	s.nudge()
}

// nudge wakes the writer. A word that waits already will do.
func (s *Store) nudge() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// Stats implements watchdog.Store.
func (s *Store) Stats() watchdog.StoreStats {
	s.mu.Lock()
	defer s.mu.Unlock()
	stats := s.stats
	stats.Waiting = s.inHand + len(s.queue.entries) + len(s.queue.rows)
	return stats
}

// Close implements watchdog.Store. Who waits for Durable in vain is told ErrClosed.
func (s *Store) Close(ctx context.Context) error {
	s.mu.Lock()
	closed := s.closed
	s.closed = true
	s.mu.Unlock()
	if closed {
		return nil
	}
	close(s.closing)
	stop := context.AfterFunc(ctx, s.kill) // a silent server is not waited for any longer
	defer stop()
	h := <-s.turn // Run puts it back: closing, or the end of life, ends all that it waits for
	err := s.drain(h)
	left := h.size()
	s.mu.Lock()
	for g := s.queue.take(); g.size() > 0; g = s.queue.take() {
		left += g.size()
	}
	s.stats.Lost += uint64(left) //nolint:gosec // a count
	s.inHand = 0
	asks := s.queue.asks
	s.queue.asks = nil
	s.mu.Unlock()
	for _, a := range asks {
		a.done(ErrClosed)
	}
	if err == nil {
		// Nobody will ask for it: a stopped store has no commit whose answer was lost.
		_, _ = s.pool.Exec(s.life, `DELETE FROM commits WHERE writer = $1`, s.writer)
	}
	s.kill()
	s.pool.Close()
	if left > 0 {
		return fmt.Errorf("close store: %d writes lost: %w", left, err)
	}
	return nil
}

func (h *hand) size() (n int) {
	for _, g := range h.groups {
		n += g.size()
	}
	return n
}

// said is an error of the server's, or of the way to it, as it may be told.
func (s *Store) said(err error) string { return masked(err.Error(), s.password) }

const (
	// linger is how long an entry waits for others before the database is asked.
	linger = 10 * time.Millisecond
	// attempt bounds one question to the server: a host that has gone away says nothing.
	attempt = 30 * time.Second
)
