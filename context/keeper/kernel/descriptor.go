package kernel

import (
	"os"
	"strconv"
	"syscall"
)

// CloseAllOnExec marks every descriptor from 3 up: what the provider's own parent
// left open must not reach a service.
func CloseAllOnExec() {
	entries, _ := os.ReadDir("/proc/self/fd")
	for _, entry := range entries {
		if fd, err := strconv.Atoi(entry.Name()); err == nil && fd > 2 {
			syscall.CloseOnExec(fd)
		}
	}
}

// SetCloseOnExec is fcntl(2) F_SETFD.
func SetCloseOnExec(fd int, on bool) {
	flag := uintptr(0)
	if on {
		flag = syscall.FD_CLOEXEC
	}
	_, _, _ = syscall.Syscall(syscall.SYS_FCNTL, uintptr(fd), syscall.F_SETFD, flag)
}

// Dup is fcntl(2) F_DUPFD_CLOEXEC.
func Dup(fd int) (int, error) {
	got, _, e := syscall.Syscall(syscall.SYS_FCNTL, uintptr(fd), syscall.F_DUPFD_CLOEXEC, 3)
	if e != 0 {
		return -1, os.NewSyscallError("fcntl", e)
	}
	return int(got), nil
}
