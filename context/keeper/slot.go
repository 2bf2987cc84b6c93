package keeper

import (
	"syscall"
	"time"

	"zmicroservices/context/keeper/kernel"
	"zmicroservices/context/keeper/logfile"
)

// slot is one process that was asked for, from the request until its last event
// is acknowledged. Owned by the loop.
type slot struct {
	id    ID
	spec  Spec // argv is let go once it runs; the environment, unless there are hooks
	state State

	pid    int // also its group; taken until the slot is reaped
	pidfd  int // -1 when the leader is dead
	start  Identity
	since  time.Time
	reaped bool // the number is no longer ours: nothing may be signalled
	exited bool // the leader is dead; it stays a zombie while its tree lives
	exit   kernel.Exit

	cgroup string // directory of its own group; "" without
	polled *timer // it is looked for members of that group which are not our children

	foreign *foreign // adopted: not our children; nil of one that we spawned
	lost    []string // what cannot be told

	streams []*stream // stdout and stderr, or none
	log     *logfile.File
	taps    []*tapped // who listens
	tail    []byte
	ear     *ear // nil: it has no socket for notices

	asked    bool   // a provider asked for the end before it came
	recipe   Recipe // in force while Stopping
	deadline *timer // end of grace, next round of killing, or patience with the disk
	due      time.Time
	killing  bool
	killEnd  time.Time
	pause    time.Duration

	askedStop *Recipe // what came while Spawning
	askedKill bool

	turn    *turn    // hooks under way
	turned  []string // the turns that were taken
	leaving bool     // its tree is gone; what hooks are left comes before Gone
	parent  *turn    // of a hook
	limit   *timer   // of a hook
	overdue bool     // of a hook

	last      uint64 // Seq of its last event, when Over
	err       string // of that event
	survivors []int
}

// spawn begins a slot. The same ID again is the same slot: nothing happens.
func (s *server) spawn(spec Spec) {
	if s.slots[spec.ID] != nil {
		return
	}
	if s.ending {
		s.emit(Event{Kind: SpawnFailed, ID: spec.ID, Err: "keeper is ending"})
		return
	}
	slot := &slot{id: spec.ID, spec: spec, state: Spawning, pidfd: -1}
	s.slots[spec.ID] = slot
	s.live++
	if err := spec.check(); err != nil {
		s.fail(slot, err.Error())
		return
	}
	s.takeTurn(slot, PreStart, func(failure string) {
		if failure != "" {
			s.fail(slot, failure)
			return
		}
		if err := s.lend(slot); err != nil {
			s.fail(slot, err.Error())
			return
		}
		s.spawner.push(spec)
		s.tidy()
	})
}

func (s *server) fail(slot *slot, reason string) {
	slot.err = reason
	s.deaf(slot)
	s.emit(Event{Kind: SpawnFailed, ID: slot.id, Err: reason})
	s.over(slot)
}

// spawned takes a result of the spawner. The exit may have happened already: it
// is the pidfd's to tell, which is watched from here on, so Spawned comes first.
func (s *server) spawned(r spawned) {
	slot := s.slots[r.id]
	if slot.parent == nil {
		slot.spec.Argv = nil
	}
	if len(slot.spec.Hooks) == 0 {
		slot.spec.Env = nil
	}
	if r.failure != nil {
		closeAll(r.fds)
		if r.pid != 0 { // it runs, but we are out of descriptors to hold it by
			_ = syscall.Kill(-r.pid, syscall.SIGKILL)
			_, _ = syscall.Wait4(r.pid, nil, 0, nil)
		}
		slot.cgroup = r.cgroup
		s.leaveGroup(slot)
		s.fail(slot, r.failure.Error())
		return
	}
	slot.state, slot.pid, slot.pidfd, slot.start, slot.since = Running, r.pid, r.fds[0], r.start, time.Now()
	s.join(slot, r.cgroup)
	s.capture(slot, r.fds[1:])
	s.leaders[r.pid] = slot
	s.watch(slot.pidfd, slot)
	s.emit(Event{Kind: Spawned, ID: slot.id, PID: slot.pid, Start: slot.start})
	if slot.ear != nil {
		slot.ear.tell(s) // it may have spoken before we knew its pid
	}
	switch {
	case slot.askedKill:
		s.kill(slot)
	case slot.askedStop != nil:
		s.stop(slot, slot.askedStop)
	}
}

// capture begins to read stdout and stderr; -1 is one that is not there.
func (s *server) capture(slot *slot, fds []int) {
	if path := slot.spec.Output.Log; path != "" {
		slot.log = s.logs.Open(s.logPath(path), slot.id.owner(), slot.spec.Output.limits())
	}
	s.listenTo(slot)
	for i, fd := range fds {
		if fd < 0 {
			continue
		}
		st := &stream{slot: slot, name: [2]string{"out", "err"}[i], fd: fd}
		slot.streams = append(slot.streams, st)
		s.watch(fd, st)
	}
}

