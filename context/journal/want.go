package journal

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"zmicroservices/context/event"
	"zmicroservices/context/store"
)

// Transaction is one run of a context.
type Transaction struct {
	ID          event.TransactionID
	ContextName string
	LogName     string
	Endpoints   event.Endpoints
	Began       time.Time
}

// Want is what is wanted of a task service, and what was seen of it then: what a
// new provider has to know to go on.
type Want struct {
	Transaction event.TransactionID
	Task        event.TaskID
	Up          bool              // it is to be up
	Run         bool              // its task is to run, even if its entry says that it waits
	Done        bool              // it was to run once and has
	Above       event.Incarnation // only an incarnation above this one will do: a restart
	Incarnation event.Incarnation // the latest that was asked for
	State       event.State
	Object      json.RawMessage // the task object as last said; nil: none
	Spec        json.RawMessage // the caller's own
	Cause       event.Cause     // of the want
	Seq         uint64          // of the transaction, when this was so

	// Value is marshalled to Spec by the writer, so that a loop which supervises
	// has no part in it. It must not change any more. nil: Spec is what it is.
	Value any
}

// Saved is a transaction that is open for this boot.
type Saved struct {
	Transaction Transaction
	Wants       []Want // in order of definition
	Seq         uint64 // the highest that was ever used; the next Change is above it
}

// Prepare makes a transaction known, so that its changes and wants find it, and does
// not open it. What was only prepared no later provider goes on with: Begin follows
// when all that its first request led to was said, so that a start is there as a whole
// or not at all.
func (j *Journal) Prepare(id event.TransactionID) {
	j.db.Put("prepare "+string(id), func(tx *store.Tx) error {
		_, err := tx.Exec(`INSERT INTO transactions (id) VALUES (?)
			ON CONFLICT (id) DO UPDATE SET boot = '', began = NULL, ended = NULL`, string(id))
		return err
	})
}

// Begin opens a transaction for this boot. One that is there already is opened
// again and goes on with its Seq.
func (j *Journal) Begin(t Transaction) {
	e := t.Endpoints
	j.db.Put("begin "+string(t.ID), func(tx *store.Tx) error {
		_, err := tx.Exec(`INSERT INTO transactions
			(id, boot, context_name, log_name, front_end_endpoint, backend_endpoint, front_bind, back_bind, began)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
			ON CONFLICT (id) DO UPDATE SET boot = excluded.boot, context_name = excluded.context_name, log_name = excluded.log_name,
			front_end_endpoint = excluded.front_end_endpoint, backend_endpoint = excluded.backend_endpoint,
			front_bind = excluded.front_bind, back_bind = excluded.back_bind, began = excluded.began, ended = NULL`,
			string(t.ID), j.opts.Boot, t.ContextName, t.LogName,
			e.FrontEndEndpoint, e.BackendEndpoint, e.FrontBind, e.BackendBind, t.Began.UnixNano())
		return err
	})
}

// End closes a transaction: it ended in order, and a next start begins anew.
// Nothing is wanted of it any more.
func (j *Journal) End(id event.TransactionID) {
	now := time.Now().UnixNano()
	j.db.Put("end "+string(id), func(tx *store.Tx) error {
		if _, err := tx.Exec(`UPDATE transactions SET ended = ? WHERE id = ?`, now, string(id)); err != nil {
			return err
		}
		_, err := tx.Exec(`DELETE FROM wants WHERE "transaction" = (SELECT number FROM transactions WHERE id = ?)`, string(id))
		return err
	})
}

// A transaction that has ended wants nothing any more, whatever comes late: 0 is
// nobody's number, and sweep finds it.
const upsertWant = `INSERT INTO wants
	("transaction", task, up, run, done, above, incarnation, state, object, spec, origin, "by", parent, root, request, seq)
	VALUES ((SELECT iif(ended IS NULL, number, 0) FROM transactions WHERE id = ?), ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
	ON CONFLICT ("transaction", task) DO UPDATE SET up = excluded.up, run = excluded.run, done = excluded.done,
	above = excluded.above, incarnation = excluded.incarnation, state = excluded.state, object = excluded.object,
	spec = excluded.spec, origin = excluded.origin, "by" = excluded."by", parent = excluded.parent, root = excluded.root,
	request = excluded.request, seq = excluded.seq`

