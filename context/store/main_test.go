package store

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	if len(os.Args) > 2 && os.Args[1] == "child" {
		os.Exit(child(os.Args[2], os.Args[3:]))
	}
	// A program built with -race sleeps for a second before it exits.
	if err := os.Setenv("GORACE", "atexit_sleep_ms=0"); err != nil {
		panic(err)
	}
	goleak.VerifyTestMain(m)
}

var schema = []string{`CREATE TABLE rows (n INTEGER PRIMARY KEY, text TEXT NOT NULL DEFAULT '') STRICT`}

// options are those of a store in a folder of the test's own.
func options(tb testing.TB) Options {
	return Options{
		Path: filepath.Join(tb.TempDir(), "test.db"), Schema: schema,
		Logger: slog.New(slog.NewTextHandler(tb.Output(), nil)),
	}
}

// held is a store under test. Its Run ends with the test.
type held struct {
	*DB
	tb testing.TB
}

// open opens a store that is closed with the test, and lets it run unless told
// otherwise.
func open(tb testing.TB, o Options) held {
	tb.Helper()
	d, err := Open(tb.Context(), o)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = d.Close(context.Background()) })
	return held{d, tb}
}

func (h held) run() held {
	go func() { _ = h.Run(context.Background()) }() // ends with Close
	return h
}

// insert is a write of one row.
func insert(n int) func(*Tx) error {
	return func(tx *Tx) error {
		_, err := tx.Exec(`INSERT INTO rows (n) VALUES (?)`, n)
		return err
	}
}

// durable waits until all that was queued is in the file.
func (h held) durable() error {
	h.tb.Helper()
	reply := make(chan error, 1)
	h.Barrier(func(err error) { reply <- err })
	select {
	case err := <-reply:
		return err
	case <-time.After(30 * time.Second):
		h.tb.Fatal("the barrier was not answered within 30 s")
		return nil
	}
}

// numbers reads all rows, in order.
func (h held) numbers() []int {
	h.tb.Helper()
	rows, err := h.Read(h.tb.Context(), `SELECT n FROM rows ORDER BY n`)
	if err != nil {
		h.tb.Fatal(err)
	}
	defer rows.Close()
	var all []int
	for rows.Next() {
		var n int
		if err := rows.Scan(&n); err != nil {
			h.tb.Fatal(err)
		}
		all = append(all, n)
	}
	if err := rows.Err(); err != nil {
		h.tb.Fatal(err)
	}
	return all
}
