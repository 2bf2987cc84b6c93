package keeper

import (
	"bytes"
	"os"
	"slices"
	"strconv"
	"syscall"
	"time"
	"unsafe"

	"zmicroservices/context/keeper/kernel"
)

// foreign is what a slot has whose processes are not our children: those of an
// adopted one. Nobody tells of the end of its members, nothing holds their numbers for
// us. They are looked for in /proc, and signalled by pidfds that are checked first.
type foreign struct {
	led    bool           // its leader was found: the group of that number is its own
	known  map[int]uint64 // members that were seen, with their start ticks
	polled *timer
}

// outsider is a process as /proc shows it.
type outsider struct {
	kernel.Stat
	pid    int
	dead   bool   // a zombie: it has no environment any more
	cookie string // value of CookieName if it is of our home, else ""
}

// foreignPoll is how often the members of a dead leader are looked for.
const foreignPoll = 100 * time.Millisecond

// outsiders lists all processes but ourselves. Environments are read once a process:
// what it executes later may have cleaned them, and it is what it was.
func (s *server) outsiders() []outsider {
	entries, _ := os.ReadDir("/proc")
	all := make([]outsider, 0, len(entries))
	cookies := make(map[Identity]string, len(entries))
	for _, entry := range entries {
		pid, err := strconv.Atoi(entry.Name())
		if err != nil || pid == s.pid {
			continue
		}
		st, ok := kernel.ReadStat(pid)
		if !ok {
			continue
		}
		key := Identity{PID: pid, Ticks: st.Ticks}
		cookie, known := s.cookies[key]
		if !known {
			cookie, known = s.cookieOf(pid)
		}
		if known {
			cookies[key] = cookie
		}
		all = append(all, outsider{Stat: st, pid: pid, dead: isDead(st), cookie: cookie})
	}
	s.cookies = cookies // of those that still are
	return all
}

func isDead(st kernel.Stat) bool { return st.State == 'Z' || st.State == 'X' }

// cookieOf reads what a process was executed with. One of another home has no cookie
// for us: it may be the same, and nothing of ours. False: it has no environment in
// this moment, in the middle of execve(2).
func (s *server) cookieOf(pid int) (string, bool) {
	env, _ := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/environ")
	var cookie, home string
	for entry := range bytes.SplitSeq(env, []byte{0}) {
		if value, found := bytes.CutPrefix(entry, []byte(CookieName+"=")); found {
			cookie = string(value)
		}
		if value, found := bytes.CutPrefix(entry, []byte(HomeName+"=")); found {
			home = string(value)
		}
	}
	if home != s.opts.stateDir || home == "" {
		return "", len(env) > 0
	}
	return cookie, true
}

// foreignMembers are the live processes of an adopted slot beside its leader: who
// carries its cookie, who was seen as one before, and who is in its group while the
// leader, dead or alive, has that number. A leader of another slot is none.
func (s *server) foreignMembers(slot *slot) []outsider {
	if !s.looked {
		s.looked, s.outside = true, s.outsiders()
	}
	lead, ok := kernel.ReadStat(slot.pid)
	ours := slot.foreign.led && ok && lead.Ticks == slot.start.Ticks
	var members []outsider
	for _, o := range s.outside {
		ticks, known := slot.foreign.known[o.pid]
		switch {
		case o.dead, slot.foreign.led && o.pid == slot.pid && o.Ticks == slot.start.Ticks:
			continue
		case known && ticks == o.Ticks, o.cookie == slot.id.Cookie() && slot.id.Hook == "", ours && o.Group == slot.pid:
			if !s.leads(slot, o) {
				slot.foreign.known[o.pid] = o.Ticks
				members = append(members, o)
			}
		}
	}
	return members
}

// leads says whether a process is another slot's leader, or of that one's group: a
// hook carries the cookie of its service.
func (s *server) leads(but *slot, o outsider) bool {
	for _, other := range s.slots {
		if other != but && other.state != Over && other.pid > 0 && (other.pid == o.pid || other.pid == o.Group) {
			return true
		}
	}
	return false
}

