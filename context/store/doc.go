// Package store opens, migrates and batches SQLite files for their owners. It is
// a leaf: anyone may import it, it imports none of ours and knows nobody's
// tables. Each owner has a schema and a file of its own.
//
//	db, err := store.Open(ctx, store.Options{
//		Path:   filepath.Join(dir, "history.db"),
//		Schema: []string{`CREATE TABLE samples (at INTEGER, rss INTEGER)`},
//		Logger: logger,
//	})
//	…
//	go db.Run(ctx)                        // the writer
//	db.Do(func(tx *store.Tx) error {      // never blocks
//		_, err := tx.Exec(`INSERT INTO samples VALUES (?, ?)`, at, rss)
//		return err
//	})
//	db.Barrier(func(err error) { … })     // nil: what was queued before is in the file
//	rows, err := db.Read(ctx, `SELECT max(rss) FROM samples`)
//
// # What it promises
//
// Do, Put and Barrier never block: they are called by loops that supervise
// processes, and no disk may hold those up. Writes are committed in the order of
// the calls, in groups: whatever came while one commit was under way is the next
// one. A write whose own statement is wrong is undone, counted and said, and its
// neighbours are committed all the same.
//
// When the disk is full, broken or slow, writes wait in a ring of Options.Ring
// places and are tried again, at first soon, then every Options.Retry; when the
// ring runs over the oldest are lost, counted in Stats and said in the log. A
// Barrier is answered with an error then, so that nobody waits for a disk: at
// once while writing fails, after Options.Patience while a commit does not come
// back; one who can wait asks with Durable. When writing works again all goes on
// by itself.
//
// A write made by Put is never lost that way: it stands for the value of a key,
// of which only the latest counts, and what was pushed out of the ring is
// written first when writing works again. History may have a hole; what is
// wanted may not.
//
// A write waits Options.Linger for others to come along, unless somebody asks with
// Barrier: one commit for what belongs together, and of a key the latest only.
// Whoever makes a rush of writes, and has promised nobody anything yet, may say so:
// Gather holds them back until the rush is over, and they are one group then.
//
// # The file
//
// WAL, so that a reader never waits for the writer nor the writer for a reader.
// The file is 0600: what owners keep may hold the environment of services.
// Migrations are numbered by user_version and only add, so that a program one
// version back finds all it knows. Still, a file newer than the schema is
// refused with *NewerError and left as it is, unless Options.Newer says that an
// upgrade was rolled back. A damaged file is moved to NAME.corrupt-TIME, with
// its -wal and -shm, so that sqlite3 .recover can be tried on it; this is said,
// what can be read of Options.Vital is carried over, and a new file is begun.
//
// # NORMAL or FULL
//
// In WAL mode synchronous=NORMAL does not wait for the disk at a commit: the
// kernel has the rows. They outlive our own death by any signal, which is what
// most owners need, because after a power cut everything that the rows spoke of
// is gone as well; the file stays whole in any case, it only lacks the last
// moments. A commit costs some 20 µs, where one that waits costs what the disk
// takes: 70 µs where it has a cache of its own, else milliseconds. Full waits for the disk at each
// commit: for rows that the world outside has been told of and that must outlive
// a power cut, as the identifier that the watchdog has given to an agent.
//
// # Why not …
//
// Why not return the error of each write to its caller: nobody could wait for
// it. Who needs to know asks with Barrier.
//
// Why not drop the newest when the ring is full: the last thing before a disk
// came back is what somebody will look for.
//
// Why not one file for all owners: a retention run of one would delay another's
// commit, and a damaged page would take everything along.
//
// Why not check the whole file at Open: it takes seconds with a million rows,
// and services wait to be started. The header, the schema and the Vital tables
// are checked; a damaged page elsewhere is met, and dealt with, when it is read
// by the writer.
package store
