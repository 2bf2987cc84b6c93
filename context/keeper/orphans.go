package keeper

import (
	"bytes"
	"errors"
	"os"
	"strconv"
	"strings"
	"syscall"
)

// orphan is an adopted child: a process that some service started, whose parent
// is dead and which the subreaper received.
type orphan struct {
	pid   int
	group int   // when it was first seen
	owner *slot // nil: neither group nor cookie told
}

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
	s.scanned = true
	pids := s.children()
	if len(pids) == 0 && len(s.orphans) == 0 {
		return
	}
	seen := make(map[int]*orphan, len(pids))
	for _, pid := range pids {
		if s.leaders[pid] != nil || reap(pid) {
			continue
		}
		o := s.orphans[pid]
		if o == nil {
			if o = s.adopt(pid); o == nil {
				continue
			}
		}
		seen[pid] = o
	}
	s.orphans = seen
}

// adopt finds the owner of a new orphan, and lets it share what its owner is
// going through.
func (s *server) adopt(pid int) *orphan {
	st, ok := readStat(pid)
	if !ok {
		return nil
	}
	s.adopted++
	o := &orphan{pid: pid, group: st.group, owner: s.leaders[st.group]}
	if o.owner == nil {
		o.owner = s.ownerByCookie(pid)
	}
	switch slot := o.owner; {
	case slot == nil:
	case slot.killing:
		s.killOrphan(o)
	case slot.state == Stopping && o.group != slot.pid: // the group was told already
		_ = syscall.Kill(pid, slot.recipe.signal())
	}
	return o
}

// ownerByCookie reads the environment that the process was executed with. First
// sight decides: what it executes later may have cleaned it.
func (s *server) ownerByCookie(pid int) *slot {
	env, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/environ")
	if err != nil {
		return nil
	}
	for entry := range bytes.SplitSeq(env, []byte{0}) {
		value, found := strings.CutPrefix(string(entry), CookieName+"=")
		if !found {
			continue
		}
		id, ok := parseCookie(value)
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
	for pid, o := range s.orphans {
		switch o.owner {
		case slot:
			pids = append(pids, pid)
		case nil:
			pids = s.appendGroup(pids, pid, slot.pid)
		}
	}
	return pids
}

// appendGroup adds the descendants of pid that are in the group.
func (s *server) appendGroup(pids []int, pid, group int) []int {
	for _, child := range childrenOf(pid) {
		if st, ok := readStat(child); ok && st.group == group && st.state != 'Z' {
			pids = append(pids, child)
		}
		pids = s.appendGroup(pids, child, group)
	}
	return pids
}

// killOrphan ends an orphan and the group that it has made for itself, in one
// stroke that no fork escapes. It is our child and unreaped, so neither number
// can have gone to a stranger.
func (s *server) killOrphan(o *orphan) {
	st, ok := readStat(o.pid)
	if ok && st.group > 1 && st.group != s.group && s.leaders[st.group] == nil {
		_ = syscall.Kill(-st.group, syscall.SIGKILL)
	}
	_ = syscall.Kill(o.pid, syscall.SIGKILL)
}

// children lists the children of the main thread, proc_pid_task_children; of
// every thread, where the kernel was built without that file.
func (s *server) children() []int {
	pids, err := readChildren(s.pid, s.pid)
	if err == nil || !errors.Is(err, os.ErrNotExist) {
		return pids
	}
	return childrenOf(s.pid)
}

// childrenOf lists the children of all threads of a process.
func childrenOf(pid int) []int {
	var pids []int
	tasks, err := os.ReadDir("/proc/" + strconv.Itoa(pid) + "/task")
	if err != nil {
		return nil
	}
	for _, task := range tasks {
		tid, _ := strconv.Atoi(task.Name())
		more, err := readChildren(pid, tid)
		if errors.Is(err, os.ErrNotExist) {
			return childrenByStat(pid)
		}
		pids = append(pids, more...)
	}
	return pids
}

func readChildren(pid, tid int) ([]int, error) {
	text, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/task/" + strconv.Itoa(tid) + "/children")
	if err != nil {
		return nil, err
	}
	return parsePIDs(string(text)), nil
}

func parsePIDs(text string) []int {
	var pids []int
	for field := range strings.FieldsSeq(text) {
		if pid, err := strconv.Atoi(field); err == nil && pid > 0 {
			pids = append(pids, pid)
		}
	}
	return pids
}

// childrenByStat asks every process who its parent is.
func childrenByStat(parent int) []int {
	var pids []int
	entries, _ := os.ReadDir("/proc")
	for _, entry := range entries {
		pid, err := strconv.Atoi(entry.Name())
		if err != nil {
			continue
		}
		if st, ok := readStat(pid); ok && st.parent == parent {
			pids = append(pids, pid)
		}
	}
	return pids
}