// Want says what is wanted of a task service from now on. The bytes of w are the
// journal's and must not be written any more.
func (j *Journal) Want(w Want) {
	j.db.Put("want "+string(w.Transaction)+"/"+string(w.Task), func(tx *store.Tx) error {
		spec := w.Spec
		if w.Value != nil {
			var err error
			if spec, err = json.Marshal(w.Value); err != nil {
				return fmt.Errorf("want of %s/%s: %w", w.Transaction, w.Task, err)
			}
		}
		c := &w.Cause
		return insertFor(tx, w.Transaction, upsertWant, []any{
			string(w.Transaction), string(w.Task), w.Up, w.Run, w.Done, int64(w.Above), int64(w.Incarnation), w.State.String(),
			text(string(w.Object)), []byte(spec), string(c.Origin), c.By, int64(c.Parent), int64(c.Root), c.Request, int64(w.Seq),
		})
	})
}

// Unwant forgets what is wanted of a task service: it has left its transaction.
func (j *Journal) Unwant(id event.TransactionID, task event.TaskID) {
	j.db.Put("want "+string(id)+"/"+string(task), func(tx *store.Tx) error {
		_, err := tx.Exec(`DELETE FROM wants WHERE task = ? AND "transaction" = (SELECT number FROM transactions WHERE id = ?)`, string(task), string(id))
		return err
	})
}

// Saved gives the transactions that are open for this boot, the oldest first.
func (j *Journal) Saved(ctx context.Context) ([]Saved, error) {
	if err := j.settle(ctx); err != nil {
		return nil, fmt.Errorf("read what is wanted: %w", err)
	}
	saved, numbers, err := j.open(ctx)
	if err != nil {
		return nil, fmt.Errorf("read open transactions: %w", err)
	}
	for i := range saved {
		if err := j.wants(ctx, numbers[i], &saved[i]); err != nil {
			return nil, fmt.Errorf("read wants of %s: %w", saved[i].Transaction.ID, err)
		}
	}
	return saved, nil
}

func (j *Journal) open(ctx context.Context) (saved []Saved, numbers []int64, _ error) {
	rows, err := j.db.Read(ctx, `SELECT number, id, context_name, log_name,
		front_end_endpoint, backend_endpoint, front_bind, back_bind, began,
		max(seq, coalesce((SELECT max(seq) FROM rows WHERE "transaction" = number), 0))
		FROM transactions WHERE boot = ? AND began IS NOT NULL AND ended IS NULL ORDER BY number`, j.opts.Boot)
	if err != nil {
		return nil, nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var s Saved
		var number, began int64
		t, e := &s.Transaction, &s.Transaction.Endpoints
		if err := rows.Scan(&number, &t.ID, &t.ContextName, &t.LogName,
			&e.FrontEndEndpoint, &e.BackendEndpoint, &e.FrontBind, &e.BackendBind, &began, &s.Seq); err != nil {
			return nil, nil, err
		}
		t.Began = time.Unix(0, began)
		saved, numbers = append(saved, s), append(numbers, number)
	}
	return saved, numbers, rows.Err()
}

func (j *Journal) wants(ctx context.Context, number int64, s *Saved) error {
	rows, err := j.db.Read(ctx, `SELECT task, up, run, done, above, incarnation, state, coalesce(object, ''), spec,
		origin, "by", parent, root, request, seq FROM wants WHERE "transaction" = ? ORDER BY place`, number)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		w := Want{Transaction: s.Transaction.ID}
		var state, object string
		var spec []byte
		c := &w.Cause
		if err := rows.Scan(&w.Task, &w.Up, &w.Run, &w.Done, &w.Above, &w.Incarnation, &state, &object, &spec,
			&c.Origin, &c.By, &c.Parent, &c.Root, &c.Request, &w.Seq); err != nil {
			return err
		}
		if err := w.State.UnmarshalText([]byte(state)); err != nil {
			return err
		}
		if object != "" {
			w.Object = json.RawMessage(object)
		}
		w.Spec = spec
		s.Wants = append(s.Wants, w)
		s.Seq = max(s.Seq, w.Seq)
	}
	return rows.Err()
}
