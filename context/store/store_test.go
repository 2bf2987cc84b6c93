package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

func count(from, to int) []int {
	var all []int
	for n := from; n <= to; n++ {
		all = append(all, n)
	}
	return all
}

func TestWritesAreInTheFileInTheirOrder(t *testing.T) {
	h := open(t, options(t))
	var order []int
	for n := range 5000 { // before Run: they wait
		h.Do(func(tx *Tx) error {
			order = append(order, n)
			return insert(n)(tx)
		})
	}
	h.run()
	if err := h.durable(); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(order, count(0, 4999)) || !slices.Equal(h.numbers(), order) {
		t.Errorf("%d written, %d rows, not in order", len(order), len(h.numbers()))
	}
	if s := h.Stats(); s.Written != 5000 || s.Commits > 5000/group+1 || s.Waiting != 0 || s.Lost != 0 || s.Refused != 0 {
		t.Errorf("stats %+v", s)
	}
}

func TestABarrierWithNothingBeforeItIsAnswered(t *testing.T) {
	h := open(t, options(t)).run()
	for range 3 {
		if err := h.durable(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestAWrongWriteIsUndoneAlone(t *testing.T) {
	h := open(t, options(t))
	h.Do(insert(1))
	h.Do(func(tx *Tx) error { // half of it is right
		if err := insert(100)(tx); err != nil {
			return err
		}
		return insert(1)(tx)
	})
	h.Do(insert(2))
	h.Do(func(tx *Tx) error { // all of it is right, and its owner thinks better of it
		return errors.Join(insert(101)(tx), errors.New("on second thoughts"))
	})
	h.Do(func(tx *Tx) error {
		_, err := tx.Exec(`INSERT INTO nowhere VALUES (1)`)
		return err
	})
	h.Do(insert(3))
	h.run()
	if err := h.durable(); err != nil {
		t.Fatal(err)
	}
	if got := h.numbers(); !slices.Equal(got, []int{1, 2, 3}) {
		t.Errorf("rows %v", got)
	}
	if s := h.Stats(); s.Written != 3 || s.Refused != 3 || s.Failing != "" {
		t.Errorf("stats %+v", s)
	}
}

func TestOfAKeyTheLatestIsWritten(t *testing.T) {
	h := open(t, options(t))
	made := 0
	for n := range 100 {
		h.Put("one", func(tx *Tx) error {
			made++
			_, err := tx.Exec(`INSERT INTO rows (n, text) VALUES (1, ?1) ON CONFLICT DO UPDATE SET text = ?1`, fmt.Sprint(n))
			return err
		})
	}
	h.run()
	if err := h.durable(); err != nil {
		t.Fatal(err)
	}
	if got := h.text(1); got != "99" || made != 1 {
		t.Errorf("text %q after %d writes", got, made)
	}
}

func (h held) text(n int) string {
	h.tb.Helper()
	rows, err := h.Read(h.tb.Context(), `SELECT text FROM rows WHERE n = ?`, n)
	if err != nil {
		h.tb.Fatal(err)
	}
	defer rows.Close()
	var text string
	for rows.Next() {
		if err := rows.Scan(&text); err != nil {
			h.tb.Fatal(err)
		}
	}
	return text
}

func TestCloseWritesWhatWaitsAlsoWithoutRun(t *testing.T) {
	o := options(t)
	h := open(t, o)
	h.Do(insert(1))
	told := make(chan error, 1)
	h.Barrier(func(err error) { told <- err })
	if err := h.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := <-told; err != nil {
		t.Errorf("the barrier was told %v", err)
	}
	h.Do(insert(2)) // too late, and counted
	h.Barrier(func(err error) { told <- err })
	if err := <-told; !errors.Is(err, ErrClosed) {
		t.Errorf("a barrier after Close was told %v", err)
	}
	if s := h.Stats(); s.Written != 1 || s.Lost != 1 {
		t.Errorf("stats %+v", s)
	}
	if err := h.Run(t.Context()); !errors.Is(err, ErrClosed) {
		t.Errorf("Run after Close: %v", err)
	}
	if err := h.Close(t.Context()); err != nil {
		t.Errorf("second Close: %v", err)
	}
	if got := open(t, o).numbers(); !slices.Equal(got, []int{1}) {
		t.Errorf("rows %v", got)
	}
	if left, _ := filepath.Glob(o.Path + "-wal"); left != nil {
		if info, err := os.Stat(left[0]); err != nil || info.Size() > 0 {
			t.Errorf("a -wal is left: %v %v", info.Size(), err)
		}
	}
}

func TestRunEndsWithItsContextAndCanRunAgain(t *testing.T) {
	h := open(t, options(t))
	for n := range 3 {
		ctx, cancel := context.WithCancel(t.Context())
		over := make(chan error, 1)
		go func() { over <- h.Run(ctx) }() // ends with ctx
		h.Do(insert(2 * n))
		if err := h.durable(); err != nil {
			t.Fatal(err)
		}
		if err := h.Run(t.Context()); !errors.Is(err, ErrRunning) {
			t.Fatalf("a second Run: %v", err)
		}
		h.Do(insert(2*n + 1))
		cancel()
		if err := <-over; err != nil {
			t.Fatal(err)
		}
	}
	if got := h.numbers(); !slices.Equal(got, count(0, 5)) {
		t.Errorf("rows %v", got)
	}
}

func TestRunEndsWhileCallersGoOn(t *testing.T) {
	h := open(t, options(t))
	ctx, cancel := context.WithCancel(t.Context())
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() { // ends with stop
		defer close(stopped)
		for {
			select {
			case <-stop:
				return
			default:
				h.Do(func(*Tx) error { return nil })
			}
		}
	}()
	over := make(chan error, 1)
	go func() { over <- h.Run(ctx) }() // ends with ctx
	if err := h.durable(); err != nil && !errors.Is(err, ErrLost) {
		t.Error(err)
	}
	cancel()
	if err := once(t, "the end of Run", over); err != nil {
		t.Error(err)
	}
	close(stop)
	<-stopped
}

func TestFlushDoesNotWaitForAWriterThatDoesNotRun(t *testing.T) {
	h := open(t, options(t))
	h.Do(insert(1))
	if err := h.Flush(t.Context()); err != nil || len(h.numbers()) != 0 {
		t.Errorf("%v, %d rows", err, len(h.numbers()))
	}
	h.run()
	if err := h.durable(); err != nil { // it runs now
		t.Fatal(err)
	}
	h.Do(insert(2))
	if err := h.Flush(t.Context()); err != nil || len(h.numbers()) != 2 {
		t.Errorf("%v, %d rows", err, len(h.numbers()))
	}
}

func TestReadersCannotWriteAndSeeCommitsOnly(t *testing.T) {
	h := open(t, options(t))
	inside, release := make(chan struct{}), make(chan struct{})
	h.Do(func(tx *Tx) error {
		err := insert(1)(tx)
		close(inside)
		<-release
		return err
	})
	h.run()
	<-inside // the writer is in the middle of a transaction, and a reader does not wait for it
	if got := h.numbers(); len(got) != 0 {
		t.Errorf("rows %v before the commit", got)
	}
	close(release)
	if err := h.durable(); err != nil {
		t.Fatal(err)
	}
	rows, err := h.Read(t.Context(), `DELETE FROM rows RETURNING n`)
	if err == nil {
		for rows.Next() { //nolint:revive // its error is what matters
		}
		err = rows.Err()
		rows.Close()
	}
	if err == nil || !slices.Equal(h.numbers(), []int{1}) {
		t.Errorf("a reader has written: %v", err)
	}
}

func TestTheFileIsForItsOwnerAloneWhateverItsName(t *testing.T) {
	o := options(t)
	o.Path = filepath.Join(t.TempDir(), "a file?mode=memory&x=%41#1.db")
	h := open(t, o).run()
	h.Do(insert(1))
	if err := h.durable(); err != nil {
		t.Fatal(err)
	}
	if got := h.numbers(); len(got) != 1 {
		t.Errorf("rows %v", got)
	}
	for _, name := range []string{"", "-wal", "-shm"} {
		info, err := os.Stat(o.Path + name)
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %v", info.Name(), info.Mode())
		}
	}
}

func TestMigrationsOnlyAdd(t *testing.T) {
	o := options(t)
	h := open(t, o)
	h.Do(insert(1))
	if err := h.Close(t.Context()); err != nil {
		t.Fatal(err)
	}

	broken := o
	broken.Schema = append(slices.Clone(schema), `CREATE TABLE more (n INTEGER); CREATE TABLE rows (n INTEGER)`)
	if _, err := Open(t.Context(), broken); err == nil || !strings.Contains(err.Error(), "migrate from version 1 to 2") {
		t.Fatalf("a wrong migration: %v", err)
	}
	o.Schema = append(slices.Clone(schema), `ALTER TABLE rows ADD COLUMN note TEXT NOT NULL DEFAULT 'old'`, `CREATE TABLE more (n INTEGER)`)
	h = open(t, o)
	h.Do(func(tx *Tx) error {
		_, err := tx.Exec(`UPDATE rows SET text = note`)
		return err
	})
	h.run()
	if err := h.durable(); err != nil {
		t.Fatal(err)
	}
	if got := h.text(1); got != "old" {
		t.Errorf("text %q", got)
	}
	if err := h.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	// The file has all that the older program knows, should it be told to go on.
	o.Schema, o.Newer = schema, true
	if got := open(t, o).numbers(); !slices.Equal(got, []int{1}) {
		t.Errorf("rows %v", got)
	}
}

func TestANewerFileIsRefusedAndLeftAsItIs(t *testing.T) {
	for _, how := range []string{"closed", "crashed"} {
		t.Run(how, func(t *testing.T) {
			o := options(t)
			newer := o
			newer.Schema = append(slices.Clone(schema), `CREATE TABLE more (n INTEGER)`)
			h := open(t, newer)
			h.Do(insert(1))
			if how == "closed" {
				if err := h.Close(t.Context()); err != nil {
					t.Fatal(err)
				}
			} else { // it is still open, and its rows are in the -wal
				h.run()
				if err := h.durable(); err != nil {
					t.Fatal(err)
				}
			}
			before := contents(t, o.Path)
			_, err := Open(t.Context(), o)
			var refused *NewerError
			if !errors.As(err, &refused) || refused.Version != 2 || refused.Own != 1 || refused.Path != o.Path {
				t.Fatalf("%v", err)
			}
			if after := contents(t, o.Path); after != before {
				t.Error("the file was changed")
			}
			if strays, _ := filepath.Glob(o.Path + ".corrupt*"); strays != nil {
				t.Errorf("moved aside: %v", strays)
			}
		})
	}
}

// contents are the file and its -wal.
func contents(t *testing.T, path string) string {
	t.Helper()
	var all string
	for _, name := range []string{path, path + "-wal"} {
		b, err := os.ReadFile(name)
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			t.Fatal(err)
		}
		all += fmt.Sprintf("%s %d\n%s", filepath.Base(name), len(b), b)
	}
	return all
}

func TestOptionsAreChecked(t *testing.T) {
	for _, c := range []struct {
		change func(*Options)
		want   string
	}{
		{func(o *Options) { o.Path = "" }, "no Path"},
		{func(o *Options) { o.Schema = nil }, "no Schema"},
		{func(o *Options) { o.Logger = nil }, "no Logger"},
		{func(o *Options) { o.Ring = -1 }, "negative"},
		{func(o *Options) { o.Sync = 7 }, "neither"},
		{func(o *Options) { o.Schema = append(o.Schema, "Drop TABLE rows") }, "migration 1 says Drop"},
		{func(o *Options) { o.Vital = []string{"rows; DELETE"} }, "not a plain name"},
		{func(o *Options) { o.Path = filepath.Join(o.Path, "no such folder") }, "no such file"},
	} {
		o := options(t)
		o.Schema = slices.Clone(o.Schema)
		c.change(&o)
		if _, err := Open(t.Context(), o); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v, want %s", err, c.want)
		}
	}
}

