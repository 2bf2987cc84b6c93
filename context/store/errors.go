package store

import (
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// What a Barrier, Flush or Close may be told.
var (
	ErrClosed  = errors.New("store is closed")
	ErrLost    = errors.New("writes were lost: they waited for the disk and there were too many")
	ErrStalled = errors.New("the disk does not answer")
	ErrRunning = errors.New("the writer of the store runs already")
)

// NewerError says that a file was made by a newer program.
type NewerError struct {
	Path         string
	Version, Own int // of the file; of this program
}

func (e *NewerError) Error() string {
	return fmt.Sprintf("the file has version %d and this program knows only %d: use the program that made it, or another folder", e.Version, e.Own)
}

// code gives the primary result code (sqlite.org/rescode.html); -1: it is no
// error of SQLite's.
func code(err error) int {
	var e *sqlite.Error
	if errors.As(err, &e) {
		return e.Code() & 0xff
	}
	return -1
}

// damaged says that what is in the file cannot be what was written.
func damaged(err error) bool {
	c := code(err)
	return c == sqlite3.SQLITE_CORRUPT || c == sqlite3.SQLITE_NOTADB || errors.Is(err, errDamaged)
}

// ofTheFile says that the file or the disk is at fault and not the write: it is
// worth trying again.
func ofTheFile(err error) bool {
	switch code(err) {
	case sqlite3.SQLITE_PERM, sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_NOMEM,
		sqlite3.SQLITE_READONLY, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_FULL,
		sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PROTOCOL, sqlite3.SQLITE_NOLFS, sqlite3.SQLITE_NOTADB:
		return true
	}
	return errors.Is(err, errDamaged) || errors.Is(err, driver.ErrBadConn) || errors.Is(err, sql.ErrConnDone)
}

// passing says that the connection is sound and only the moment is not: a full
// disk, or another process that holds the file.
func passing(err error) bool {
	switch code(err) {
	case sqlite3.SQLITE_FULL, sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED:
		return true
	}
	return false
}
