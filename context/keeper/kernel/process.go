package kernel

import (
	"os"
	"syscall"
	"unsafe"
)

const (
	prSetName           = 15
	prSetChildSubreaper = 36
	pPID                = 1
	wNOWAIT             = 0x01000000
	cldExited           = 1
	cldDumped           = 3
)

// BecomeSubreaper makes orphans among our descendants our children instead of
// init's (prctl(2) PR_SET_CHILD_SUBREAPER).
func BecomeSubreaper() error {
	if _, _, e := syscall.RawSyscall6(syscall.SYS_PRCTL, prSetChildSubreaper, 1, 0, 0, 0, 0); e != 0 {
		return os.NewSyscallError("prctl", e)
	}
	return nil
}

// SetName is what ps and top show for a program that was executed as
// /proc/self/exe.
func SetName(name string) {
	text := append([]byte(name), 0)
	_, _, _ = syscall.RawSyscall(syscall.SYS_PRCTL, prSetName, uintptr(unsafe.Pointer(&text[0])), 0)
}

// Exit is how a leader ended.
type Exit struct {
	Code   int            // without a meaning where Signal is set
	Signal syscall.Signal // that killed it; 0: it exited
	Core   bool           // it dumped core
}

// PeekExit reads how a dead child ended and leaves it unreaped, so that its
// number, which is its group's too, stays taken. False: it is not dead.
func PeekExit(pid int) (Exit, bool) {
	var info [128]byte // siginfo_t, sigaction(2)
	for {
		_, _, e := syscall.Syscall6(syscall.SYS_WAITID, pPID, uintptr(pid), uintptr(unsafe.Pointer(&info)),
			syscall.WEXITED|syscall.WNOHANG|wNOWAIT, 0, 0)
		if e == 0 {
			break
		}
		if e != syscall.EINTR {
			return Exit{}, false
		}
	}
	// signo, errno, code, then a union that is aligned to the word: pid, uid, status.
	const word = unsafe.Sizeof(uintptr(0))
	const union = (12 + word - 1) &^ (word - 1)
	at := func(off uintptr) int { return int(*(*int32)(unsafe.Pointer(&info[off]))) }
	if at(union) != pid {
		return Exit{}, false
	}
	status := at(union + 8)
	switch at(8) {
	case cldExited:
		return Exit{Code: status}, true
	case cldDumped:
		return Exit{Signal: syscall.Signal(status), Core: true}, true
	default:
		return Exit{Signal: syscall.Signal(status)}, true
	}
}

// Reap takes a dead child out of the process table. False: it is not dead, or
// not ours.
func Reap(pid int) bool {
	for {
		got, err := syscall.Wait4(pid, nil, syscall.WNOHANG, nil)
		if err != syscall.EINTR {
			return got == pid
		}
	}
}
