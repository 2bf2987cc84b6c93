// Package logfile writes the output of task services to files: stamped lines, appended,
// cut by size and age, within a budget for all of them, and never in the way of whoever
// adds them.
//
//	w := logfile.New(filepath.Join(stateDir, "logs"), wake)
//	go w.Run()
//	f := w.Open(path, logfile.Owner{Transaction: "tr", Task: "ts001"}, logfile.Limits{MaxSize: 10 << 20, Keep: 5})
//	w.Lock()
//	f.Add(logfile.Stamp(time.Now(), "out"), nil, line)
//	w.Unlock()
//	…
//	w.Release(f) // the last share closes the file behind its last line
//	w.Close()
//	<-w.Done()
//
// Adding never waits for a disk and never fails. What finds no room, or a disk that is
// full, is dropped: counted for its owner (News), and said in the file where it is
// missing. A line is in one file, whole, or in none.
//
// It reads no pipes and knows no processes; compressing is for others, who may take a cut
// file at any time. Its goroutines are Run, and up to three more that stand in for one
// that a disk holds up; all end after Close when everything is written.
//
// Why not a goroutine a file? A thousand threads, when the disk stalls. One writes; up to
// three stand in for it while it is stuck.
//
// Why not ts001.log.1, .2, .3 for the files that were cut? Every cut renames all of them,
// under whoever reads, compresses or ships one. A name with the time of the cut is a
// file's for good; it sorts, and says without a look into it that nothing in it is newer.
package logfile
