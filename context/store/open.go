package store

import (
	"context"
	"database/sql"
	"fmt"
	"net/url"
	"os"
	"time"
)

// walLimit is what a -wal is cut back to after a burst, in bytes.
const walLimit = 4 << 20

// openWriter opens the file for its one writer and brings it to the version of
// the schema.
func openWriter(ctx context.Context, o Options) (_ *sql.DB, err error) {
	info, err := os.Stat(o.Path)
	fresh := err != nil || info.Size() == 0
	if err := create(o.Path); err != nil {
		return nil, err
	}
	// The driver runs busy_timeout first and the rest by the alphabet.
	pragmas := []string{
		fmt.Sprintf("busy_timeout(%d)", o.Busy.Milliseconds()),
		"journal_mode(WAL)",
		fmt.Sprintf("journal_size_limit(%d)", walLimit),
		fmt.Sprintf("synchronous(%s)", o.Sync),
	}
	if fresh { // else it would be a write
		pragmas = append(pragmas, "auto_vacuum(INCREMENTAL)") // what retention frees can be given back
	}
	dsn, err := name(o.Path, url.Values{"_pragma": pragmas})
	if err != nil {
		return nil, err
	}
	db, err := sql.Open("sqlite", dsn)
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(1)
	defer func() {
		if err != nil {
			db.Close()
		}
	}()
	if err := o.migrate(ctx, db); err != nil {
		return nil, err
	}
	if err := o.checkVital(ctx, db); err != nil {
		return nil, err
	}
	return db, nil
}

// knows refuses a file of a newer program.
func (o Options) knows(version int) error {
	if version > len(o.Schema) && !o.Newer {
		return &NewerError{Path: o.Path, Version: version, Own: len(o.Schema)}
	}
	return nil
}

// migrate brings the file to the version of the schema, all or nothing.
func (o Options) migrate(ctx context.Context, db *sql.DB) error {
	var version int
	if err := db.QueryRowContext(ctx, "PRAGMA user_version").Scan(&version); err != nil {
		return fmt.Errorf("read version: %w", err)
	}
	if err := o.knows(version); err != nil {
		return err
	}
	if version >= len(o.Schema) {
		// The schema is parsed by the first statement that needs it: now, not
		// when somebody waits.
		_, err := db.ExecContext(ctx, "SELECT count(*) FROM sqlite_schema")
		return err
	}
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("begin migration: %w", err)
	}
	defer tx.Rollback() //nolint:errcheck // after Commit it has nothing to do
	for v := version; v < len(o.Schema); v++ {
		if _, err := tx.ExecContext(ctx, o.Schema[v]); err != nil {
			return fmt.Errorf("migrate from version %d to %d: %w", v, v+1, err)
		}
	}
	if _, err := tx.ExecContext(ctx, fmt.Sprintf("PRAGMA user_version = %d", len(o.Schema))); err != nil {
		return fmt.Errorf("write version: %w", err)
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("commit migration: %w", err)
	}
	return nil
}

// checkVital reads the tables that the owner cannot do without.
func (o Options) checkVital(ctx context.Context, db *sql.DB) error {
	for _, t := range o.Vital {
		var verdict string
		if err := db.QueryRowContext(ctx, fmt.Sprintf("PRAGMA quick_check(%s)", t)).Scan(&verdict); err != nil {
			return fmt.Errorf("check table %s: %w", t, err)
		}
		if verdict != "ok" {
			return fmt.Errorf("check table %s: %w: %s", t, errDamaged, verdict)
		}
	}
	return nil
}

// openReaders opens the file for those who only read.
func openReaders(o Options) (*sql.DB, error) {
	dsn, err := name(o.Path, url.Values{
		"mode":    {"ro"},
		"_pragma": {fmt.Sprintf("busy_timeout(%d)", o.Busy.Milliseconds()), "query_only(1)"},
	})
	if err != nil {
		return nil, err
	}
	db, err := sql.Open("sqlite", dsn)
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(4) // questions of people; more wait for each other and not for the writer
	db.SetMaxIdleConns(1)
	db.SetConnMaxIdleTime(time.Minute) // a page cache is no memory to hold while nobody asks
	return db, nil
}

// openFirst is openOrRenew for a file that this process has not open. It refuses
// one of a newer program without letting SQLite touch it.
func openFirst(ctx context.Context, o Options) (*sql.DB, error) {
	version, err := look(o.Path)
	if err == nil {
		err = o.knows(version)
	}
	switch {
	case damaged(err):
		return renew(ctx, o, err)
	case err != nil:
		return nil, err
	}
	db, _, err := openOrRenew(ctx, o)
	return db, err
}

// openOrRenew opens the file, or moves it aside when it is damaged and begins a
// new one.
func openOrRenew(ctx context.Context, o Options) (_ *sql.DB, renewed bool, _ error) {
	db, err := openWriter(ctx, o)
	if err == nil || !damaged(err) {
		return db, false, err
	}
	db, err = renew(ctx, o, err)
	return db, true, err
}

// renew moves a damaged file aside, begins a new one and carries over what can
// be read of the vital tables.
func renew(ctx context.Context, o Options, why error) (*sql.DB, error) {
	aside, err := moveAside(o.Path, time.Now())
	if err != nil {
		return nil, err
	}
	db, err := openWriter(ctx, o)
	if err != nil {
		return nil, err
	}
	saved := o.carryOver(ctx, aside, db)
	o.Logger.Error("store was damaged and begun anew", "path", o.Path, "aside", aside, "rows_saved", saved, "err", why)
	return db, nil
}
