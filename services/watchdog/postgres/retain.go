package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"

	"zmicroservices/services/watchdog"
)

// piece is how many rows of a table one commit deletes: so few that no other write waits
// for long.
const piece = 1000

// cut is a wish to delete, once it has begun.
type cut struct {
	watchdog.Retention
	after  uint64           // it begins when all entries below are written
	bounds map[string]int64 // by table: rows up to it are too many; nil: not asked for yet
}

// Retain implements watchdog.Store. The latest wish counts.
func (s *Store) Retain(r watchdog.Retention) {
	s.mu.Lock()
	s.retain = &cut{Retention: r, after: s.queue.first + uint64(len(s.queue.entries))}
	s.mu.Unlock()
	s.nudge()
}

// trim carries out a piece of the wish, and says whether there may be more. It is called
// between two commits.
func (s *Store) trim(h *hand) (more bool, err error) {
	s.mu.Lock()
	c := s.retain
	s.mu.Unlock()
	if c == nil || h.below < c.after || len(h.groups) > 0 {
		return false, nil
	}
	ctx, cancel := context.WithTimeout(s.life, attempt)
	defer cancel()
	err = pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		if c.bounds == nil {
			if c.bounds, err = c.limits(ctx, tx); err != nil {
				return err
			}
		}
		for table, statement := range deletions {
			tag, err := tx.Exec(ctx, statement, c.Before, c.bounds[table])
			if err != nil {
				return err
			}
			more = more || tag.RowsAffected() == piece
		}
		_, err := tx.Exec(ctx, `DELETE FROM microservices WHERE state = 'end' AND since < $1`, c.Before)
		return err
	})
	if err != nil {
		return false, err
	}
	s.worked()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.retain != c {
		return true, nil // there is a new one
	}
	if !more {
		s.retain = nil
	}
	return more, nil
}

// limits are the numbers up to which rows are too many.
func (c *cut) limits(ctx context.Context, tx pgx.Tx) (map[string]int64, error) {
	limits := map[string]int64{}
	if c.Size > 0 {
		var row int64
		if err := tx.QueryRow(ctx, tooLarge, c.Size).Scan(&row); err != nil {
			return nil, err
		}
		limits["messages"] = row
	}
	if c.Rows <= 0 {
		return limits, nil
	}
	for table, query := range map[string]string{
		"messages": `SELECT coalesce((SELECT row FROM messages ORDER BY row DESC OFFSET $1 LIMIT 1), 0)`,
		"changes":  `SELECT coalesce((SELECT row FROM changes ORDER BY row DESC OFFSET $1 LIMIT 1), 0)`,
	} {
		var row int64
		if err := tx.QueryRow(ctx, query, c.Rows).Scan(&row); err != nil {
			return nil, err
		}
		limits[table] = max(limits[table], row)
	}
	return limits, nil
}

// tooLarge is the number up to which messages are beyond a size. It is of payloads and
// what comes with each row, for the files that they are in do not get smaller: they have
// room for the next. While those are small there is nothing to count.
const tooLarge = `SELECT CASE WHEN pg_table_size('messages') <= $1 THEN 0 ELSE coalesce((SELECT row FROM (
	SELECT row, sum(200 + coalesce(octet_length(payload), octet_length(bytes), 0)) OVER (ORDER BY row DESC) AS size FROM messages
) AS m WHERE size > $1 ORDER BY row DESC LIMIT 1), 0) END`

// deletions delete the oldest rows that are too old or too many, a piece at most: up to
// the first that is to stay.
var deletions = map[string]string{
	"messages": `WITH oldest AS (SELECT row, at FROM messages ORDER BY row LIMIT 1000)
		DELETE FROM messages USING oldest WHERE messages.row = oldest.row AND (oldest.row <= $2
			OR oldest.row < coalesce((SELECT min(row) FROM oldest WHERE at >= $1), oldest.row + 1))`,
	"changes": `WITH oldest AS (SELECT row, at FROM changes ORDER BY row LIMIT 1000)
		DELETE FROM changes USING oldest WHERE changes.row = oldest.row AND (oldest.row <= $2
			OR oldest.row < coalesce((SELECT min(row) FROM oldest WHERE at >= $1), oldest.row + 1))`,
}
