package keeper

import (
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"
	"unsafe"
)

// System calls that package syscall has no wrapper for. The numbers of those
// added since Linux 5.0 are the same on every architecture that Go runs on.
const (
	sysPidfdSendSignal = 424
	sysPidfdOpen       = 434

	prSetName           = 15
	prSetChildSubreaper = 36
	pPID                = 1
	wNOWAIT             = 0x01000000
	cldExited           = 1
	cldDumped           = 3
)

// becomeSubreaper makes orphans among our descendants our children instead of
// init's (prctl(2) PR_SET_CHILD_SUBREAPER).
func becomeSubreaper() error {
	if _, _, e := syscall.RawSyscall6(syscall.SYS_PRCTL, prSetChildSubreaper, 1, 0, 0, 0, 0); e != 0 {
		return os.NewSyscallError("prctl", e)
	}
	return nil
}

// closeOnExec marks every descriptor from 3 up: what the provider's own parent
// left open must not reach a service.
func closeOnExec() {
	entries, _ := os.ReadDir("/proc/self/fd")
	for _, entry := range entries {
		if fd, err := strconv.Atoi(entry.Name()); err == nil && fd > 2 {
			syscall.CloseOnExec(fd)
		}
	}
}

// setCloseOnExec is fcntl(2) F_SETFD.
func setCloseOnExec(fd int, on bool) {
	flag := uintptr(0)
	if on {
		flag = syscall.FD_CLOEXEC
	}
	_, _, _ = syscall.Syscall(syscall.SYS_FCNTL, uintptr(fd), syscall.F_SETFD, flag)
}

// setName is what ps and top show for a program that was executed as
// /proc/self/exe.
func setName(name string) {
	text := append([]byte(name), 0)
	_, _, _ = syscall.RawSyscall(syscall.SYS_PRCTL, prSetName, uintptr(unsafe.Pointer(&text[0])), 0)
}

// pidfdOpen is pidfd_open(2); the descriptor is closed on exec.
func pidfdOpen(pid int, flags uintptr) (int, error) {
	fd, _, e := syscall.RawSyscall(sysPidfdOpen, uintptr(pid), flags, 0)
	if e != 0 {
		return -1, os.NewSyscallError("pidfd_open", e)
	}
	return int(fd), nil
}

// pidfdSignal is pidfd_send_signal(2): it cannot hit a stranger who was given
// the number since.
func pidfdSignal(fd int, sig syscall.Signal) error {
	_, _, e := syscall.RawSyscall6(sysPidfdSendSignal, uintptr(fd), uintptr(sig), 0, 0, 0, 0)
	if e != 0 {
		return os.NewSyscallError("pidfd_send_signal", e)
	}
	return nil
}

// dup is fcntl(2) F_DUPFD_CLOEXEC.
func dup(fd int) (int, error) {
	got, _, e := syscall.Syscall(syscall.SYS_FCNTL, uintptr(fd), syscall.F_DUPFD_CLOEXEC, 3)
	if e != 0 {
		return -1, os.NewSyscallError("fcntl", e)
	}
	return int(got), nil
}

// readable asks ppoll(2) without waiting.
func readable(fd int) bool {
	p := struct {
		fd             int32
		events, gotten int16
	}{fd: int32(fd), events: 1} // POLLIN
	var now syscall.Timespec
	n, _, _ := syscall.Syscall6(syscall.SYS_PPOLL, uintptr(unsafe.Pointer(&p)), 1, uintptr(unsafe.Pointer(&now)), 0, 0, 0)
	return int(n) > 0
}

// exit is how a leader ended.
type exit struct {
	code   int
	signal syscall.Signal
	core   bool
}

