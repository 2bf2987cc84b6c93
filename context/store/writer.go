package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
)

// writer is the connection that writes and what it holds. One goroutine at a
// time has it: DB.turn.
type writer struct {
	opts    Options
	db      *sql.DB // nil: to be opened again
	tx      Tx
	hand    []entry // of the group under way, also while it is tried again
	renewed bool    // the file is another one than before; for DB to take note
}

func newWriter(ctx context.Context, o Options) (*writer, error) {
	db, err := openFirst(ctx, o)
	if err != nil {
		return nil, err
	}
	w := &writer{opts: o}
	return w, w.use(ctx, db)
}

// open opens the file again, if a failure has closed it.
func (w *writer) open() error {
	if w.db != nil {
		return nil
	}
	db, renewed, err := openOrRenew(never, w.opts)
	if err != nil {
		return err
	}
	w.renewed = w.renewed || renewed
	return w.use(never, db)
}

// use takes the one connection of a pool for the time of the writer.
func (w *writer) use(ctx context.Context, db *sql.DB) error {
	conn, err := db.Conn(ctx)
	if err != nil {
		return errors.Join(err, db.Close())
	}
	w.db, w.tx = db, Tx{conn: conn, prepared: map[string]*sql.Stmt{}}
	return nil
}

// close gives the connection back. The last one of a file writes what is in the
// -wal into it.
func (w *writer) close() error {
	if w.db == nil {
		return nil
	}
	var errs []error
	for _, stmt := range w.tx.prepared {
		errs = append(errs, stmt.Close())
	}
	errs = append(errs, w.tx.conn.Close(), w.db.Close())
	w.db, w.tx = nil, Tx{}
	return errors.Join(errs...)
}

// errWrong says that a write of the group is wrong, not which.
var errWrong = errors.New("a write is wrong")

// write commits the group in hand. refused are the errors of writes that were
// left out; with err nothing of the group is in the file.
func (w *writer) write() (refused []error, err error) {
	if err := w.open(); err != nil {
		return nil, fmt.Errorf("open again: %w", err)
	}
	refused, err = w.commit(false)
	if errors.Is(err, errWrong) {
		// Savepoints cost as much as the writes: only for a group that needs them.
		refused, err = w.commit(true)
	}
	if err != nil {
		w.mend(err)
	}
	return refused, err
}

// commit tries the group; when careful, each write by itself.
func (w *writer) commit(careful bool) (refused []error, err error) {
	tx := &w.tx
	tx.broken = nil
	if _, err := tx.Exec("BEGIN IMMEDIATE"); err != nil {
		return nil, fmt.Errorf("begin: %w", err)
	}
	defer func() {
		if err != nil {
			// After some errors SQLite has rolled back by itself; then this one
			// fails and nothing is amiss.
			_, _ = tx.Exec("ROLLBACK")
		}
	}()
	for _, e := range w.hand {
		if e.write == nil {
			continue
		}
		if careful {
			_, _ = tx.Exec("SAVEPOINT one")
		}
		err := e.write(tx)
		switch {
		case tx.broken != nil:
			return nil, tx.broken
		case err != nil && !careful:
			return nil, errWrong
		case err != nil:
			_, _ = tx.Exec("ROLLBACK TO one")
			refused = append(refused, err)
		}
		if careful {
			_, _ = tx.Exec("RELEASE one")
		}
	}
	if tx.broken != nil {
		return nil, tx.broken
	}
	if _, err := tx.Exec("COMMIT"); err != nil {
		return nil, fmt.Errorf("commit: %w", err)
	}
	return refused, nil
}

// mend does what may help the next attempt: nothing for a full disk, a new file
// for a damaged one, a new connection for the rest.
func (w *writer) mend(why error) {
	if passing(why) {
		return
	}
	if err := w.close(); err != nil {
		w.opts.Logger.Debug("store closed a broken connection", "path", w.opts.Path, "err", err)
	}
	if !damaged(why) {
		return
	}
	db, err := renew(never, w.opts, why)
	if err == nil {
		err = w.use(never, db)
	}
	if err != nil {
		w.opts.Logger.Error("store could not begin anew", "path", w.opts.Path, "err", err)
		return
	}
	w.renewed = true
}