// ready is the pidfd's news: the leader is dead, with all its threads.
func (slot *slot) ready(s *server) {
	s.forget(slot.pidfd)
	if slot.foreign == nil { // of a foreign one it is asked how it ended
		_ = syscall.Close(slot.pidfd)
		slot.pidfd = -1
	}
	s.exited = append(s.exited, slot)
}

// leaderExited tells the exit at once. What is left of its tree gets the recipe:
// a service is over when its leader is.
func (s *server) leaderExited(slot *slot) {
	var dead bool
	if slot.foreign != nil {
		slot.exit = slot.foreignExited()
	} else if slot.exit, dead = kernel.PeekExit(slot.pid); !dead { // a debugger has the first word
		s.timers.after(10*time.Millisecond, func() { s.exited = append(s.exited, slot) })
		return
	}
	s.deaf(slot) // while it may still speak
	slot.exited = true
	s.held[slot] = true
	if slot.state == Over || slot.leaving {
		return // was named a survivor, and is none after all
	}
	if slot.spec.Output.Tail > 0 {
		slot.drain(s)
	}
	s.emit(Event{
		Kind: Exited, Err: slot.overdueReason(), ID: slot.id, PID: slot.pid, Start: slot.start,
		Code: slot.exit.Code, Signal: slot.exit.Signal, Core: slot.exit.Core, Asked: slot.asked, Lost: slot.lost, Output: string(slot.tail),
	})
	slot.tail = nil
	if slot.state != Stopping && len(s.members(slot)) > 0 {
		s.stop(slot, nil)
	}
}

// settle reaps a dead leader when its tree is gone. Only now its number, which
// is its group's, may go to someone else.
func (s *server) settle(slot *slot) {
	if len(s.members(slot)) > 0 {
		s.pollForeign(slot)
		s.pollGroup(slot)
		return
	}
	if slot.foreign == nil && !kernel.Reap(slot.pid) {
		return
	}
	delete(s.held, slot)
	delete(s.leaders, slot.pid)
	slot.reaped = true
	if slot.state == Over || slot.leaving {
		return
	}
	s.timers.cancel(slot.deadline)
	slot.state = Stopping
	slot.drain(s)
	s.closeStreams(slot)
	if slot.log != nil && !s.logs.Flushed(slot.log) {
		// No Gone before its last line is in the file, unless the disk stalls.
		s.flushing[slot] = true
		slot.deadline = s.timers.after(flushPatience, func() { s.gone(slot, nil) })
		return
	}
	s.gone(slot, nil)
}

// gone is the end of a tree. A pre_stop hook that is not done yet may finish, one of
// post_start may not; then it is for those of post_stop.
func (s *server) gone(slot *slot, survivors []int) {
	slot.leaving = true
	s.deaf(slot)
	delete(s.flushing, slot)
	s.timers.cancel(slot.deadline)
	after := func(string) {
		s.takeTurn(slot, PostStop, func(string) { s.tellGone(slot, survivors) })
	}
	switch {
	case slot.turn == nil:
		after("")
	case slot.turn.on == PreStop:
		slot.turn.then = after
	default:
		s.cut(slot, after)
	}
}

// tellGone tells the end, with the pids that could not be ended.
func (s *server) tellGone(slot *slot, survivors []int) {
	ev := Event{
		Kind: Gone, ID: slot.id, PID: slot.pid, Start: slot.start,
		Code: slot.exit.Code, Signal: slot.exit.Signal, Core: slot.exit.Core, Asked: slot.asked, Lost: slot.lost, Survivors: survivors,
	}
	if len(survivors) > 0 {
		ev.Err = "SIGKILL did not end everything in time"
	}
	slot.err, slot.survivors = ev.Err, survivors
	if slot.log != nil {
		s.logs.Release(slot.log)
		slot.log = nil
	}
	s.leaveGroup(slot)
	s.emit(ev)
	s.over(slot)
}

// over follows the last event of a slot.
func (s *server) over(slot *slot) {
	slot.state, slot.last = Over, s.events.last()
	s.live--
	if slot.parent != nil {
		s.hookOver(slot)
		return
	}
	if s.ending && slot.spec.Stop.Rank == s.rank {
		if s.rankLeft--; s.rankLeft == 0 {
			s.stopRank()
		}
	}
}

func (slot *slot) drain(s *server) {
	for _, st := range slot.streams {
		st.drain(s)
	}
}

func (s *server) closeStreams(slot *slot) {
	for _, st := range slot.streams {
		st.close(s)
	}
	slot.streams = nil
}

// keepTail keeps the last bytes of both streams, in the order of reading.
func (slot *slot) keepTail(data []byte) {
	limit := slot.spec.Output.Tail
	if limit == 0 || slot.exited {
		return
	}
	if len(data) > limit {
		data = data[len(data)-limit:]
	}
	if excess := len(slot.tail) + len(data) - limit; excess > 0 {
		slot.tail = append(slot.tail[:0], slot.tail[excess:]...)
	}
	slot.tail = append(slot.tail, data...)
}