// peekExit reads how a dead child ended and leaves it unreaped, so that its
// number, which is its group's too, stays taken. False: it is not dead.
func peekExit(pid int) (exit, bool) {
	var info [128]byte // siginfo_t, sigaction(2)
	for {
		_, _, e := syscall.Syscall6(syscall.SYS_WAITID, pPID, uintptr(pid), uintptr(unsafe.Pointer(&info)),
			syscall.WEXITED|syscall.WNOHANG|wNOWAIT, 0, 0)
		if e == 0 {
			break
		}
		if e != syscall.EINTR {
			return exit{}, false
		}
	}
	// signo, errno, code, then a union that is aligned to the word: pid, uid, status.
	const word = unsafe.Sizeof(uintptr(0))
	const union = (12 + word - 1) &^ (word - 1)
	at := func(off uintptr) int { return int(*(*int32)(unsafe.Pointer(&info[off]))) }
	if at(union) != pid {
		return exit{}, false
	}
	status := at(union + 8)
	switch at(8) {
	case cldExited:
		return exit{code: status}, true
	case cldDumped:
		return exit{signal: syscall.Signal(status), core: true}, true
	default:
		return exit{signal: syscall.Signal(status)}, true
	}
}

// reap takes a dead child out of the process table. False: it is not dead, or
// not ours.
func reap(pid int) bool {
	for {
		got, err := syscall.Wait4(pid, nil, syscall.WNOHANG, nil)
		if err != syscall.EINTR {
			return got == pid
		}
	}
}

// stat is what the keeper reads of proc_pid_stat(5).
type stat struct {
	state  byte
	parent int
	group  int
	ticks  uint64
}

// readStat reads /proc/PID/stat. False: there is no such process any more.
func readStat(pid int) (stat, bool) {
	var buf [512]byte
	n, ok := readFile("/proc/"+strconv.Itoa(pid)+"/stat", buf[:])
	if !ok {
		return stat{}, false
	}
	return parseStat(string(buf[:n]))
}

func parseStat(text string) (stat, bool) {
	// The name in parentheses may hold spaces and parentheses itself.
	f := strings.Fields(text[strings.LastIndexByte(text, ')')+1:])
	if len(f) < 20 || len(f[0]) != 1 || f[0][0] < 'A' {
		return stat{}, false
	}
	parent, err1 := strconv.Atoi(f[1])
	group, err2 := strconv.Atoi(f[2])
	ticks, err3 := strconv.ParseUint(f[19], 10, 64)
	return stat{f[0][0], parent, group, ticks}, err1 == nil && err2 == nil && err3 == nil
}

// readFile reads the beginning of a /proc file into buf without the poller,
// the finalizer and the allocations of os.File.
func readFile(path string, buf []byte) (int, bool) {
	fd, err := syscall.Open(path, syscall.O_RDONLY|syscall.O_CLOEXEC, 0)
	if err != nil {
		return 0, false
	}
	defer syscall.Close(fd)
	total := 0
	for total < len(buf) {
		n, err := syscall.Read(fd, buf[total:])
		if err == syscall.EINTR {
			continue
		}
		if n <= 0 {
			return total, err == nil
		}
		total += n
	}
	return total, true
}

// host is the part of an Identity that all our children share.
type host struct {
	boot  string
	pidns uint64
}

func readHost() host {
	var h host
	var buf [64]byte
	if n, ok := readFile("/proc/sys/kernel/random/boot_id", buf[:]); ok {
		h.boot = strings.TrimSpace(string(buf[:n]))
	}
	var st syscall.Stat_t
	if syscall.Stat("/proc/self/ns/pid", &st) == nil {
		h.pidns = st.Ino
	}
	return h
}

func (h host) identify(pid int) Identity {
	st, _ := readStat(pid)
	return Identity{PID: pid, Ticks: st.ticks, Boot: h.boot, PIDNS: h.pidns}
}

// clock reads CLOCK_MONOTONIC as time.Since does, without a system call each time.
type clock struct {
	start time.Time
	base  int64
	up    time.Duration // since boot, at start, suspended time included
}

func newClock() clock {
	var ts syscall.Timespec
	const monotonic = 1
	_, _, _ = syscall.RawSyscall(syscall.SYS_CLOCK_GETTIME, monotonic, uintptr(unsafe.Pointer(&ts)), 0)
	c := clock{start: time.Now(), base: ts.Nano()}
	const boottime = 7
	_, _, _ = syscall.RawSyscall(syscall.SYS_CLOCK_GETTIME, boottime, uintptr(unsafe.Pointer(&ts)), 0)
	c.up = time.Duration(ts.Nano())
	return c
}

// boot is when the kernel began, by this clock.
func (c clock) boot() time.Time { return c.start.Add(-c.up) }

func (c clock) mono(t time.Time) int64 { return c.base + int64(t.Sub(c.start)) }
