package bridge

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"zmicroservices/context/store"
)

// schema is that of bridge.db.
var schema = []string{`
CREATE TABLE spool (
	seq     INTEGER PRIMARY KEY,
	run     TEXT    NOT NULL, -- the process of the bridge that heard it
	lane    TEXT    NOT NULL,
	subject TEXT    NOT NULL,
	at      INTEGER NOT NULL, -- when it was heard, nanoseconds since 1970
	data    BLOB    NOT NULL
) STRICT;
CREATE TABLE progress (
	stream TEXT PRIMARY KEY,
	made   INTEGER NOT NULL, -- when the stream was made: one of the same name may be another
	seq    INTEGER NOT NULL  -- the last message of it that is on our bus
) STRICT, WITHOUT ROWID;
CREATE TABLE seen (
	lane TEXT PRIMARY KEY, -- stream, and run and lane of a bridge elsewhere
	seq  INTEGER NOT NULL, -- the last one of it that is on our bus
	at   INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
`}

// letter is an event on its way to NATS.
type letter struct {
	run     string
	seq     int64
	lane    string
	subject string
	at      time.Time
	data    []byte
}

// id is the same for each attempt to send it, by whichever process.
func (l *letter) id() string { return fmt.Sprintf("%s-%d", l.run, l.seq) }

// shelf is bridge.db.
type shelf struct {
	db   *store.DB
	lock *os.File
	done chan struct{} // closed when the writer has ended
}

// errTaken is returned for a file that another bridge has.
var errTaken = errors.New("another bridge has it: a context needs one, or give each a <spool><file> of its own")

// openShelf opens the file, which belongs to one process at a time: two would send
// everything twice, under two ids. A predecessor that is about to end is waited for.
func openShelf(ctx context.Context, path string, log *slog.Logger) (*shelf, error) {
	lock, err := os.OpenFile(path+".lock", os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open spool: %w", err)
	}
	if err := obtain(ctx, lock); err != nil {
		lock.Close()
		return nil, fmt.Errorf("open spool %s: %w", path, err)
	}
	db, err := store.Open(ctx, store.Options{Path: path, Schema: schema, Logger: log, Vital: []string{"spool", "progress", "seen"}})
	if err != nil {
		lock.Close()
		return nil, fmt.Errorf("open spool: %w", err)
	}
	s := &shelf{db: db, lock: lock, done: make(chan struct{})}
	go func() { // ends with close
		defer close(s.done)
		if err := db.Run(context.Background()); err != nil {
			log.Error("spool is not written any more", "path", path, "err", err)
		}
	}()
	return s, nil
}

// obtain locks the file, and tries for a while.
func obtain(ctx context.Context, lock *os.File) error {
	again := time.NewTicker(50 * time.Millisecond)
	defer again.Stop()
	for {
		err := unix.Flock(int(lock.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		if !errors.Is(err, unix.EWOULDBLOCK) {
			return err
		}
		select {
		case <-again.C:
		case <-ctx.Done():
			return errTaken
		}
	}
}

func (s *shelf) close(ctx context.Context) error {
	err := s.db.Close(ctx)
	select {
	case <-s.done:
	case <-ctx.Done():
	}
	return errors.Join(err, s.lock.Close())
}

func (s *shelf) put(l *letter) {
	run, seq, lane, subject, at, data := l.run, l.seq, l.lane, l.subject, l.at.UnixNano(), l.data
	s.db.Do(func(tx *store.Tx) error {
		_, err := tx.Exec(`INSERT INTO spool (seq, run, lane, subject, at, data) VALUES (?, ?, ?, ?, ?, ?)`, seq, run, lane, subject, at, data)
		return err
	})
}

func (s *shelf) remove(seq int64) {
	s.db.Do(func(tx *store.Tx) error {
		_, err := tx.Exec(`DELETE FROM spool WHERE seq = ?`, seq)
		return err
	})
}

// get reads one letter.
func (s *shelf) get(ctx context.Context, seq int64) (*letter, error) {
	rows, err := s.db.Read(ctx, `SELECT run, lane, subject, at, data FROM spool WHERE seq = ?`, seq)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	if !rows.Next() {
		return nil, errors.Join(fmt.Errorf("letter %d is not in the spool", seq), rows.Err())
	}
	l := &letter{seq: seq}
	var at int64
	if err := rows.Scan(&l.run, &l.lane, &l.subject, &at, &l.data); err != nil {
		return nil, fmt.Errorf("read spool: %w", err)
	}
	l.at = time.Unix(0, at)
	return l, nil
}

// left calls each for all letters that a process before us left, the oldest first.
func (s *shelf) left(ctx context.Context, each func(seq int64, lane string, size int)) error {
	rows, err := s.db.Read(ctx, `SELECT seq, lane, length(data) FROM spool ORDER BY seq`)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var seq int64
		var lane string
		var size int
		if err := rows.Scan(&seq, &lane, &size); err != nil {
			return fmt.Errorf("read spool: %w", err)
		}
		each(seq, lane, size)
	}
	return rows.Err()
}

// progress is how far a stream was read; false: never.
func (s *shelf) progress(ctx context.Context, stream string) (made, seq int64, known bool, err error) {
	rows, err := s.db.Read(ctx, `SELECT made, seq FROM progress WHERE stream = ?`, stream)
	if err != nil {
		return 0, 0, false, err
	}
	defer rows.Close()
	if !rows.Next() {
		return 0, 0, false, rows.Err()
	}
	err = rows.Scan(&made, &seq)
	return made, seq, err == nil, err
}

func (s *shelf) advance(stream string, made, seq int64) {
	s.db.Put("progress "+stream, func(tx *store.Tx) error {
		_, err := tx.Exec(`INSERT INTO progress VALUES (?, ?, ?) ON CONFLICT (stream) DO UPDATE SET made = excluded.made, seq = excluded.seq`, stream, made, seq)
		return err
	})
}

// seen calls each for all lanes that were heard of since.
func (s *shelf) seen(ctx context.Context, since time.Time, each func(lane string, seq int64)) error {
	s.db.Do(func(tx *store.Tx) error {
		_, err := tx.Exec(`DELETE FROM seen WHERE at < ?`, since.UnixNano())
		return err
	})
	rows, err := s.db.Read(ctx, `SELECT lane, seq FROM seen WHERE at >= ? ORDER BY at`, since.UnixNano())
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var lane string
		var seq int64
		if err := rows.Scan(&lane, &seq); err != nil {
			return fmt.Errorf("read spool: %w", err)
		}
		each(lane, seq)
	}
	return rows.Err()
}

func (s *shelf) saw(lane string, seq int64, at time.Time) {
	s.db.Put("seen "+lane, func(tx *store.Tx) error {
		_, err := tx.Exec(`INSERT INTO seen VALUES (?, ?, ?) ON CONFLICT (lane) DO UPDATE SET seq = excluded.seq, at = excluded.at`, lane, seq, at.UnixNano())
		return err
	})
}
