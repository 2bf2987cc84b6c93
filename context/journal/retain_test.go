package journal

import (
	"os"
	"strings"
	"testing"
	"time"

	"zmicroservices/context/event"
)

// size is what the journal takes on the disk.
func size(tb testing.TB, path string) int64 {
	tb.Helper()
	var all int64
	for _, name := range []string{path, path + "-wal"} {
		if info, err := os.Stat(name); err == nil {
			all += info.Size()
		}
	}
	return all
}

// fill records so many rows of a transaction, young ones, and waits for the disk
// now and then, as callers that acknowledge exits do.
func (h held) fill(transaction event.TransactionID, from, to uint64) {
	h.tb.Helper()
	for seq := from; seq <= to; seq++ {
		c := change(seq)
		c.At, c.Transaction = time.Now(), transaction
		h.Record(c)
		if seq%4096 == 0 {
			h.durable()
		}
	}
	h.durable()
}

// calm waits until retention finds no more.
func (h held) calm() {
	h.tb.Helper()
	for h.durable(); h.trimming.Load(); {
		h.durable()
	}
}

// bounded records many times what is kept, and sees that the file stays what it
// was when that was reached.
func bounded(t *testing.T, keep int, times int) (rows int, full, end int64) {
	o := options(t)
	o.Rows = keep
	h := open(t, o).run()
	h.Begin(Transaction{ID: tr, Began: epoch})
	h.fill(tr, 1, uint64(keep+keep/10))
	h.calm()
	full = size(t, o.Path)
	h.fill(tr, uint64(keep+keep/10)+1, uint64(times*keep))
	h.calm()
	end = size(t, o.Path)
	latest := h.history(Filter{Latest: true, Limit: 1})
	first := h.history(Filter{Limit: 1})
	if len(latest) != 1 || latest[0].Change.Seq != uint64(times*keep) {
		t.Fatalf("the latest is %+v", latest)
	}
	rows = int(latest[0].Row - first[0].Row + 1)
	if rows < keep || rows > keep+2*every {
		t.Errorf("%d rows are kept of %d", rows, keep)
	}
	if end > full+full/4+8<<20 {
		t.Errorf("the file has grown from %d to %d", full, end)
	}
	return rows, full, end
}

func TestTheJournalKeepsSoManyRows(t *testing.T) {
	rows, full, end := bounded(t, 2000, 4)
	t.Logf("%d rows in %d KiB, %d KiB when they were first so many", rows, end>>10, full>>10)
}

func TestOldRowsGoAndOpenTransactionsStay(t *testing.T) {
	o := options(t)
	h := open(t, o)
	h.Begin(Transaction{ID: tr, Began: epoch})
	h.Begin(Transaction{ID: "ENDED", Began: epoch})
	for seq := range uint64(3 * piece) { // of long ago: change() has the epoch of the tests
		c := change(seq + 1)
		c.At = time.Now().Add(-31 * 24 * time.Hour)
		h.Record(c)
		c.Transaction = "ENDED"
		h.Record(c)
	}
	h.Want(Want{Transaction: tr, Task: "ts001", Up: true})
	h.End("ENDED")
	young := change(3*piece + 1)
	young.Transaction, young.At = "YOUNG", time.Now()
	h.Record(young)
	h.Record(young)
	h.run()
	h.calm()
	if rows := h.history(Filter{}); len(rows) != 2 || rows[0].Row != 6*piece+1 {
		t.Errorf("%d rows, the first is %d", len(rows), rows[0].Row)
	}
	saved, err := h.Saved(t.Context())
	if err != nil || len(saved) != 1 || len(saved[0].Wants) != 1 || saved[0].Seq != 3*piece {
		t.Errorf("%+v %v", saved, err)
	}
	if got := h.transactions(); len(got) != 2 || got[0] != string(tr) || got[1] != "YOUNG" {
		t.Errorf("transactions %v", got)
	}
}

func (h held) transactions() []string {
	h.tb.Helper()
	rows, err := h.db.Read(h.tb.Context(), `SELECT id FROM transactions ORDER BY number`)
	if err != nil {
		h.tb.Fatal(err)
	}
	defer rows.Close()
	var all []string
	for rows.Next() {
		var id string
		if err := rows.Scan(&id); err != nil {
			h.tb.Fatal(err)
		}
		all = append(all, id)
	}
	return all
}

// The newest row stays, however old: its number must not be used again.
func TestRowNumbersAreNeverUsedTwice(t *testing.T) {
	o := options(t)
	h := open(t, o).run()
	old := change(1)
	old.At = time.Unix(0, 0)
	for range 3 * every {
		h.Record(old)
	}
	h.calm()
	h.trim()
	h.calm()
	rows := h.history(Filter{})
	if len(rows) != 1 || rows[0].Row != 3*every {
		t.Errorf("%d rows, the first is %d", len(rows), rows[0].Row)
	}
	h.Record(old)
	h.trim()
	h.calm()
	if rows := h.history(Filter{}); rows[0].Row != 3*every+1 {
		t.Errorf("the next row is %d", rows[0].Row)
	}
}

func TestABootVoidsWhatWasWanted(t *testing.T) {
	o := options(t)
	o.Keep = time.Hour
	h := open(t, o)
	h.Begin(Transaction{ID: tr, Began: time.Now().Add(-2 * time.Hour)})
	h.Begin(Transaction{ID: "RECENT", Began: time.Now()})
	h.Want(Want{Transaction: tr, Task: "ts001", Up: true})
	h.Want(Want{Transaction: "RECENT", Task: "ts001", Up: true})
	if err := h.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	o.Boot = "boot-2"
	h = open(t, o).run()
	h.sweep()
	h.durable()
	if got := h.transactions(); len(got) != 1 || got[0] != "RECENT" {
		t.Errorf("transactions %v", got)
	}
	rows, err := h.db.Read(t.Context(), `SELECT count(*) FROM wants`)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var n int
	for rows.Next() {
		if err := rows.Scan(&n); err != nil {
			t.Fatal(err)
		}
	}
	if n != 0 {
		t.Errorf("%d wants of the last boot", n)
	}
}

// What a burst has taken is given back when it is gone.
func TestTheFileShrinks(t *testing.T) {
	o := options(t)
	h := open(t, o)
	h.Begin(Transaction{ID: tr, Began: epoch})
	for seq := range uint64(1500) {
		c := change(seq + 1)
		c.At, c.Reason = time.Unix(0, 0), strings.Repeat("long ", 400)
		h.Record(c)
	}
	if err := h.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	before := size(t, o.Path)
	h = open(t, o).run()
	h.calm()
	for range 10 { // each gives back a piece at least, and queues the next
		h.sweep()
		h.durable()
	}
	if err := h.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if after := size(t, o.Path); after > before/2 {
		t.Errorf("the file has %d KiB of %d left", after>>10, before>>10)
	}
}
