package keeper

import (
	"syscall"
	"time"

	"zmicroservices/context/keeper/kernel"
)

const (
	// killPatience bounds the killing of one slot. SIGKILL does not end a process
	// in uninterruptible sleep; what is left then is named, not waited for.
	killPatience = 10 * time.Second
	// flushPatience bounds how long Gone waits for a stalled disk.
	flushPatience = time.Second
)

// ask notes that what happens next is a provider's will; a death that came before
// was not.
func (slot *slot) ask() { slot.asked = slot.asked || !slot.exited }

// stop runs the recipe, the slot's own if r is nil. A second stop signals again
// and may shorten the grace, never lengthen it.
func (s *server) stop(slot *slot, r *Recipe) {
	if r == nil {
		r = &slot.spec.Stop
	}
	switch {
	case slot.state == Over || slot.killing || slot.reaped || slot.leaving:
		return
	case slot.state == Spawning:
		slot.askedStop = r
		s.cut(slot, slot.unspawned(s))
		return
	case s.preStop(slot, *r):
		return
	case r.Grace <= 0:
		s.kill(slot)
		return
	}
	due := time.Now().Add(r.Grace)
	if slot.state == Stopping && !slot.due.IsZero() && slot.due.Before(due) {
		due = slot.due
	}
	slot.state, slot.recipe, slot.due = Stopping, *r, due
	s.scan()
	s.signalTree(slot, r.signal())
	s.timers.cancel(slot.deadline)
	slot.deadline = s.timers.after(time.Until(due), func() { s.kill(slot) })
}

// signalTree sends to the group and to the orphans that left it. A group that
// was stopped (SIGSTOP, SIGTTIN) could not hear: SIGCONT lets it.
func (s *server) signalTree(slot *slot, sig syscall.Signal) {
	if slot.foreign != nil {
		s.signalForeign(slot, sig)
		return
	}
	_ = syscall.Kill(-slot.pid, sig)
	_ = syscall.Kill(-slot.pid, syscall.SIGCONT)
	for _, o := range s.orphans {
		if o.owner == slot && o.group != slot.pid {
			_ = syscall.Kill(o.pid, sig)
			_ = syscall.Kill(o.pid, syscall.SIGCONT)
		}
	}
}

// kill ends a slot by SIGKILL until nothing is left, bounded by killPatience.
func (s *server) kill(slot *slot) {
	switch {
	case slot.leaving: // there is nothing left but hooks
		s.hurryTurn(slot)
		return
	case slot.state == Over || slot.killing || slot.reaped:
		return
	case slot.state == Spawning:
		slot.askedKill = true
		s.cut(slot, slot.unspawned(s))
		return
	}
	s.hurryTurn(slot)
	slot.state, slot.killing = Stopping, true
	slot.killEnd, slot.pause = time.Now().Add(killPatience), 5*time.Millisecond
	s.killRound(slot)
}

// killRound is one stroke. What it uncovers (children of the killed, adopted
// since) is killed as scan sees it; the next round is for what scan was not told.
func (s *server) killRound(slot *slot) {
	if slot.foreign != nil {
		s.killForeign(slot)
	} else {
		s.killOwn(slot)
	}
	s.childDied = true // what the scan reaped may settle this or another slot
	if time.Now().After(slot.killEnd) {
		survivors := s.members(slot)
		if !slot.exited {
			survivors = append(survivors, slot.pid)
		}
		slot.drain(s)
		s.closeStreams(slot)
		s.gone(slot, survivors)
		return
	}
	slot.pause = min(2*slot.pause, 200*time.Millisecond)
	s.timers.cancel(slot.deadline)
	slot.deadline = s.timers.after(slot.pause, func() { s.killRound(slot) })
}

// killOwn is one stroke at our own children.
func (s *server) killOwn(slot *slot) {
	slot.killGroup()
	if slot.pidfd >= 0 {
		_ = kernel.Signal(slot.pidfd, syscall.SIGKILL) // it may have left its group
	}
	_ = syscall.Kill(-slot.pid, syscall.SIGKILL)
	s.scan()
	chase := false
	for _, o := range s.orphans {
		if o.owner == slot {
			s.killOrphan(o)
			chase = true
		}
	}
	for again, before := 0, -1; chase && again < 50 && before != s.adopted; again++ { // whoever forks while we look
		before, s.scanned = s.adopted, false
		s.scan()
	}
}

// stopAll ends everything by rank, then the keeper. There is no way back.
func (s *server) stopAll(why string) {
	if s.ending {
		return
	}
	s.ending = true
	s.note("keeper ends: " + why)
	s.manager.say("STOPPING=1\nSTATUS=" + why)
	s.stopRank()
}

// stopRank stops the lowest rank that has anything left; over calls it again
// when that rank is gone.
func (s *server) stopRank() {
	if s.live == 0 {
		s.sweepEnd = time.Now().Add(killPatience)
		s.sweep()
		return
	}
	var rank []*slot
	for _, slot := range s.slots {
		if slot.state == Over || slot.parent != nil || len(rank) > 0 && slot.spec.Stop.Rank > s.rank {
			continue
		}
		if len(rank) > 0 && slot.spec.Stop.Rank < s.rank {
			rank = rank[:0]
		}
		s.rank = slot.spec.Stop.Rank
		rank = append(rank, slot)
	}
	s.rankLeft = len(rank)
	for _, slot := range rank {
		s.stop(slot, nil)
	}
}

// sweep ends the orphans that no slot owned, bounded: nothing that came from
// below us is left to init.
func (s *server) sweep() {
	for _, o := range s.orphans {
		s.killOrphan(o)
	}
	s.scanned = false
	s.scan()
	if len(s.orphans) == 0 || time.Now().After(s.sweepEnd) {
		s.allStopped()
		return
	}
	s.timers.after(2*time.Millisecond, s.sweep)
}
