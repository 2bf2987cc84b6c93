package journal

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"zmicroservices/context/event"
)

// Filter chooses rows. Zero fields choose all.
type Filter struct {
	Transaction  event.TransactionID
	Task         event.TaskID
	Since, Until time.Time // by the label: at or after, before
	AfterRow     int64     // rows above this one: to go on where the last answer ended
	Limit        int       // so many at most; 0: 1,000
	Latest       bool      // the last rows rather than the first, in the same order
}

// Row is one row of the journal: a change, or a note.
type Row struct {
	Row    int64         `json:"row"` // the order of the journal
	Change *event.Change `json:"change,omitempty"`
	Note   *Note         `json:"note,omitempty"`
}

// defaultLimit bounds an answer that nobody has bounded.
const defaultLimit = 1000

// columns are what scan reads.
const columns = `r.row, r.at, coalesce((SELECT id FROM transactions WHERE number = r."transaction"), ''), r.seq, coalesce(r.task, ''),
	coalesce(r.incarnation, 0), coalesce(r.pid, 0), coalesce(r."from", ''), coalesce(r."to", ''), r.event, coalesce(r.origin, ''),
	coalesce(r."by", ''), coalesce(r.parent, 0), coalesce(r.root, 0), coalesce(r.request, ''),
	r.exit_code, coalesce(r.signal, ''), coalesce(r.core, 0), coalesce(r.reason, '')`

// scanner is a row of an answer, at its place.
type scanner interface{ Scan(...any) error }

func scan(rows scanner) (Row, error) {
	var r Row
	var c event.Change
	var at int64
	var from, to string
	var code *int
	var exit event.Exit
	if err := rows.Scan(&r.Row, &at, &c.Transaction, &c.Seq, &c.Task, &c.Incarnation, &c.PID, &from, &to, &c.Event, &c.Cause.Origin,
		&c.Cause.By, &c.Cause.Parent, &c.Cause.Root, &c.Cause.Request, &code, &exit.Signal, &exit.Core, &c.Reason); err != nil {
		return Row{}, err
	}
	c.At = time.Unix(0, at)
	if c.Seq == 0 {
		r.Note = &Note{At: c.At, Event: c.Event, Transaction: c.Transaction, Task: c.Task, Cause: c.Cause, Reason: c.Reason}
		return r, nil
	}
	for _, s := range []struct {
		name string
		to   *event.State
	}{{from, &c.From}, {to, &c.To}} {
		if s.name == "" {
			continue
		}
		if err := s.to.UnmarshalText([]byte(s.name)); err != nil {
			return Row{}, fmt.Errorf("row %d: %w", r.Row, err)
		}
	}
	if code != nil {
		exit.Code = *code
		c.Exit = &exit
	}
	r.Change = &c
	return r, nil
}

// History gives rows in the order of the journal, the oldest first. What was
// recorded before the call is in it.
func (j *Journal) History(ctx context.Context, f Filter) ([]Row, error) {
	if err := j.settle(ctx); err != nil {
		return nil, fmt.Errorf("read history: %w", err)
	}
	query, args := f.query()
	rows, err := j.rows(ctx, query, args...)
	if err != nil {
		return nil, fmt.Errorf("read history: %w", err)
	}
	if f.Latest {
		slices.Reverse(rows)
	}
	return rows, nil
}

func (f Filter) query() (string, []any) {
	where, args := []string{"r.row > ?"}, []any{f.AfterRow}
	add := func(condition string, arg any) {
		where, args = append(where, condition), append(args, arg)
	}
	if f.Transaction != "" {
		// The plus keeps SQLite from the index by Seq, whose rows it would have to sort.
		add(`+r."transaction" = (SELECT number FROM transactions WHERE id = ?)`, string(f.Transaction))
	}
	if f.Task != "" {
		add("r.task = ?", string(f.Task))
	}
	if !f.Since.IsZero() {
		add("r.at >= ?", f.Since.UnixNano())
	}
	if !f.Until.IsZero() {
		add("r.at < ?", f.Until.UnixNano())
	}
	order, limit := "ASC", f.Limit
	if f.Latest {
		order = "DESC"
	}
	if limit <= 0 {
		limit = defaultLimit
	}
	return fmt.Sprintf("SELECT %s FROM rows r WHERE %s ORDER BY r.row %s LIMIT %d",
		columns, strings.Join(where, " AND "), order, limit), args
}

// rows reads an answer to its end.
func (j *Journal) rows(ctx context.Context, query string, args ...any) ([]Row, error) {
	rows, err := j.db.Read(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var all []Row
	for rows.Next() {
		r, err := scan(rows)
		if err != nil {
			return nil, err
		}
		all = append(all, r)
	}
	return all, rows.Err()
}
