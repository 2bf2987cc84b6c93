package keeper

import (
	"runtime"
	"runtime/debug"
	"syscall"
	"unsafe"

	"zmicroservices/context/keeper/kernel"
)

// passage is the program of a passage; it returns only if it did not get through.
func passage() int {
	runtime.LockOSThread()
	syscall.CloseOnExec(passageFD)
	m, err := decode(readAll(passageFD))
	if err != nil || m.Kind != kindSpawn || m.Spec.Attributes == nil {
		return 1
	}
	calls, err := m.Spec.calls()
	if err != nil {
		return 1
	}
	failed, e := undergo(calls)
	_, _ = syscall.Write(passageFD, []byte{byte(failed.at), failed.limit, byte(e)})
	return 1
}

// readAll reads to the end. An os.File would be closed when it is collected.
func readAll(fd int) (text []byte) {
	buf := make([]byte, 64<<10)
	for {
		n, err := syscall.Read(fd, buf)
		if n > 0 {
			text = append(text, buf[:n]...)
		} else if err != syscall.EINTR {
			return text
		}
	}
}

// call is one system call of a passage. An argument is the sum of a number and a pointer,
// one of which is not there; the pointers keep what they point to on the heap.
type call struct {
	at       step
	limit    byte
	number   uintptr
	values   [4]uintptr
	pointers [4]unsafe.Pointer
}

// undergo makes the calls, of which the last is execve(2), and gives the one that the
// kernel refused.
//
// Nothing of Go happens in between, neither memory nor a thread is asked for: RLIMIT_AS
// and RLIMIT_NPROC are in force from their call on, and this process has more of both than
// many a limit allows. All are the calling thread's own, or the process's: the thread that
// executes is what is left of the process.
func undergo(calls []call) (call, syscall.Errno) {
	debug.SetGCPercent(-1)
	// Go has raised the soft limit of nofile for itself, and sets it back where it executes
	// a program; also if that fails, as that of no name.
	_ = syscall.Exec("", nil, nil)
	for _, c := range calls {
		var a [4]uintptr
		for i := range a {
			a[i] = c.values[i] + uintptr(c.pointers[i])
		}
		if _, _, e := syscall.RawSyscall6(c.number, a[0], a[1], a[2], a[3], 0, 0); e != 0 {
			return c, e
		}
	}
	runtime.KeepAlive(calls)
	return call{}, 0
}

// calls are what takes the attributes of a spec upon this process and executes its program.
// What needs root comes before the user, the directory after it: it is the user's to enter.
func (s *Spec) calls() ([]call, error) {
	var all []call
	a := s.Attributes
	for i, l := range a.Limits {
		limit := &[2]uint64{l.Soft, l.Hard} // struct rlimit64
		all = append(all, call{at: stepLimit, limit: byte(i), number: syscall.SYS_PRLIMIT64,
			values: [4]uintptr{0, uintptr(resources[l.Name])}, pointers: [4]unsafe.Pointer{2: unsafe.Pointer(limit)}})
	}
	if a.Nice != nil {
		all = append(all, call{at: stepNice, number: syscall.SYS_SETPRIORITY, values: [4]uintptr{syscall.PRIO_PROCESS, 0, uintptr(*a.Nice)}})
	}
	if len(a.Affinity) > 0 {
		set := new([(maxCPU + 1) / bits]uintptr)
		for _, cpu := range a.Affinity {
			set[cpu/bits] |= 1 << (cpu % bits)
		}
		all = append(all, call{at: stepAffinity, number: syscall.SYS_SCHED_SETAFFINITY,
			values: [4]uintptr{0, unsafe.Sizeof(*set)}, pointers: [4]unsafe.Pointer{2: unsafe.Pointer(set)}})
	}
	if a.Umask != nil {
		_ = syscall.Umask(*a.Umask) // it returns the old one and cannot fail
	}
	if c := a.Credential; c != nil && !c.isOurs() {
		all = append(all, c.calls()...)
	}
	if s.Dir != "" {
		dir, err := syscall.BytePtrFromString(s.Dir)
		if err != nil {
			return nil, err
		}
		all = append(all, call{at: stepDir, number: syscall.SYS_CHDIR, pointers: [4]unsafe.Pointer{unsafe.Pointer(dir)}})
	}
	path, err1 := syscall.BytePtrFromString(s.Path)
	argv, err2 := syscall.SlicePtrFromStrings(s.Argv)
	envv, err3 := syscall.SlicePtrFromStrings(s.Env)
	for _, err := range []error{err1, err2, err3} {
		if err != nil {
			return nil, err
		}
	}
	ready := &[1]byte{byte(stepExecute)}
	return append(all,
		call{at: stepExecute, number: syscall.SYS_WRITE, values: [4]uintptr{passageFD, 0, 1}, pointers: [4]unsafe.Pointer{1: unsafe.Pointer(ready)}},
		call{at: stepExecute, number: syscall.SYS_EXECVE,
			pointers: [4]unsafe.Pointer{unsafe.Pointer(path), unsafe.Pointer(&argv[0]), unsafe.Pointer(&envv[0])}}), nil
}

const bits = int(unsafe.Sizeof(uintptr(0))) * 8

// isOurs says that nothing is to be changed, which needs no privilege. Root sets the
// groups of its own all the same.
func (c *Credential) isOurs() bool {
	uid, gid := int(c.UID), int(c.GID)
	return uid != 0 && uid == syscall.Getuid() && uid == syscall.Geteuid() && gid == syscall.Getgid() && gid == syscall.Getegid()
}

// calls make this thread that user's, for good.
func (c *Credential) calls() []call {
	var all []call
	if c.Groups != nil {
		groups := append([]uint32{}, c.Groups...) // gid_t
		all = append(all, call{at: stepGroups, number: kernel.SetGroups, values: [4]uintptr{uintptr(len(groups))}})
		if len(groups) > 0 {
			all[0].pointers[1] = unsafe.Pointer(&groups[0])
		}
	}
	gid, uid := uintptr(c.GID), uintptr(c.UID)
	return append(all,
		call{at: stepGID, number: kernel.SetResGID, values: [4]uintptr{gid, gid, gid}},
		call{at: stepUID, number: kernel.SetResUID, values: [4]uintptr{uid, uid, uid}})
}
