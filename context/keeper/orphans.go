package keeper

import (
	"bytes"
	"os"
	"strconv"
	"syscall"
	"time"

	"zmicroservices/context/keeper/kernel"
)

// orphan is an adopted child: a process that some service started, whose parent
// is dead and which the subreaper received.
type orphan struct {
	pid     int
	group   int   // when it was first seen
	owner   *slot // nil: neither group nor cookie told
	decided bool
	since   time.Time
}

// execPatience bounds how long an orphan without an environment may be between two
// programs, where the kernel does not tell (see executedBare): a busy machine takes its time.
const execPatience = 2 * time.Second

// scan learns which orphans there are and reaps the dead ones, at most once a
// round of the loop. Orphans come without a signal (their dead parent need not
// have been ours), so the list is asked for whenever it matters: on SIGCHLD, on
// an exit and before a kill. The kernel gives an orphan to the first thread of
// the subreaper, which spawns nothing itself: one short file to read, however
// many services there are.
func (s *server) scan() {
	if s.scanned {
		return
	}
	s.scanned, s.strays = true, nil
	for again := true; again; {
		again = false
		pids := s.children()
		if len(pids) == 0 && len(s.orphans) == 0 {
			return
		}
		seen := make(map[int]*orphan, len(pids))
		for _, pid := range pids {
			if s.leaders[pid] != nil || s.ward != nil && s.ward.pid == pid {
				continue
			}
			if h := s.handover; h != nil && h.pid == pid {
				continue
			}
			if kernel.Reap(pid) {
				again = true // its children have come to us, perhaps since we looked
				continue
			}
			if pid == s.kin {
				continue
			}
			o := s.orphans[pid]
			if o == nil {
				o = s.adopt(pid)
			} else if !o.decided {
				s.decide(o)
			}
			seen[pid] = o
		}
		s.orphans = seen
	}
}

// adopt takes up a new orphan.
func (s *server) adopt(pid int) *orphan {
	s.adopted++
	o := &orphan{pid: pid, since: time.Now()}
	s.decide(o)
	return o
}

// decide finds the owner of an orphan, by its group, its cgroup or the environment that it
// was executed with, and lets it share what its owner is going through. First
// sight decides: what it executes later may have cleaned the environment.
func (s *server) decide(o *orphan) {
	if st, ok := kernel.ReadStat(o.pid); ok {
		o.group = st.Group
		o.owner = s.leaders[st.Group]
	}
	if o.owner == nil {
		o.owner = s.ownerByCgroup(o.pid)
	}
	if o.owner == nil {
		env, _ := os.ReadFile("/proc/" + strconv.Itoa(o.pid) + "/environ")
		// In the middle of execve(2) there is none. Nobody is told that their tree is
		// gone until it is known whether this one belongs to it.
		if len(env) == 0 && !executedBare(o.pid) && time.Since(o.since) < execPatience {
			s.timers.after(2*time.Millisecond, func() { s.childDied = true })
			return
		}
		o.owner = s.ownerByCookie(env)
	}
	o.decided = true
	switch slot := o.owner; {
	case slot == nil:
	case slot.killing:
		s.killOrphan(o)
	case slot.state == Stopping && o.group != slot.pid: // the group was told already
		_ = syscall.Kill(o.pid, slot.recipe.signal())
	}
}

// executedBare says that a process was executed without an environment: where that would end is
// known (env_end, proc_pid_stat(5)), and in the middle of execve(2) it is not.
func executedBare(pid int) bool {
	var buf [1024]byte
	n, _ := kernel.ReadFile("/proc/"+strconv.Itoa(pid)+"/stat", buf[:])
	f := bytes.Fields(buf[bytes.LastIndexByte(buf[:n], ')')+1 : n])
	const envEnd = 51 - 3 // the third is the first behind the name
	return len(f) > envEnd && string(f[envEnd]) != "0"
}

func (s *server) ownerByCookie(env []byte) *slot {
	for entry := range bytes.SplitSeq(env, []byte{0}) {
		value, found := bytes.CutPrefix(entry, []byte(CookieName+"="))
		if !found {
			continue
		}
		id, ok := parseCookie(string(value))
		if !ok {
			return nil
		}
		if slot := s.slots[id]; slot != nil && slot.state != Over {
			return slot
		}
		for _, slot := range s.leaders { // a hook that left something behind
			id.Hook = slot.id.Hook
			if slot.id == id && slot.state != Over {
				return slot
			}
		}
		return nil
	}
	return nil
}

// members are the pids of a slot beside its leader, once the leader is dead:
// its orphans, and who of its group lives below an orphan that nobody owns. A
// dead leader has no children: whatever is left of its tree hangs below orphans.
func (s *server) members(slot *slot) []int {
	var pids []int
	if slot.foreign != nil {
		for _, o := range s.foreignMembers(slot) {
			pids = append(pids, o.pid)
		}
		if len(pids) == 0 {
			pids = slot.inGroup()
		}
		return pids
	}
	strays := false
	for pid, o := range s.orphans {
		if o.owner == slot || !o.decided {
			pids = append(pids, pid)
		}
		strays = strays || o.owner == nil
	}
	if strays {
		pids = append(pids, s.belowStrays()[slot.pid]...)
	}
	if len(pids) == 0 {
		pids = slot.inGroup()
	}
	return pids
}

// belowStrays lists by group who lives below the orphans that nobody owns; it
// looks once a scan, for all slots.
func (s *server) belowStrays() map[int][]int {
	if s.strays == nil {
		s.strays = make(map[int][]int)
		for pid, o := range s.orphans {
			if o.owner == nil {
				s.addBelow(pid)
			}
		}
	}
	return s.strays
}

func (s *server) addBelow(pid int) {
	for _, child := range kernel.ChildrenOf(pid) {
		if st, ok := kernel.ReadStat(child); ok && st.State != 'Z' {
			s.strays[st.Group] = append(s.strays[st.Group], child)
		}
		s.addBelow(child)
	}
}

// killOrphan ends an orphan and the group that it has made for itself, in one
// stroke that no fork escapes. It is our child and unreaped, so neither number
// can have gone to a stranger.
func (s *server) killOrphan(o *orphan) {
	st, ok := kernel.ReadStat(o.pid)
	if ok && st.Group > 1 && st.Group != s.group && s.leaders[st.Group] == nil {
		_ = syscall.Kill(-st.Group, syscall.SIGKILL)
	}
	_ = syscall.Kill(o.pid, syscall.SIGKILL)
}

// children lists the children of the main thread, proc_pid_task_children; of
// the process, where the kernel was built without that file. It is held open: when
// there are no descriptors left, a tree must not seem to be gone.
func (s *server) children() []int {
	if s.childfd < 0 {
		return kernel.ChildrenByStat(s.pid)
	}
	text := s.buf[:0]
	for {
		n, err := syscall.Pread(s.childfd, text[len(text):cap(text)], int64(len(text)))
		if n > 0 {
			text = text[:len(text)+n]
		}
		switch {
		case err == syscall.EINTR:
		case n <= 0:
			return kernel.ParsePIDs(string(text))
		case len(text) == cap(text):
			text = append(text, 0)[:len(text)]
		}
	}
}
