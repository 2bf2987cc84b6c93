package journal

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"go.uber.org/goleak"

	"zmicroservices/context/event"
)

func TestMain(m *testing.M) {
	if len(os.Args) > 2 && os.Args[1] == "child" {
		os.Exit(child(os.Args[2]))
	}
	// A program built with -race sleeps for a second before it exits.
	if err := os.Setenv("GORACE", "atexit_sleep_ms=0"); err != nil {
		panic(err)
	}
	goleak.VerifyTestMain(m)
}

const tr = event.TransactionID("TRANSACTION000000001")

// epoch is when all tests begin.
var epoch = time.Date(2026, 11, 20, 14, 2, 11, 123456789, time.UTC)

func options(tb testing.TB) Options {
	return Options{
		Path: filepath.Join(tb.TempDir(), "journal.db"), Boot: "boot-1",
		Logger: slog.New(slog.NewTextHandler(tb.Output(), nil)),
	}
}

// held is a journal under test. It ends with the test.
type held struct {
	*Journal
	tb testing.TB
}

func open(tb testing.TB, o Options) held {
	tb.Helper()
	j, err := Open(tb.Context(), o)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = j.Close(context.Background()) })
	return held{j, tb}
}

func (h held) run() held {
	over := make(chan struct{})
	go func() { // ends with Close
		defer close(over)
		_ = h.Run(context.Background())
	}()
	h.tb.Cleanup(func() {
		_ = h.Close(context.Background())
		<-over
	})
	h.durable() // it runs now, and questions wait for it
	return h
}

// durable waits until all is in the file.
func (h held) durable() {
	h.tb.Helper()
	reply := make(chan error, 1)
	h.Durable(func(err error) { reply <- err }) // a slow machine is no failure
	select {
	case err := <-reply:
		if err != nil {
			h.tb.Fatal(err)
		}
	case <-time.After(2 * time.Minute):
		h.tb.Fatal("not committed within 2 min")
	}
}

// history reads what a filter lets through.
func (h held) history(f Filter) []Row {
	h.tb.Helper()
	rows, err := h.History(h.tb.Context(), f)
	if err != nil {
		h.tb.Fatal(err)
	}
	return rows
}

// change is a change with some of everything.
func change(seq uint64) event.Change {
	return event.Change{
		Seq: seq, At: epoch.Add(time.Duration(seq) * time.Second), Transaction: tr, Task: "ts001", Incarnation: 1, PID: 4711,
		From: event.Starting, To: event.Started, Event: "ready",
		Cause: event.Cause{Origin: event.ByOperator, By: "uid 0 pid 1", Parent: seq - 1, Root: 1, Request: fmt.Sprintf("request-%d", seq)},
	}
}
