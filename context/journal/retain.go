package journal

import (
	"time"

	"zmicroservices/context/store"
)

// Retention looks at the oldest rows every so many new ones and deletes a piece
// at most, once a commit: more than a commit brings, so that it keeps up, and so
// few that no other write waits for longer than some milliseconds.
const (
	piece = 500
	every = 250

	// pages are given back to the file system so many at a time, when more than
	// a quarter of the file is free.
	pages = 500
)

// count lets retention look every so many rows.
func (j *Journal) count() {
	if j.recorded.Add(1)%every == 0 {
		j.trim()
	}
}

// trim lets retention look at the oldest rows, unless it is at it.
func (j *Journal) trim() {
	if !j.trimming.Swap(true) {
		j.look()
	}
}

// look queues one look. It comes again as long as there is something to delete;
// other writes come between. Put, because a look that was lost with the ring
// would be the last.
func (j *Journal) look() {
	recorded := j.recorded.Load()
	j.db.Put("trim", func(tx *store.Tx) error {
		more, err := j.deletePiece(tx, time.Now())
		if more || j.recorded.Load() >= recorded+every { // some came behind it in the queue
			j.look()
		} else {
			j.trimming.Store(false)
		}
		return err
	})
}

// deletePiece deletes the oldest rows that are too old or too many.
func (j *Journal) deletePiece(tx *store.Tx, now time.Time) (more bool, _ error) {
	first, err := one(tx, `SELECT coalesce(min(row), 0) FROM rows`)
	if err != nil {
		return false, err
	}
	last, err := one(tx, `SELECT coalesce(max(row), 0) FROM rows`)
	if err != nil {
		return false, err
	}
	end := first + piece // of the piece; the first row that is not in it
	young, err := one(tx, `SELECT coalesce(min(row), ?2) FROM rows WHERE row < ?2 AND at >= ?1`, now.Add(-j.opts.Keep).UnixNano(), end)
	if err != nil {
		return false, err
	}
	// The newest row stays, so that no number is used twice.
	below := min(end, last, max(young, last-int64(j.opts.Rows)+1))
	if below <= first {
		return false, nil
	}
	// An open transaction outlives its rows, and its numbers must too.
	if _, err := tx.Exec(`UPDATE transactions SET seq = max(transactions.seq, old.seq) FROM
		(SELECT "transaction", max(seq) AS seq FROM rows WHERE row < ? GROUP BY 1) AS old
		WHERE number = old."transaction"`, below); err != nil {
		return false, err
	}
	if _, err := tx.Exec(`DELETE FROM transactions WHERE number IN (SELECT "transaction" FROM rows WHERE row < ?1)
		AND NOT EXISTS (SELECT 1 FROM rows WHERE "transaction" = number AND row >= ?1)
		AND (boot <> ?2 OR ended IS NOT NULL OR began IS NULL)`, below, j.opts.Boot); err != nil {
		return false, err
	}
	if _, err := tx.Exec(`DELETE FROM rows WHERE row < ?`, below); err != nil {
		return false, err
	}
	return below == end, nil
}

// sweep queues what time alone makes due: wants that a boot has made void,
// transactions that left no row, room that is free in the file.
func (j *Journal) sweep() {
	j.db.Put("sweep", func(tx *store.Tx) error {
		if _, err := tx.Exec(`DELETE FROM wants WHERE "transaction" NOT IN
			(SELECT number FROM transactions WHERE boot = ? AND ended IS NULL)`, j.opts.Boot); err != nil {
			return err
		}
		if _, err := tx.Exec(`DELETE FROM transactions WHERE coalesce(ended, began, 0) < ?1 AND (boot <> ?2 OR ended IS NOT NULL)
			AND NOT EXISTS (SELECT 1 FROM rows WHERE "transaction" = number)`,
			time.Now().Add(-j.opts.Keep).UnixNano(), j.opts.Boot); err != nil {
			return err
		}
		free, err := one(tx, `SELECT freelist_count FROM pragma_freelist_count`)
		if err != nil {
			return err
		}
		all, err := one(tx, `SELECT page_count FROM pragma_page_count`)
		if err != nil || free < pages || free < all/4 {
			return err
		}
		if _, err := tx.Exec(`PRAGMA incremental_vacuum(500)`); err != nil {
			return err
		}
		j.sweep()
		return nil
	})
}

// one reads one number.
func one(tx *store.Tx, query string, args ...any) (int64, error) {
	rows, err := tx.Query(query, args...)
	if err != nil {
		return 0, err
	}
	defer rows.Close()
	var n int64
	for rows.Next() {
		if err := rows.Scan(&n); err != nil {
			return 0, err
		}
	}
	return n, rows.Err()
}