func TestFullWaitsForTheDisk(t *testing.T) {
	for sync, want := range map[Sync]int{Normal: 1, Full: 2} { // sqlite.org/pragma.html#pragma_synchronous
		o := options(t)
		o.Sync = sync
		h := open(t, o)
		var got int
		h.Do(func(tx *Tx) error {
			rows, err := tx.Query(`PRAGMA synchronous`)
			if err != nil {
				return err
			}
			defer rows.Close()
			for rows.Next() {
				err = errors.Join(err, rows.Scan(&got))
			}
			return err
		})
		h.run()
		if err := h.durable(); err != nil || got != want {
			t.Errorf("%s: synchronous is %d, %v", sync, got, err)
		}
	}
}

// A file of somebody else's is no damage.
func TestAForeignDatabaseIsNotTouched(t *testing.T) {
	o := options(t)
	other, err := sql.Open("sqlite", o.Path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := other.Exec(`CREATE TABLE rows (theirs TEXT)`); err != nil {
		t.Fatal(err)
	}
	other.Close()
	if _, err := Open(t.Context(), o); err == nil || !strings.Contains(err.Error(), "migrate from version 0 to 1") {
		t.Errorf("%v", err)
	}
	if strays, _ := filepath.Glob(o.Path + ".corrupt*"); strays != nil {
		t.Errorf("moved aside: %v", strays)
	}
}

func TestManyMayWriteAndAskAtOnce(t *testing.T) {
	h := open(t, options(t)).run()
	if err := h.durable(); err != nil { // it runs now, and Flush waits for it
		t.Fatal(err)
	}
	const each, callers = 300, 8
	over := make(chan error, callers)
	for c := range callers {
		go func() { // ends after its rows
			for n := range each {
				h.Do(insert(c*each + n))
			}
			over <- h.Flush(context.Background())
		}()
	}
	for range callers {
		if err := <-over; err != nil {
			t.Fatal(err)
		}
	}
	if got := len(h.numbers()); got != each*callers {
		t.Errorf("%d rows", got)
	}
}

// once is a channel's word, or a failure.
func once[T any](t *testing.T, what string, from <-chan T) T {
	t.Helper()
	select {
	case v := <-from:
		return v
	case <-time.After(30 * time.Second):
		t.Fatalf("no word within 30 s: %s", what)
		panic("not reached")
	}
}
