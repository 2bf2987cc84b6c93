package kernel

import (
	"os"
	"syscall"
	"unsafe"
)

// Numbers of calls that were added since Linux 5.0: the same on every architecture that Go runs on.
const (
	sysPidfdSendSignal = 424
	sysPidfdOpen       = 434
)

// OpenPidfd is pidfd_open(2); the descriptor is closed on exec.
func OpenPidfd(pid int, flags uintptr) (int, error) {
	fd, _, e := syscall.RawSyscall(sysPidfdOpen, uintptr(pid), flags, 0)
	if e != 0 {
		return -1, os.NewSyscallError("pidfd_open", e)
	}
	return int(fd), nil
}

// Signal is pidfd_send_signal(2): it cannot hit a stranger who was given
// the number since.
func Signal(fd int, sig syscall.Signal) error {
	_, _, e := syscall.RawSyscall6(sysPidfdSendSignal, uintptr(fd), uintptr(sig), 0, 0, 0, 0)
	if e != 0 {
		return os.NewSyscallError("pidfd_send_signal", e)
	}
	return nil
}

// Readable asks ppoll(2) without waiting.
func Readable(fd int) bool {
	p := struct {
		fd             int32
		events, gotten int16
	}{fd: int32(fd), events: 1} // POLLIN
	var now syscall.Timespec
	n, _, _ := syscall.Syscall6(syscall.SYS_PPOLL, uintptr(unsafe.Pointer(&p)), 1, uintptr(unsafe.Pointer(&now)), 0, 0, 0)
	return int(n) > 0
}
