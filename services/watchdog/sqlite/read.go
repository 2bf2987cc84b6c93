package sqlite

import (
	"context"
	"fmt"
	"time"

	"zmicroservices/services/watchdog"
)

// row is one of a result.
type row interface{ Scan(into ...any) error }

// Load implements watchdog.Store.
func (s *Store) Load(ctx context.Context) ([]watchdog.Microservice, error) {
	return read(ctx, s, func(r row) (m watchdog.Microservice, err error) {
		var since, first, last, seq, missed, interval int64
		err = r.Scan(&m.GID, &m.UUID, &m.Type, &m.Name, &m.Host, &m.ConfigID, &m.Version, &m.PID, &m.State, &m.Reason, &since,
			&first, &last, &m.Onboardings, &seq, &missed, &interval, &m.Before, &m.Away)
		m.Since, m.FirstSeen, m.LastSeen = moment(since), moment(first), moment(last)
		m.Seq, m.Missed, m.Interval = uint64(seq), uint64(missed), time.Duration(interval) //nolint:gosec // as they were written
		return m, err
	}, `SELECT gid, uuid, type, name, host, config_id, version, pid, state, reason, since,
		first_seen, last_seen, onboardings, seq, missed, interval, before, away FROM microservices ORDER BY first_seen, gid`)
}

// Messages implements watchdog.Store.
func (s *Store) Messages(ctx context.Context, gid string, limit int) ([]watchdog.Message, error) {
	return read(ctx, s, func(r row) (m watchdog.Message, err error) {
		var at int64
		err = r.Scan(&at, &m.Topic, &m.GID, &m.UUID, &m.Rejected, &m.Payload, &m.Size)
		m.At = moment(at)
		return m, err
	}, `SELECT at, topic, gid, uuid, coalesce(rejected, ''), payload, size FROM (
		SELECT * FROM messages WHERE ?1 = '' OR gid = ?1 ORDER BY row DESC LIMIT ?2) ORDER BY row`, gid, limit)
}

// Changes implements watchdog.Store.
func (s *Store) Changes(ctx context.Context, gid string, limit int) ([]watchdog.Change, error) {
	return read(ctx, s, func(r row) (c watchdog.Change, err error) {
		var at int64
		var input string
		if err = r.Scan(&at, &c.GID, &c.UUID, &c.From, &c.To, &input, &c.Reason); err != nil {
			return c, err
		}
		c.At = moment(at)
		c.Input, err = watchdog.ParseInput(input)
		return c, err
	}, `SELECT at, gid, uuid, "from", "to", input, reason FROM (
		SELECT * FROM changes WHERE ?1 = '' OR gid = ?1 ORDER BY row DESC LIMIT ?2) ORDER BY row`, gid, limit)
}

// read gives all rows of a query.
func read[T any](ctx context.Context, s *Store, scan func(row) (T, error), query string, args ...any) ([]T, error) {
	rows, err := s.db.Read(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var all []T
	for rows.Next() {
		one, err := scan(rows)
		if err != nil {
			return nil, fmt.Errorf("read store: %w", err)
		}
		all = append(all, one)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("read store: %w", err)
	}
	return all, nil
}

func moment(ns int64) time.Time { return time.Unix(0, ns).UTC() }
