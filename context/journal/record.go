package journal

import (
	"time"

	"zmicroservices/context/event"
	"zmicroservices/context/store"
	"zmicroservices/internal/crashpoint"
)

// Note is something that happened to no transaction, or to one as a whole,
// beside its Changes: the provider began or ended, the clock stepped, the keeper
// was lost, a command was refused before a transaction was found.
type Note struct {
	At          time.Time           `json:"at"` // zero: now
	Event       string              `json:"event"`
	Transaction event.TransactionID `json:"transaction,omitempty"`
	Task        event.TaskID        `json:"task,omitempty"`
	Cause       event.Cause         `json:"cause,omitzero"`
	Reason      string              `json:"reason,omitempty"` // in a line, for people
}

const insertRow = `INSERT INTO rows
	(at, "transaction", seq, task, incarnation, pid, "from", "to", event, origin, "by", parent, root, request, exit_code, signal, core, reason)
	VALUES (?, (SELECT number FROM transactions WHERE id = ?), ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`

// Record adds a change. Changes of one transaction are to come in the order of
// their Seq.
func (j *Journal) Record(c event.Change) {
	j.db.Do(func(tx *store.Tx) error { return insertChange(tx, &c) })
	j.count()
}

func insertChange(tx *store.Tx, c *event.Change) error {
	args := []any{
		c.At.UnixNano(), string(c.Transaction), int64(c.Seq), text(string(c.Task)), number(int64(c.Incarnation)), number(int64(c.PID)),
		c.From.String(), c.To.String(), c.Event, string(c.Cause.Origin), text(c.Cause.By),
		number(int64(c.Cause.Parent)), number(int64(c.Cause.Root)), text(c.Cause.Request), nil, nil, nil, text(c.Reason),
	}
	if e := c.Exit; e != nil {
		args[14], args[15], args[16] = e.Code, text(e.Signal), e.Core
	}
	if c.Task == "" {
		args[6], args[7] = nil, nil // a change of the whole group: no state
	}
	return insertFor(tx, c.Transaction, insertRow, args)
}

// insertFor runs an insert that looks up the number of its transaction. Where
// there is none, the NOT NULL of the column has refused it: Begin was never said,
// and the transaction is made.
func insertFor(tx *store.Tx, transaction event.TransactionID, query string, args []any) error {
	_, err := tx.Exec(query, args...)
	crashpoint.Here("journal written") // and not committed
	if err == nil {
		return nil
	}
	made, stub := tx.Exec(`INSERT OR IGNORE INTO transactions (id) VALUES (?)`, string(transaction))
	if stub != nil {
		return err
	}
	if n, _ := made.RowsAffected(); n == 0 { // it was there: something else is wrong
		return err
	}
	_, err = tx.Exec(query, args...)
	return err
}

// Note adds a row that is no Change.
func (j *Journal) Note(n Note) {
	if n.At.IsZero() {
		n.At = time.Now()
	}
	j.db.Do(func(tx *store.Tx) error {
		_, err := tx.Exec(`INSERT INTO rows (at, "transaction", seq, task, event, origin, "by", parent, root, request, reason)
			VALUES (?, coalesce((SELECT number FROM transactions WHERE id = ?), 0), 0, ?, ?, ?, ?, ?, ?, ?, ?)`,
			n.At.UnixNano(), string(n.Transaction), text(string(n.Task)), n.Event, text(string(n.Cause.Origin)), text(n.Cause.By),
			number(int64(n.Cause.Parent)), number(int64(n.Cause.Root)), text(n.Cause.Request), text(n.Reason))
		return err
	})
	j.count()
}

// text and number are NULL for what is not said, which takes no room in a row.
func text(s string) any {
	if s == "" {
		return nil
	}
	return s
}

func number(n int64) any {
	if n == 0 {
		return nil
	}
	return n
}
