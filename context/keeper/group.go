package keeper

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"zmicroservices/context/keeper/cgroup"
)

// enter is the spawner's part: it has a process born in the group that its spec asks
// for. release is called when that is done, with whether it lives.
func (sp *spawner) enter(spec *Spec, attr *syscall.SysProcAttr) (dir string, release func(lives bool), err error) {
	release = func(bool) {}
	if spec.Cgroup == nil {
		return "", release, nil
	}
	dir, fd, err := sp.cgroups.Make(cgroupName(spec.ID), spec.Cgroup)
	if err != nil || fd < 0 {
		return "", release, err
	}
	attr.UseCgroupFD, attr.CgroupFD = true, fd // clone3(2), CLONE_INTO_CGROUP
	return dir, func(lives bool) {
		_ = syscall.Close(fd)
		if !lives {
			_ = syscall.Rmdir(dir)
		}
	}, nil
}

// cgroupName is transaction.task.incarnation, which no slot has twice.
func cgroupName(id ID) string {
	name := fmt.Sprintf("%s.%s.%d", id.Transaction, id.Task, id.Incarnation)
	if id.Hook != "" {
		name += "." + id.Hook
	}
	return strings.ReplaceAll(name, "/", "_")
}

// cannotBeBorn says that the kernel has no process begin in a group: it is older than
// Linux 5.7, or system calls are filtered.
func cannotBeBorn(err error) bool {
	return errors.Is(err, syscall.ENOSYS) || errors.Is(err, syscall.E2BIG) || errors.Is(err, syscall.EOPNOTSUPP)
}

// ownerByCgroup finds the slot in whose group a process is.
func (s *server) ownerByCgroup(pid int) *slot {
	if len(s.grouped) == 0 {
		return nil
	}
	if name, ours := s.spawner.cgroups.Of(pid); ours {
		return s.grouped[name]
	}
	return nil
}

// killGroup ends everything in a slot's group in one stroke.
func (slot *slot) killGroup() {
	if slot.cgroup != "" {
		cgroup.Kill(slot.cgroup)
	}
}

// inGroup are the processes in a slot's group and those that it has made in it; zombies
// are not.
func (slot *slot) inGroup() []int {
	if slot.cgroup == "" {
		return nil
	}
	return slices.DeleteFunc(cgroup.Members(slot.cgroup), func(pid int) bool { return pid == slot.pid })
}

// pollGroup has a dead leader's group looked at again: who is in it need not be our
// child, so that nobody tells of its end.
func (s *server) pollGroup(slot *slot) {
	if slot.cgroup != "" && (slot.polled == nil || slot.polled.index < 0) {
		slot.polled = s.timers.after(foreignPoll, func() { s.childDied = true })
	}
}

// leaveGroup removes a slot's group, unless something survived in it.
func (s *server) leaveGroup(slot *slot) {
	if slot.cgroup != "" {
		delete(s.grouped, filepath.Base(slot.cgroup))
		s.removeGroup(slot.cgroup, 50)
	}
}

// removeGroup tries so many times more: the kernel may count who is dead already for a
// moment longer.
func (s *server) removeGroup(dir string, more int) {
	if cgroup.Remove(dir) && more > 0 && !s.finished {
		s.timers.after(20*time.Millisecond, func() { s.removeGroup(dir, more-1) })
	}
}

// join takes the group of a slot that was spawned into the books, or says why there is
// none.
func (s *server) join(slot *slot, dir string) {
	if slot.cgroup = dir; dir != "" {
		s.grouped[filepath.Base(dir)] = slot
		return
	}
	if slot.spec.Cgroup != nil && !s.ungrouped {
		s.ungrouped = true
		s.note("no cgroups: " + s.spawner.cgroups.State() + "; processes are known by their group and environment")
	}
}
