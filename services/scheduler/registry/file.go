package registry

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"zmicroservices/context/store"
	"zmicroservices/services/scheduler/peer"
)

// schema of the file. last_seen and until are nanoseconds since 1970: processes that
// share a file share a clock.
var schema = []string{`
	CREATE TABLE identity (one INTEGER PRIMARY KEY CHECK (one = 1), uuid TEXT NOT NULL);
	CREATE TABLE peers (
		kind TEXT NOT NULL, uuid TEXT NOT NULL, ip TEXT NOT NULL, last_seen INTEGER NOT NULL, PRIMARY KEY (kind, uuid)
	) WITHOUT ROWID;
	CREATE TABLE lease (one INTEGER PRIMARY KEY CHECK (one = 1), holder TEXT NOT NULL, token INTEGER NOT NULL, until INTEGER NOT NULL);
	CREATE TABLE own (one INTEGER PRIMARY KEY CHECK (one = 1), addresses TEXT NOT NULL, told INTEGER NOT NULL);
`}

// file is a registry in SQLite.
type file struct {
	db   *store.DB
	most int
}

func openFile(ctx context.Context, path string, o Options) (Registry, error) {
	// The disk is waited for: an identity that the peers know must outlive a power cut.
	db, err := store.Open(ctx, store.Options{Path: path, Schema: schema, Logger: o.Logger, Sync: store.Full, Vital: []string{"identity"}, Newer: true})
	if err != nil {
		return nil, err
	}
	return &file{db, o.Most}, nil
}

func (f *file) Run(ctx context.Context) error { return f.db.Run(ctx) }

func (f *file) Close() error { return f.db.Close(context.Background()) }

// step runs do in a transaction and waits until it is in the file. What do hands out
// counts only if step gives nil.
func (f *file) step(ctx context.Context, verb string, do func(tx *store.Tx) error) error {
	var own error // read after the barrier only
	done := make(chan error, 1)
	f.db.Do(func(tx *store.Tx) error {
		own = do(tx)
		return own
	})
	f.db.Barrier(func(err error) { done <- err })
	var err error
	select {
	case err = <-done:
		if err == nil {
			err = own
		}
	case <-ctx.Done():
		err = ctx.Err()
	}
	switch {
	case errors.Is(err, ErrLed):
		return err
	case errors.Is(err, store.ErrClosed):
		return ErrClosed
	case err != nil:
		return fmt.Errorf("%s: %w", verb, err)
	}
	return nil
}

// row reads the first row of a query, and says whether there is one.
func row(tx *store.Tx, query string, into ...any) (bool, error) {
	rows, err := tx.Query(query)
	if err != nil {
		return false, err
	}
	defer rows.Close()
	if !rows.Next() {
		return false, rows.Err()
	}
	return true, rows.Scan(into...)
}

func (f *file) Identity(ctx context.Context, proposed uuid.UUID) (uuid.UUID, error) {
	var id uuid.UUID
	err := f.step(ctx, "read identity", func(tx *store.Tx) error {
		if _, err := tx.Exec(`INSERT OR IGNORE INTO identity VALUES (1, ?)`, proposed.String()); err != nil {
			return err
		}
		var text string
		if _, err := row(tx, `SELECT uuid FROM identity`, &text); err != nil {
			return err
		}
		var err error
		id, err = peer.ParseUUID(text)
		return err
	})
	if err != nil {
		return uuid.Nil, err
	}
	return id, nil
}

func (f *file) Peers(ctx context.Context, kind peer.Kind) ([]peer.Peer, error) {
	rows, err := f.db.Read(ctx, `SELECT uuid, ip, last_seen FROM peers WHERE kind = ? ORDER BY last_seen DESC LIMIT ?`, string(kind), f.most)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var all []peer.Peer
	for rows.Next() {
		var id, ip string
		var seen int64
		if err := rows.Scan(&id, &ip, &seen); err != nil {
			return nil, fmt.Errorf("read %ss: %w", kind, err)
		}
		if p, err := entry(id, ip, time.Unix(0, seen).UTC()); err == nil {
			all = append(all, p)
		}
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("read %ss: %w", kind, err)
	}
	return all, nil
}

// entry is a peer as it was kept, by us or by another program.
func entry(id, ip string, seen time.Time) (peer.Peer, error) {
	u, err := peer.ParseUUID(id)
	if err != nil {
		return peer.Peer{}, err
	}
	a, err := peer.ParseAddress(ip)
	return peer.Peer{UUID: u, IP: a, LastSeen: seen}, err
}

func (f *file) Note(ctx context.Context, kind peer.Kind, peers []peer.Peer) error {
	return f.step(ctx, "note "+string(kind)+"s", func(tx *store.Tx) error {
		for _, p := range peers {
			if _, err := tx.Exec(`INSERT INTO peers VALUES (?, ?, ?, ?)
				ON CONFLICT DO UPDATE SET ip = excluded.ip, last_seen = excluded.last_seen WHERE excluded.last_seen > last_seen`,
				string(kind), p.UUID.String(), string(p.IP), p.LastSeen.UnixNano()); err != nil {
				return err
			}
		}
		return nil
	})
}

func (f *file) Forget(ctx context.Context, kind peer.Kind, ids []uuid.UUID) error {
	return f.step(ctx, "forget "+string(kind)+"s", func(tx *store.Tx) error {
		for _, id := range ids {
			if _, err := tx.Exec(`DELETE FROM peers WHERE kind = ? AND uuid = ?`, string(kind), id.String()); err != nil {
				return err
			}
		}
		return nil
	})
}
