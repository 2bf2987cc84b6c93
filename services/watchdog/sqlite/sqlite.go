package sqlite

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"
	"unicode/utf8"

	"zmicroservices/context/store"
	"zmicroservices/services/watchdog"
)

// linger is how long an entry waits for others before the disk is asked.
const linger = 20 * time.Millisecond

// ring is how many writes may wait: 10,000 agents that are onboarded in the same second
// leave ten each.
const ring = 1 << 17

// Store is a watchdog.Store.
type Store struct {
	db     *store.DB
	wanted atomic.Pointer[watchdog.Retention] // the latest; nil: none is under way
}

var _ watchdog.Store = (*Store)(nil)

// Open opens the file, or makes it; its folder must exist.
func Open(ctx context.Context, path string, logger *slog.Logger) (*Store, error) {
	db, err := store.Open(ctx, store.Options{
		Path: path, Schema: schema, Logger: logger, Sync: store.Full, Linger: linger, Ring: ring, Vital: []string{"microservices"},
	})
	if err != nil {
		return nil, err
	}
	return &Store{db: db}, nil
}

// Run implements watchdog.Store.
func (s *Store) Run(ctx context.Context) error { return s.db.Run(ctx) }

// Append implements watchdog.Store.
func (s *Store) Append(e watchdog.Entry) {
	if e.Message != nil || e.Change != nil {
		s.db.Do(func(tx *store.Tx) error {
			if err := writeMessage(tx, e.Message); err != nil {
				return err
			}
			return writeChange(tx, e.Change)
		})
	}
	if m := e.After; m != nil {
		s.db.Put(m.GID, func(tx *store.Tx) error { return writeRow(tx, m) })
	}
}

func writeMessage(tx *store.Tx, m *watchdog.Message) error {
	if m == nil {
		return nil
	}
	var rejected any
	if m.Rejected != "" {
		rejected = m.Rejected
	}
	_, err := tx.Exec(`INSERT INTO messages (at, topic, gid, uuid, rejected, payload, size) VALUES (?, ?, ?, ?, ?, ?, ?)`,
		m.At.UnixNano(), m.Topic, m.GID, m.UUID, rejected, legible(m.Payload), m.Size)
	if err != nil {
		return fmt.Errorf("write message: %w", err)
	}
	return nil
}

// legible makes text of what is text, so that sqlite3 shows it.
func legible(payload []byte) any {
	if utf8.Valid(payload) && bytes.IndexByte(payload, 0) < 0 {
		return string(payload)
	}
	return payload
}

func writeChange(tx *store.Tx, c *watchdog.Change) error {
	if c == nil {
		return nil
	}
	_, err := tx.Exec(`INSERT INTO changes (at, gid, uuid, "from", "to", input, reason) VALUES (?, ?, ?, ?, ?, ?, ?)`,
		c.At.UnixNano(), c.GID, c.UUID, string(c.From), string(c.To), c.Input.String(), c.Reason)
	if err != nil {
		return fmt.Errorf("write change: %w", err)
	}
	return nil
}

func writeRow(tx *store.Tx, m *watchdog.Microservice) error {
	_, err := tx.Exec(`INSERT OR REPLACE INTO microservices
		(gid, uuid, type, name, host, config_id, version, pid, state, reason, since, first_seen, last_seen, onboardings, seq, missed, interval, before, away)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		m.GID, m.UUID, m.Type, m.Name, m.Host, m.ConfigID, m.Version, m.PID, string(m.State), m.Reason, m.Since.UnixNano(),
		m.FirstSeen.UnixNano(), m.LastSeen.UnixNano(), m.Onboardings, int64(m.Seq), int64(m.Missed), int64(m.Interval), m.Before, m.Away) //nolint:gosec // below 1<<63, see Microservice
	if err != nil {
		return fmt.Errorf("write microservice: %w", err)
	}
	return nil
}

// Durable implements watchdog.Store.
func (s *Store) Durable(done func(error)) { s.db.Durable(done) }

// Stats implements watchdog.Store.
func (s *Store) Stats() watchdog.StoreStats {
	d := s.db.Stats()
	return watchdog.StoreStats{Written: d.Written, Lost: d.Lost, Refused: d.Refused, Waiting: d.Waiting, Failing: d.Failing}
}

// Close implements watchdog.Store.
func (s *Store) Close(ctx context.Context) error { return s.db.Close(ctx) }
