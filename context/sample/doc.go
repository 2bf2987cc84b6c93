// Package sample reads what processes cost: a pass a tick over processes and all
// their descendants, at about the price that the kernel itself charges.
//
// Its figures have the types and the meaning of gopsutil v3, so that they are those of
// gopsutil and psutil for the same process; tests stop processes and compare. What
// could not be had is named in Process.Missing, with the reason, and the rest is there:
// a process that vanishes, a zombie, a number that is somebody else's by now and a
// refused permission are entries, and never the end of a tick.
//
//	s, err := sample.New(sample.DefaultOptions())
//	…
//	defer s.Close()
//	tree := s.Watch(sample.Target{PID: pid, Want: sample.Connections})
//	for range ticks {
//		s.Tick(tree)
//		for _, p := range tree.Processes() { // the process itself, then its descendants
//			fmt.Println(p.PID, p.Memory.RSS, p.CPUPercent, len(p.Connections))
//		}
//	}
//
// How it is cheap:
//
//   - The gate. A process whose CPU clock has not moved since it was read has not run:
//     its state, threads, children and descriptors are what they were. It costs one
//     clock_gettime(2). Some figures change without it (memory that is reclaimed, children
//     that are inherited), so those of everybody are read every tenth tick, of a tenth of
//     them at a time.
//   - Files are kept open and read again by pread(2). They are also safe against a pid
//     that is used again: they belong to the process and not to its number.
//   - fstat(2) of the descriptors' folder gives their number (Linux 6.2; before that
//     they are counted).
//   - Sockets are listed once a tick and network namespace, by sock_diag(7), and joined
//     by inode; where ours are few, they are asked for one by one instead. Their addresses
//     are written out when they change.
//   - Once all processes were seen a tick allocates nothing.
//
// Memory maps and PSS take a lock of the process that is read, which may be held for
// long by one in trouble: a worker reads them, and a tick waits for it no longer than
// Options.MapsPatience.
//
// It never starts, signals or traces a process, never runs a program, and starts no
// goroutine before memory maps are asked for. Nothing but tests calls gopsutil per
// process. A Sampler belongs to one goroutine.
//
// Why not gopsutil's calls: each opens, reads and parses by itself; a process with
// sockets costs the listing of all sockets of the machine, children a listing of all
// processes, and its CPU percentage is 0 for every new object.
//
// Why not taskstats or the proc connector: they want CAP_NET_ADMIN, and tell nothing of
// descriptors and sockets. Why not eBPF: root, and another toolchain.
package sample
