// Package journal keeps what happened and what is wanted: every Change with its
// Cause is a row, every task service that is wanted has a row of its own, and
// the chain from a change back to what began it can be asked for.
//
//	j, err := journal.Open(ctx, journal.Options{Path: path, Boot: bootID, Logger: logger})
//	saved, err := j.Saved(ctx)      // what recovery begins with
//	go j.Run(ctx)
//	j.Begin(journal.Transaction{ID: "5HGA…", ContextName: "context", Began: now})
//	j.Record(change)                // never blocks, like all that writes
//	j.Want(journal.Want{Transaction: "5HGA…", Task: "ts001", Up: true, Seq: change.Seq})
//	j.Committed(func(err error) { … acknowledge the exit … })
//	…
//	links, err := j.Why(ctx, "", "ts001")
//	fmt.Println(journal.Explain(links))
//	// restarted 14:02:11 because rule on_fail of frames called it; frames failed because it was killed by SIGKILL
//
// It decides nothing: which changes there are is for a group, what to do with
// what is saved is for the provider. It imports event and store alone.
//
// # Order and time
//
// Rows are in the order in which they were recorded, by the row's number. Within
// a transaction that is the order of Seq. Times are wall clock, kept as
// nanoseconds since 1970 UTC with a label beside them for people who open the
// file with sqlite3; a clock may step, so nothing is ordered by time, and a
// filter by time is only as good as the clock was.
//
// # What is lost and what is not
//
// See package store: when the disk fails, changes wait in a bounded ring and the
// oldest are lost and counted. What is wanted, and which transactions are open,
// is never lost while the process lives. What a crash of the process can lose is
// what Committed has not yet confirmed.
//
// # How long
//
// Rows older than Options.Keep, and the oldest beyond Options.Rows, are deleted
// in pieces between other writes, so that none of them waits long. A
// transaction goes with its last row unless it is open; its wants go when it is
// closed or the machine has booted since. An open transaction keeps its wants
// and its highest Seq however old its rows are.
//
// Why not append to a text file: why, history by task and retention need an
// index, and what is wanted is a table.
//
// Why not store Views: a View is what Changes add up to; two truths drift apart.
package journal
