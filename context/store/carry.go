package store

import (
	"context"
	"database/sql"
	"fmt"
	"net/url"
	"strings"
)

// carryOver copies what can be read of the vital tables from a damaged file and
// counts the rows. It takes what it can get: a table that cannot be read any
// further is left there.
func (o Options) carryOver(ctx context.Context, from string, to *sql.DB) int {
	if len(o.Vital) == 0 {
		return 0
	}
	dsn, err := name(from, url.Values{"_pragma": {"query_only(1)"}})
	if err != nil {
		return 0
	}
	old, err := sql.Open("sqlite", dsn)
	if err != nil {
		return 0
	}
	defer old.Close()
	saved := 0
	for _, t := range o.Vital {
		n, err := copyTable(ctx, t, old, to)
		saved += n
		if err != nil {
			o.Logger.Warn("store could not save a table to the end", "path", from, "table", t, "rows", n, "err", err)
		}
	}
	return saved
}

// copyTable copies rows until the end or the first that cannot be read.
func copyTable(ctx context.Context, table string, from, to *sql.DB) (int, error) {
	rows, err := from.QueryContext(ctx, "SELECT rowid, * FROM "+table)
	if err != nil {
		return 0, err
	}
	defer rows.Close()
	columns, err := rows.Columns()
	if err != nil {
		return 0, err
	}
	columns[0] = "rowid" // also where another column is its alias
	insert := fmt.Sprintf("INSERT OR IGNORE INTO %s (%s) VALUES (?%s)",
		table, strings.Join(columns, ", "), strings.Repeat(", ?", len(columns)-1))
	tx, err := to.BeginTx(ctx, nil)
	if err != nil {
		return 0, err
	}
	defer tx.Rollback() //nolint:errcheck // after Commit it has nothing to do
	values := make([]any, len(columns))
	targets := make([]any, len(columns))
	for i := range values {
		targets[i] = &values[i]
	}
	n := 0
	for rows.Next() {
		if err := rows.Scan(targets...); err != nil {
			break
		}
		if _, err := tx.ExecContext(ctx, insert, values...); err != nil {
			return 0, err
		}
		n++
	}
	if err := tx.Commit(); err != nil {
		return 0, err
	}
	return n, rows.Err()
}
