package keeper

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"zmicroservices/context/keeper/kernel"
)

// claims makes slots of what a killed keeper left, and returns how they stand.
func (s *server) claims(claims []Claim) []Status {
	all := s.outsiders()
	taken := make(map[int]bool) // leaders
	var slots []*slot
	claim := func(c Claim) {
		if slot := s.slots[c.ID]; slot != nil {
			slots = append(slots, slot) // it is held already: the claim came twice
			return
		}
		if slot := s.claim(c, all, taken); slot != nil {
			slots = append(slots, slot)
		}
	}
	// Whose leader is known is claimed first: what carries the same cookie then is
	// of its tree, or of a hook's. Whole transactions come last.
	order := func(c Claim) int {
		switch {
		case c.ID.Task == "":
			return 2
		case c.Start == Identity{}:
			return 1
		default:
			return 0
		}
	}
	claims = slices.Clone(claims)
	slices.SortStableFunc(claims, func(a, b Claim) int { return order(a) - order(b) })
	for _, c := range claims {
		if c.ID.Task != "" {
			claim(c)
			continue
		}
		for _, o := range all {
			if id, ok := parseCookie(o.cookie); ok && id.Transaction == c.ID.Transaction && !s.holdsCookie(id) {
				claim(Claim{ID: id, Stop: c.Stop, Output: c.Output})
			}
		}
	}
	list := make([]Status, 0, len(slots))
	for _, slot := range slots {
		list = append(list, s.status(slot))
	}
	return list
}

// holdsCookie says whether a slot, or a hook of it, is held under a cookie.
func (s *server) holdsCookie(id ID) bool {
	if s.slots[id] != nil {
		return true
	}
	for held := range s.slots {
		if held.Hook != "" && held.Cookie() == id.Cookie() {
			return true
		}
	}
	return false
}

// claim makes one slot. All that follows is as for others: it runs, or its leader's
// exit is told and its tree gets the recipe. nil: it is not there, and may not be.
func (s *server) claim(c Claim, all []outsider, taken map[int]bool) *slot {
	slot := &slot{
		id: c.ID, turned: []string{PreStart}, spec: Spec{
			ID: c.ID, Path: "/", Argv: []string{""}, Env: c.Env, Dir: c.Dir, Stop: c.Stop, Output: c.Output,
			Hooks: c.Hooks, Attributes: c.Attributes, Notify: c.Notify,
		},
		state: Running, pid: c.Start.PID, pidfd: -1, start: c.Start, foreign: &foreign{known: make(map[int]uint64)},
	}
	s.slots[c.ID] = slot
	s.live++
	if err := slot.spec.check(); err != nil {
		s.fail(slot, err.Error())
		return slot
	}
	s.join(slot, s.spawner.cgroups.Left(cgroupName(c.ID)))
	leader := s.findLeader(c, all, taken)
	members := slices.ContainsFunc(all, func(o outsider) bool { return !o.dead && o.cookie == c.ID.Cookie() && !taken[o.pid] })
	if leader == nil && c.Start == (Identity{}) && !members {
		if c.Maybe {
			delete(s.slots, c.ID)
			s.live--
			return nil
		}
		s.fail(slot, "no process of it was found: it was not spawned, or has ended")
		return slot
	}
	if leader != nil {
		taken[leader.pid], slot.foreign.led = true, true
		slot.pid, slot.foreign.known[leader.pid] = leader.pid, leader.Ticks
		slot.start = Identity{PID: leader.pid, Ticks: leader.Ticks, Boot: s.spawner.host.boot, PIDNS: s.spawner.host.pidns}
		slot.since = s.born(leader.Ticks)
		slot.pidfd, _ = kernel.OpenPidfd(leader.pid, 0)
	}
	if slot.pidfd < 0 || leader.dead {
		slot.lose(LostOutput)
		s.exited = append(s.exited, slot)
		return slot
	}
	s.reopen(slot)
	s.watch(slot.pidfd, slot)
	if err := s.lend(slot); err != nil {
		s.note(err.Error())
	}
	s.emit(Event{Kind: Adopted, ID: slot.id, PID: slot.pid, Start: slot.start, Lost: slot.lost})
	return slot
}

// findLeader is the process of the claim's identity, dead or alive; where that is
// not known, of those that carry the cookie the one that made the group.
func (s *server) findLeader(c Claim, all []outsider, taken map[int]bool) *outsider {
	var found *outsider
	for i := range all {
		o := &all[i]
		if c.Start != (Identity{}) {
			if (Identity{PID: o.pid, Ticks: o.Ticks, Boot: s.spawner.host.boot, PIDNS: s.spawner.host.pidns}) == c.Start {
				return o
			}
			continue
		}
		if o.cookie != c.ID.Cookie() || o.Group != o.pid || o.dead || taken[o.pid] {
			continue
		}
		// Of a tree with several groups the leader is the first.
		if found == nil || o.Ticks < found.Ticks || o.Ticks == found.Ticks && o.pid < found.pid {
			found = o
		}
	}
	return found
}

// born is when a process was started, from its ticks since boot; a label.
func (s *server) born(ticks uint64) time.Time {
	const perSecond = 100 // USER_HZ: sysconf(_SC_CLK_TCK) is this on every Linux that Go runs on
	return s.clock.Boot().Add(time.Duration(ticks) * (time.Second / perSecond))
}

// reopen takes the other ends of the leader's pipes. They are ours if they are open
// both ways, as openPipe makes them for a service and nobody does for himself.
func (s *server) reopen(slot *slot) {
	if slot.spec.Output == (Output{}) {
		return
	}
	slot.lose(LostOutput)
	fds := []int{-1, -1}
	var before string
	for i, lost := range []string{LostStdout, LostStderr} {
		path := fmt.Sprintf("/proc/%d/fd/%d", slot.pid, i+1)
		var name [64]byte
		n, err := syscall.Readlink(path, name[:])
		pipe := string(name[:max(n, 0)])
		if err != nil || !strings.HasPrefix(pipe, "pipe:") || !openBothWays(slot.pid, i+1) {
			slot.lose(lost)
			continue
		}
		if pipe == before {
			continue // 2>&1
		}
		before = pipe
		if fds[i], err = syscall.Open(path, syscall.O_RDONLY|syscall.O_NONBLOCK|syscall.O_CLOEXEC, 0); err != nil {
			fds[i] = -1
			slot.lose(lost)
		}
	}
	s.capture(slot, fds)
}

// openBothWays reads the access mode of another's descriptor, proc_pid_fdinfo(5).
func openBothWays(pid, fd int) bool {
	var buf [256]byte
	n, _ := kernel.ReadFile(fmt.Sprintf("/proc/%d/fdinfo/%d", pid, fd), buf[:])
	for line := range strings.Lines(string(buf[:n])) {
		if text, found := strings.CutPrefix(line, "flags:"); found {
			flags, err := strconv.ParseUint(strings.TrimSpace(text), 8, 32)
			return err == nil && flags&syscall.O_ACCMODE == syscall.O_RDWR
		}
	}
	return false
}
