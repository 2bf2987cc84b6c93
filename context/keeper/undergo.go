package keeper

import (
	"runtime"
	"runtime/debug"
	"syscall"
	"unsafe"
)

// passage is the program of a passage; it returns only if it did not get through.
func passage() int {
	syscall.CloseOnExec(passageFD)
	m, err := decode(readAll(passageFD))
	if err != nil || m.Kind != kindSpawn || m.Spec.Attributes == nil {
		return 1
	}
	at, limit, errno := m.Spec.undergo(func() { say(byte(stepExecute)) })
	say(byte(at), byte(limit), byte(errno))
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

func say(b ...byte) { _, _ = syscall.Write(passageFD, b) }

// undergo takes the attributes of a spec upon this process and executes its
// program. It returns what the kernel refused, and the number of the limit if it was
// one. executing is called when all but execve(2) is done.
//
// Nice and affinity are a thread's own, and the thread that executes is what is left:
// it is locked. What needs root comes before the user, the directory after it: it is
// the user's to enter. Little memory is taken once RLIMIT_AS may bite: this
// process has more than many a limit, and a mapping that fails would end it.
func (s *Spec) undergo(executing func()) (at step, limit int, errno syscall.Errno) {
	runtime.LockOSThread()
	s.warm()
	a := s.Attributes
	for i, l := range a.Limits {
		// Not raw: Setrlimit knows that Go has raised nofile for itself, and that it
		// is not to set that back.
		if err := syscall.Setrlimit(resources[l.Name], &syscall.Rlimit{Cur: l.Soft, Max: l.Hard}); err != nil {
			return stepLimit, i, number(err)
		}
	}
	if a.Nice != nil {
		if err := syscall.Setpriority(syscall.PRIO_PROCESS, 0, *a.Nice); err != nil {
			return stepNice, 0, number(err)
		}
	}
	if len(a.Affinity) > 0 {
		var set [(maxCPU + 1) / bits]uintptr
		for _, cpu := range a.Affinity {
			set[cpu/bits] |= 1 << (cpu % bits)
		}
		if _, _, e := syscall.RawSyscall(syscall.SYS_SCHED_SETAFFINITY, 0, unsafe.Sizeof(set), uintptr(unsafe.Pointer(&set))); e != 0 {
			return stepAffinity, 0, e
		}
	}
	if a.Umask != nil {
		_ = syscall.Umask(*a.Umask)
	}
	if c := a.Credential; c != nil && !c.isOurs() {
		if at, err := c.assume(); err != nil {
			return at, 0, number(err)
		}
	}
	if s.Dir != "" {
		if err := syscall.Chdir(s.Dir); err != nil {
			return stepDir, 0, number(err)
		}
	}
	executing()
	return stepExecute, 0, number(syscall.Exec(s.Path, s.Argv, s.Env))
}

const bits = int(unsafe.Sizeof(uintptr(0))) * 8

// warm has the heap grown for what syscall.Exec will copy, and stops collecting.
func (s *Spec) warm() {
	size := 64 << 10
	for _, text := range append(append([]string{}, s.Argv...), s.Env...) {
		size += len(text) + 1 + bits/8
	}
	for range 2 {
		runtime.KeepAlive(make([]byte, size)) // on the heap: its size is not known before
	}
	runtime.GC()
	debug.SetGCPercent(-1)
}

// isOurs says that nothing is to be changed, which needs no privilege. Root sets the
// groups of its own all the same.
func (c *Credential) isOurs() bool {
	uid, gid := int(c.UID), int(c.GID)
	return uid != 0 && uid == syscall.Getuid() && uid == syscall.Geteuid() && gid == syscall.Getgid() && gid == syscall.Getegid()
}

// assume makes this process that user's, for good.
func (c *Credential) assume() (step, error) {
	if c.Groups != nil {
		groups := make([]int, len(c.Groups))
		for i, g := range c.Groups {
			groups[i] = int(g)
		}
		if err := syscall.Setgroups(groups); err != nil {
			return stepGroups, err
		}
	}
	gid, uid := int(c.GID), int(c.UID)
	if err := syscall.Setresgid(gid, gid, gid); err != nil {
		return stepGID, err
	}
	return stepUID, syscall.Setresuid(uid, uid, uid)
}

func number(err error) syscall.Errno {
	e, _ := err.(syscall.Errno)
	return e
}
