package keeper

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"zmicroservices/context/keeper/cgroup"
	"zmicroservices/context/keeper/kernel"
	"zmicroservices/internal/crashpoint"
)

// resume goes on with what the program before this one, in the same process, has left
// in an inherited file.
func (s *server) resume(fd int) error {
	e, err := loadEstate(fd)
	if err != nil {
		return err
	}
	s.epoch, s.events, s.bequest = e.Epoch, eventLog{acked: e.Acked, list: e.Events}, e.Bequest
	s.adopted, s.notes, s.lost, s.kin = e.Adopted, e.Notes, e.Lost, e.Kin
	for name, fd := range e.Store {
		s.store[name] = fd
	}
	s.spawner.cgroups = cgroup.New(s.opts.stateDir, e.Cgroup)
	s.inheritLosses(e.Losses)
	s.door = door{strangers: make(map[*conn]bool)}
	if e.Listener >= 0 {
		s.listener, s.door.path = e.Listener, filepath.Join(s.opts.runtimeDir, SocketName)
		s.watch(s.listener, &s.door)
	}
	for i := range e.Slots {
		s.resumeSlot(&e.Slots[i])
	}
	for _, o := range e.Orphans {
		s.orphans[o.PID] = &orphan{pid: o.PID, group: o.Group, decided: o.Decided, since: time.Now()}
		if o.Owner != nil {
			s.orphans[o.PID].owner = s.slots[*o.Owner]
		}
	}
	s.resumeWard(e.Ward)
	s.resumeGuard(e.Guard)
	s.resumeConn(e.Conn, e.Req)
	crashpoint.Here("keeper resumed")
	s.childDied = true // what has happened meanwhile is there to be seen
	return nil
}

// loadEstate reads the file from its beginning, and closes it.
func loadEstate(fd int) (*estate, error) {
	f := os.NewFile(uintptr(fd), "estate")
	defer f.Close()
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return nil, fmt.Errorf("read what the keeper hands over: %w", err)
	}
	text, err := io.ReadAll(f)
	if err != nil {
		return nil, fmt.Errorf("read what the keeper hands over: %w", err)
	}
	return readEstate(text)
}

func (s *server) resumeSlot(st *slotState) {
	m, _ := decode(st.Spec) // readEstate has done so already
	slot := &slot{
		id: m.Spec.ID, spec: *m.Spec, state: st.State, pid: st.PID, pidfd: st.FD, start: st.Start, since: st.Since,
		reaped: st.Reaped, exited: st.Exited, exit: kernel.Exit{Code: st.Code, Signal: syscall.Signal(st.Signal), Core: st.Core}, tail: st.Tail,
		asked: st.Asked, recipe: st.Recipe, turned: st.Turned, leaving: st.Leaving,
		last: st.Last, err: st.Err, survivors: st.Survivors, lost: st.Lost,
	}
	s.slots[slot.id] = slot
	if slot.state != Over {
		s.live++
	}
	if st.Foreign {
		slot.foreign = &foreign{led: st.Led, known: st.Known}
		if st.Known == nil {
			slot.foreign.known = make(map[int]uint64)
		}
	} else if slot.pid > 0 && !slot.reaped {
		s.leaders[slot.pid] = slot
	}
	if st.Log {
		slot.log = s.logs.Open(s.logPath(slot.spec.Output.Log), slot.id.owner(), slot.spec.Output.limits())
	}
	for _, one := range st.Streams {
		stream := &stream{slot: slot, name: one.Name, fd: one.FD, partial: one.Partial}
		slot.streams = append(slot.streams, stream)
		s.watch(one.FD, stream)
	}
	if slot.pidfd >= 0 {
		s.watch(slot.pidfd, slot)
	}
	if st.Cgroup != "" {
		s.join(slot, st.Cgroup)
	}
	if e := st.Ear; e != nil {
		slot.ear = &ear{slot: slot, fd: e.FD, said: e.Said, told: e.Told, held: e.Held, every: e.Every, last: time.Now().Add(-e.Last)}
		s.watch(e.FD, slot.ear)
		if e.Every > 0 {
			slot.ear.due = s.timers.after(0, func() { slot.ear.judge(s) })
		}
	}
	switch {
	case !slot.exited && slot.pidfd < 0 && slot.pid > 0: // it is dead, and a debugger has the first word
		s.exited = append(s.exited, slot)
	case slot.state == Over:
		if slot.exited && !slot.reaped {
			s.held[slot] = true
		}
	case slot.reaped: // its last line is in the file by now
		s.timers.after(0, func() { s.gone(slot, nil) })
	case slot.exited:
		s.held[slot] = true
	}
	switch {
	case slot.state == Over || slot.reaped:
	case st.Killing:
		slot.killing, slot.killEnd, slot.pause = true, time.Now().Add(st.KillLeft), 5*time.Millisecond
		s.timers.after(0, func() { s.killRound(slot) })
	case st.Graced:
		slot.due = time.Now().Add(st.Grace)
		slot.deadline = s.timers.after(st.Grace, func() { s.kill(slot) })
	}
}

func (s *server) resumeWard(st *wardState) {
	if st == nil {
		return
	}
	s.manager = newManager()
	s.watchdog()
	s.ward = &ward{
		path: st.Path, argv: st.Argv, env: st.Env, pid: st.PID, pidfd: st.FD, born: time.Now().Add(-st.Age),
		greeted: st.Greeted, told: st.Told, code: st.Code, delay: st.Delay,
	}
	s.watch(st.FD, s.ward)
}

// resumeConn answers the request for all this, as the new program.
func (s *server) resumeConn(st *connState, req uint64) {
	if st == nil {
		return
	}
	c := &conn{fd: st.FD, pid: st.PID, epoch: st.Epoch, in: lines{buf: st.In}, out: st.Out, next: st.Next}
	for _, t := range st.Taps {
		tap := &tapped{id: t.ID, seq: t.Seq, lines: t.Lines, dropped: t.Dropped}
		c.taps = append(c.taps, tap)
		if len(t.Lines) > 0 || t.Dropped > 0 {
			tap.due = true
			c.due = append(c.due, tap)
		}
	}
	s.conn = c
	s.watch(c.fd, c)
	for _, slot := range s.slots {
		s.listenTo(slot)
	}
	s.heartbeat(c)
	c.send(&message{Kind: kindReply, Req: req, Version: Version, PID: s.pid})
	s.timers.after(0, func() { s.drain(c) }) // lines that were read and not yet done
}

// drain does the requests that a connection holds already.
func (s *server) drain(c *conn) {
	for !c.closed {
		line, err := c.in.next()
		if err != nil || line == nil {
			return // what is wrong is found again with the next that comes
		}
		s.receive(c, line)
	}
}
