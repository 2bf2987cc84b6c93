package sqlite

import (
	"zmicroservices/context/store"
	"zmicroservices/services/watchdog"
)

// piece is how many rows of a table one commit deletes: so few that no other write waits
// for longer than some milliseconds.
const piece = 500

// Retain implements watchdog.Store.
func (s *Store) Retain(r watchdog.Retention) {
	if s.wanted.Swap(&r) == nil {
		s.look()
	}
}

// look queues one look. It comes again as long as there is something to delete; other
// writes come between. Put, because a look that was lost with the ring would be the last.
func (s *Store) look() {
	s.db.Put("retain", func(tx *store.Tx) error {
		want := s.wanted.Load()
		if want == nil {
			return nil // a repeated commit: the first had found nothing more
		}
		taken, err := one(tx, used)
		if err != nil {
			return err
		}
		messages, err := trim(tx, *want, minMessage, maxMessage, youngMessage, `DELETE FROM messages WHERE row < ?`)
		if err == nil && !messages && want.Size > 0 && taken > want.Size {
			messages, err = shrink(tx, taken-want.Size)
		}
		if err == nil {
			var changes bool
			changes, err = trim(tx, *want, minChange, maxChange, youngChange, `DELETE FROM changes WHERE row < ?`)
			messages = messages || changes
		}
		if err == nil {
			_, err = tx.Exec(`DELETE FROM microservices WHERE state = 'end' AND since < ?`, want.Before.UnixNano())
		}
		if err == nil && messages || !s.wanted.CompareAndSwap(want, nil) {
			s.look()
		}
		return err
	})
}

// Texts of statements are constants: each is prepared once.
const (
	// used is what the file would have without the pages that are free to be used again.
	used = `SELECT (all_pages.page_count - free.freelist_count) * each.page_size
		FROM pragma_page_count AS all_pages, pragma_freelist_count AS free, pragma_page_size AS each`

	// enoughMessages is the first row after those that take ?1 bytes, below ?2.
	enoughMessages = `SELECT coalesce(min(row) + 1, ?2) FROM (
		SELECT row, sum(200 + min(size, 262144)) OVER (ORDER BY row) AS taken FROM messages WHERE row < ?2) WHERE taken >= ?1`

	minMessage   = `SELECT coalesce(min(row), 0) FROM messages`
	maxMessage   = `SELECT coalesce(max(row), 0) FROM messages`
	youngMessage = `SELECT coalesce(min(row), ?2) FROM messages WHERE row < ?2 AND at >= ?1`
	minChange    = `SELECT coalesce(min(row), 0) FROM changes`
	maxChange    = `SELECT coalesce(max(row), 0) FROM changes`
	youngChange  = `SELECT coalesce(min(row), ?2) FROM changes WHERE row < ?2 AND at >= ?1`
)

// trim deletes the oldest rows of a table that are too old or too many, a piece at most.
// The newest stays, so that no number is used twice.
func trim(tx *store.Tx, want watchdog.Retention, lowest, highest, youngest, remove string) (more bool, _ error) {
	first, err := one(tx, lowest)
	if err != nil {
		return false, err
	}
	last, err := one(tx, highest)
	if err != nil {
		return false, err
	}
	end := first + piece // of the piece; the first row that is not in it
	young, err := one(tx, youngest, want.Before.UnixNano(), end)
	if err != nil {
		return false, err
	}
	if want.Rows > 0 {
		young = max(young, last-int64(want.Rows)+1)
	}
	below := min(end, last, young)
	if below <= first {
		return false, nil
	}
	_, err = tx.Exec(remove, below)
	return below == end, err
}

// shrink deletes the oldest messages that take so many bytes, a piece at most. What one
// takes is reckoned, so that there may be more.
func shrink(tx *store.Tx, excess int64) (more bool, _ error) {
	first, err := one(tx, minMessage)
	if err != nil {
		return false, err
	}
	last, err := one(tx, maxMessage)
	if err != nil {
		return false, err
	}
	below, err := one(tx, enoughMessages, excess, min(first+piece, last))
	if err != nil || below <= first {
		return false, err
	}
	_, err = tx.Exec(`DELETE FROM messages WHERE row < ?`, below)
	return true, err
}

// one reads one number.
func one(tx *store.Tx, query string, args ...any) (n int64, _ error) {
	rows, err := tx.Query(query, args...)
	if err != nil {
		return 0, err
	}
	defer rows.Close()
	for rows.Next() {
		if err := rows.Scan(&n); err != nil {
			return 0, err
		}
	}
	return n, rows.Err()
}
