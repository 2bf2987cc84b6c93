// Package kernel is what the keeper asks of Linux and package syscall has no words for:
// pidfds, exits that are looked at and left there, the start ticks and children of a
// process, and the clock of its boot. Standard library and system calls, nothing else.
//
//	fd, err := kernel.OpenPidfd(pid, 0)
//	…
//	exit, dead := kernel.PeekExit(pid) // how it ended; its number stays taken
//	kernel.Reap(pid)
//
// It keeps nothing and decides nothing: each function is one question. What is read from
// /proc is read without the runtime's poller and without allocating, because a
// keeper asks it of each process that comes its way.
//
// Why not golang.org/x/sys/unix: the keeper is to outlive everybody, and these are a
// dozen calls.
package kernel
