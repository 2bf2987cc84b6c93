package sample

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// The calls of package unix take a path as a string and copy it. These take the bytes
// of one, NUL at the end, and allocate nothing.

func openat(dir int, path []byte, flags int) (int, error) {
	for {
		fd, _, errno := unix.Syscall6(unix.SYS_OPENAT, uintptr(dir), uintptr(unsafe.Pointer(&path[0])), uintptr(flags|unix.O_CLOEXEC), 0, 0, 0)
		if errno == 0 {
			return int(fd), nil
		}
		if errno != unix.EINTR {
			return -1, errno
		}
	}
}

func readlinkat(dir int, path, into []byte) (int, error) {
	n, _, errno := unix.Syscall6(unix.SYS_READLINKAT, uintptr(dir), uintptr(unsafe.Pointer(&path[0])), uintptr(unsafe.Pointer(&into[0])), uintptr(len(into)), 0, 0)
	if errno != 0 {
		return 0, errno
	}
	return int(n), nil
}

// cpuClock is the CPU clock of a process (clock_getcpuclockid(3)), in nanoseconds of
// all its threads, those that ended included.
func cpuClock(pid int32) (int64, error) {
	var t unix.Timespec
	// The number of the clock is ~pid<<3 | CPUCLOCK_SCHED.
	if err := unix.ClockGettime(^pid<<3|2, &t); err != nil {
		return 0, err
	}
	return t.Nano(), nil
}
