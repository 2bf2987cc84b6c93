package history

import (
	"context"
	"fmt"
	"slices"
	"time"

	"zmicroservices/context/event"
)

// Query chooses rows of one task service.
type Query struct {
	Transaction event.TransactionID
	Task        event.TaskID
	Since       time.Time
	Until       time.Time // zero: now
}

// Read gives the rows, the oldest first, in the finest grain that reaches back as far:
// samples for two hours, minutes for five days, else hours.
func (h *History) Read(ctx context.Context, q Query, now time.Time) ([]Row, error) {
	if q.Until.IsZero() {
		q.Until = now
	}
	if err := h.settle(ctx); err != nil {
		return nil, fmt.Errorf("read history: %w", err)
	}
	var rows []Row
	var err error
	// Who asks for two hours has said so a moment ago.
	switch back := now.Sub(q.Since) - time.Minute; {
	case back <= keepSamples:
		rows, err = h.samples(ctx, q)
	case back <= keepMinutes:
		rows, err = h.means(ctx, readMinutes, time.Minute, q)
	default:
		if rows, err = h.means(ctx, readHours, time.Hour, q); err != nil {
			break
		}
		// Of the hour that is not over there are minutes only.
		from := q
		if len(rows) > 0 {
			from.Since = rows[len(rows)-1].At.Add(time.Hour)
		}
		var young []Row
		young, err = h.means(ctx, readMinutes, time.Minute, from)
		rows = append(rows, young...)
	}
	if err != nil {
		return nil, fmt.Errorf("read history: %w", err)
	}
	slices.SortStableFunc(rows, func(a, b Row) int { return a.At.Compare(b.At) })
	return rows, nil
}

// settle waits until what was gathered so far can be read.
func (h *History) settle(ctx context.Context) error {
	written := make(chan error, 1) // sent by the barrier, once
	h.mu.Lock()
	h.flush()
	h.mu.Unlock()
	h.db.Barrier(func(err error) { written <- err })
	select {
	case <-written: // with an error what is in the file is still there to be read
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

const (
	readSamples = `SELECT samples FROM samples WHERE series = ` + ofSeries + ` AND at >= ? AND at <= ? ORDER BY at`
	columns     = `SELECT at, samples, rss, rss_max, cpu_percent, cpu_percent_max, num_fds, num_fds_max, num_threads, connections, restarts FROM `
	chosen      = ` WHERE series = ` + ofSeries + ` AND at >= ? AND at <= ? ORDER BY at`
	readMinutes = columns + `minutes` + chosen
	readHours   = columns + `hours` + chosen
)

func (h *History) samples(ctx context.Context, q Query) (list []Row, err error) {
	// One blob may have begun a minute before what is asked for.
	rows, err := h.db.Read(ctx, readSamples, string(q.Transaction), string(q.Task), q.Since.Add(-time.Minute).UnixMilli(), q.Until.UnixMilli())
	if err != nil {
		return nil, err
	}
	err = each(rows, func() error {
		var b []byte
		if err := rows.Scan(&b); err != nil {
			return err
		}
		return unpack(b, func(s Sample) {
			if !s.At.Before(q.Since) && !s.At.After(q.Until) {
				list = append(list, s.row())
			}
		})
	})
	return list, err
}

func (h *History) means(ctx context.Context, query string, span time.Duration, q Query) (list []Row, err error) {
	rows, err := h.db.Read(ctx, query, string(q.Transaction), string(q.Task), q.Since.Unix(), q.Until.Unix())
	if err != nil {
		return nil, err
	}
	err = each(rows, func() error {
		r, at := Row{Span: span}, int64(0)
		err := rows.Scan(&at, &r.Samples, &r.RSS, &r.RSSMax, &r.CPU, &r.CPUMax, &r.FDs, &r.FDsMax, &r.Threads, &r.Conns, &r.Restarts)
		r.At = time.Unix(at, 0)
		list = append(list, r)
		return err
	})
	return list, err
}

// cursor is *sql.Rows.
type cursor interface {
	Next() bool
	Err() error
	Close() error
}

func each(rows cursor, one func() error) error {
	defer rows.Close()
	for rows.Next() {
		if err := one(); err != nil {
			return err
		}
	}
	return rows.Err()
}
