package store

import (
	"context"
	"database/sql"
)

// Tx is the transaction that a write is part of. It is good for the time of
// that call only.
type Tx struct {
	conn     *sql.Conn
	prepared map[string]*sql.Stmt // by its text; lives as long as the connection
	broken   error                // the first error of the file, also when a write hid it
}

// never is the context of what the writer does: it is not to be torn out of the
// middle of a commit, and one that cannot end costs no watcher a statement.
var never = context.Background()

// Exec runs a statement. The text must be a constant of the program: each text
// is prepared once and kept.
func (tx *Tx) Exec(query string, args ...any) (sql.Result, error) {
	stmt, err := tx.prepare(query)
	if err != nil {
		return nil, err
	}
	result, err := stmt.ExecContext(never, args...)
	return result, tx.note(err)
}

// Query runs a statement that has rows; the caller closes them. Like Exec it
// keeps each text.
func (tx *Tx) Query(query string, args ...any) (*sql.Rows, error) {
	stmt, err := tx.prepare(query)
	if err != nil {
		return nil, err
	}
	rows, err := stmt.QueryContext(never, args...)
	return rows, tx.note(err)
}

func (tx *Tx) prepare(query string) (*sql.Stmt, error) {
	if stmt := tx.prepared[query]; stmt != nil {
		return stmt, nil
	}
	stmt, err := tx.conn.PrepareContext(never, query)
	if err != nil {
		return nil, tx.note(err)
	}
	tx.prepared[query] = stmt
	return stmt, nil
}

func (tx *Tx) note(err error) error {
	if err != nil && tx.broken == nil && ofTheFile(err) {
		tx.broken = err
	}
	return err
}
