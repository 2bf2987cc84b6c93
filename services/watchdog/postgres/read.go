package postgres

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"

	"zmicroservices/services/watchdog"
)

// Load implements watchdog.Store.
func (s *Store) Load(ctx context.Context) ([]watchdog.Microservice, error) {
	return read(ctx, s, func(r pgx.CollectableRow) (m watchdog.Microservice, err error) {
		var seq, missed, interval int64
		err = r.Scan(&m.GID, &m.UUID, &m.Type, &m.Name, &m.Host, &m.ConfigID, &m.Version, &m.PID, &m.State, &m.Reason, &m.Since,
			&m.FirstSeen, &m.LastSeen, &m.Onboardings, &seq, &missed, &interval, &m.Before, &m.Away)
		m.Since, m.FirstSeen, m.LastSeen = m.Since.UTC(), m.FirstSeen.UTC(), m.LastSeen.UTC()
		m.Seq, m.Missed, m.Interval = uint64(seq), uint64(missed), time.Duration(interval) //nolint:gosec // as they were written
		return m, err
	}, `SELECT gid, uuid, type, name, host, config_id, version, pid, state, reason, since,
		first_seen, last_seen, onboardings, seq, missed, interval, before, away FROM microservices ORDER BY first_seen, gid`)
}

// Messages implements watchdog.Store.
func (s *Store) Messages(ctx context.Context, gid string, limit int) ([]watchdog.Message, error) {
	return read(ctx, s, func(r pgx.CollectableRow) (m watchdog.Message, err error) {
		var text *string
		err = r.Scan(&m.At, &m.Topic, &m.GID, &m.UUID, &m.Rejected, &text, &m.Payload, &m.Size)
		if text != nil {
			m.Payload = []byte(*text)
		}
		m.At = m.At.UTC()
		return m, err
	}, `SELECT at, topic, gid, uuid, coalesce(rejected, ''), payload, bytes, size FROM (
		SELECT * FROM messages WHERE $1 = '' OR gid = $1 ORDER BY row DESC LIMIT $2) latest ORDER BY row`, gid, limit)
}

// Changes implements watchdog.Store.
func (s *Store) Changes(ctx context.Context, gid string, limit int) ([]watchdog.Change, error) {
	return read(ctx, s, func(r pgx.CollectableRow) (c watchdog.Change, err error) {
		var input string
		if err = r.Scan(&c.At, &c.GID, &c.UUID, &c.From, &c.To, &input, &c.Reason); err != nil {
			return c, err
		}
		c.At = c.At.UTC()
		c.Input, err = watchdog.ParseInput(input)
		return c, err
	}, `SELECT at, gid, uuid, "from", "to", input, reason FROM (
		SELECT * FROM changes WHERE $1 = '' OR gid = $1 ORDER BY row DESC LIMIT $2) latest ORDER BY row`, gid, limit)
}

// read gives all rows of a query.
func read[T any](ctx context.Context, s *Store, scan func(pgx.CollectableRow) (T, error), query string, args ...any) ([]T, error) {
	rows, err := s.pool.Query(ctx, query, args...)
	var all []T
	if err == nil {
		all, err = pgx.CollectRows(rows, scan)
	}
	if err != nil {
		return nil, errors.New("read store: " + s.said(err)) // not wrapped, see Open
	}
	return all, nil
}
