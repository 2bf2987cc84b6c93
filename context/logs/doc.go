// Package logs reads what the keeper wrote of the services' output, and compresses
// the files that it has cut.
//
// The output of a task service is <state_dir>/logs/<transaction>/<task>.log and the
// files cut from it, each named by the time of its cut:
//
//	ts001.log.20261121T044412.000000001Z.gz
//	ts001.log.20261121T044507.123456789Z
//	ts001.log
//
// Read gives the lines of one or all tasks in the order of their times, from first to
// last file; Follow goes on with what comes, from the files alone or from taps of the
// keeper, which hear a line also when the disk is full.
//
//	dir := filepath.Join(stateDir, "logs", transaction)
//	err := logs.Read(ctx, dir, logs.Query{Since: hourAgo, Last: 100}, func(l logs.Line) error {
//		_, err := fmt.Printf("%s %s %s\n", l.At.Format(time.TimeOnly), l.Task, l.Text)
//		return err
//	})
//
// It never writes a log: the keeper alone does, also when no provider is there. It
// removes a cut file in one case, when its compressed twin is on the disk, and a
// transaction's whole folder in one (Pruner), when it is over and many came after it.
//
// # Why not …
//
// Why not inotify to follow files? A watch a file, limits a user, and nothing on network file
// systems; a look five times a second is as soon as a person sees it, and is needed only
// where there is no provider to ask for a tap.
//
// Why not one compressor a file? It would take from the services what they are to have
// the machine for. One at a time, by a thread of the lowest priority (nice 19), is soon enough.
package logs