// signalForeign sends to the leader and all members, each by a pidfd.
func (s *server) signalForeign(slot *slot, sig syscall.Signal) {
	for _, one := range []syscall.Signal{sig, syscall.SIGCONT} { // who is stopped could not hear
		if slot.pidfd >= 0 {
			_ = kernel.Signal(slot.pidfd, one)
		}
		for _, o := range s.foreignMembers(slot) {
			o.signal(one)
		}
	}
}

// signal is for this process and nobody who has its number by now: the pidfd is of
// whoever has it, and then the ticks tell who that is.
func (o outsider) signal(sig syscall.Signal) {
	fd, err := kernel.OpenPidfd(o.pid, 0)
	if err != nil {
		return
	}
	defer syscall.Close(fd)
	if st, ok := kernel.ReadStat(o.pid); ok && st.Ticks == o.Ticks {
		_ = kernel.Signal(fd, sig)
	}
}

// pollForeign has a dead leader's members looked for again.
func (s *server) pollForeign(slot *slot) {
	if f := slot.foreign; f != nil && (f.polled == nil || f.polled.index < 0) {
		f.polled = s.timers.after(foreignPoll, func() { s.childDied = true })
	}
}

// killForeign is one stroke, and more of them while it brings up others.
func (s *server) killForeign(slot *slot) {
	slot.killGroup()
	if slot.pidfd >= 0 {
		_ = kernel.Signal(slot.pidfd, syscall.SIGKILL)
	}
	for range 50 {
		members := s.foreignMembers(slot)
		if len(members) == 0 {
			return
		}
		for _, o := range members {
			o.signal(syscall.SIGKILL)
		}
		s.looked = false
	}
}

// foreignExited learns how an adopted leader ended, from a zombie that nobody has
// reaped or, when somebody has, from the kernel that remembers.
func (slot *slot) foreignExited() kernel.Exit {
	pidfd := slot.pidfd
	slot.pidfd = -1
	var status syscall.WaitStatus
	known := false
	if slot.foreign.led { // else there may be another of that number, of another boot
		status, known = zombieStatus(slot.start)
	}
	if pidfd >= 0 {
		if !known {
			status, known = pidfdStatus(pidfd)
		}
		_ = syscall.Close(pidfd)
	}
	if !known {
		slot.lose(LostExitCode)
		return kernel.Exit{Code: -1}
	}
	if status.Signaled() {
		return kernel.Exit{Signal: status.Signal(), Core: status.CoreDump()}
	}
	return kernel.Exit{Code: status.ExitStatus()}
}

// zombieStatus reads the wait status of a dead process that is not reaped.
func zombieStatus(id Identity) (syscall.WaitStatus, bool) {
	var buf [2048]byte // to the end of the line
	n, ok := kernel.ReadFile("/proc/"+strconv.Itoa(id.PID)+"/stat", buf[:])
	if !ok {
		return 0, false
	}
	st, ok := kernel.ParseStat(string(buf[:n]))
	if !ok || st.Ticks != id.Ticks || !isDead(st) {
		return 0, false
	}
	fields := bytes.Fields(buf[:n]) // its name is no matter: exit_code is the last
	code, err := strconv.ParseUint(string(fields[len(fields)-1]), 10, 32)
	return syscall.WaitStatus(code), err == nil
}

// pidfdStatus asks for the wait status of a process that is reaped, ioctl(2)
// PIDFD_GET_INFO with PIDFD_INFO_EXIT, Linux 6.15.
func pidfdStatus(pidfd int) (syscall.WaitStatus, bool) {
	const (
		getInfo  = 3<<30 | 64<<16 | 0xFF<<8 | 11 // _IOWR(0xFF, 11, struct pidfd_info)
		infoExit = 1 << 3
	)
	var info struct {
		mask, cgroup uint64
		ids          [11]uint32
		exit         int32
	}
	info.mask = infoExit
	_, _, e := syscall.Syscall(syscall.SYS_IOCTL, uintptr(pidfd), getInfo, uintptr(unsafe.Pointer(&info)))
	return syscall.WaitStatus(info.exit), e == 0 && info.mask&infoExit != 0
}

// lose notes what cannot be told of a slot.
func (slot *slot) lose(what string) {
	if !slices.Contains(slot.lost, what) {
		slot.lost = append(slices.Clone(slot.lost), what) // events have what was there before
	}
}
