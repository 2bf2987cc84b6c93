package keeper

import (
	"fmt"
	mathbits "math/bits"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"zmicroservices/context/keeper/cgroup"
	"zmicroservices/context/keeper/kernel"
	"zmicroservices/context/keeper/logfile"
)

// server is the keeper: one thread that owns all of the state below and waits in
// epoll_wait for sockets, pidfds, pipes, its two helpers (spawner and logs) and
// the next deadline. Nothing here takes a lock but the helpers' leaves.
type server struct {
	opts  options
	pid   int
	group int
	clock kernel.Clock

	epoll    int
	wakefd   int // eventfd: a helper or a signal has news
	sources  map[int32]source
	gens     map[int32]int32
	gen      int32
	buf      []byte // what every pipe is read into
	timers   timers
	spawner  *spawner
	logs     *logfile.Writer
	sigchld  atomic.Bool   // set by the signal goroutine
	signals  atomic.Uint32 // bits of those that ask for the end, by number; set there too
	finished bool
	untidy   *timer // of tidy

	slots    map[ID]*slot
	leaders  map[int]*slot // by pid, until reaped
	exited   []*slot       // this round's
	held     map[*slot]bool
	flushing map[*slot]bool
	live     int // slots that are not Over

	childfd   int // the list of orphans, -1 without
	orphans   map[int]*orphan
	strays    map[int][]int // of belowStrays, nil until asked for
	adopted   int           // how many ever
	scanned   bool          // this round
	looked    bool          // this round: outside is
	outside   []outsider
	cookies   map[Identity]string // of outsiders, by pid and ticks
	childDied bool
	grouped   map[string]*slot // by the name of their cgroup
	ungrouped bool             // it was said that there are no cgroups

	ending   bool
	rank     int // the one being stopped
	rankLeft int
	sweepEnd time.Time
	swept    bool // nothing is left but a ward

	store     descriptors
	listener  int
	door      door
	conn      *conn // the provider's, nil without one
	epoch     uint64
	events    eventLog
	bequest   uint64 // Seq of the last event that the keeper before left
	alone     *timer // end of the linger time
	ward      *ward  // the provider's process, of an outermost keeper
	guard     *guard // of a provider that is being upgraded
	kin       int    // a provider that was brought back: our child, and no orphan
	handover  *handover
	hear      func() // catches signals, again
	manager   manager
	notes     []string
	tappings  []*tapping
	lossTimer *timer // no report of losses before it
	lost      uint64 // notes
}

// source is what a descriptor of the epoll set belongs to.
type source interface{ ready(s *server) }

func newServer(o options) (*server, error) {
	s := &server{
		opts: o, pid: os.Getpid(), group: syscall.Getpgrp(), clock: kernel.NewClock(),
		sources: make(map[int32]source), gens: make(map[int32]int32), buf: make([]byte, 64<<10),
		slots: make(map[ID]*slot), leaders: make(map[int]*slot), held: make(map[*slot]bool),
		flushing: make(map[*slot]bool), orphans: make(map[int]*orphan), grouped: make(map[string]*slot), store: make(descriptors), listener: -1,
		childfd: kernel.OpenChildren(os.Getpid()), manager: manager{fd: -1},
	}
	null, err := syscall.Open("/dev/null", syscall.O_RDWR|syscall.O_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("open /dev/null: %w", err)
	}
	if s.epoll, err = syscall.EpollCreate1(syscall.EPOLL_CLOEXEC); err != nil {
		return nil, os.NewSyscallError("epoll_create1", err)
	}
	fd, _, e := syscall.RawSyscall(syscall.SYS_EVENTFD2, 0, syscall.O_CLOEXEC|syscall.O_NONBLOCK, 0)
	if e != 0 {
		return nil, os.NewSyscallError("eventfd2", e)
	}
	s.wakefd = int(fd)
	s.watch(s.wakefd, wakeup{})
	if s.spawner, err = newSpawner(null); err != nil {
		return nil, err
	}
	s.spawner.cgroups = cgroup.New(o.stateDir, "")
	s.watch(s.spawner.loops, s.spawner)
	s.logs = logfile.New(filepath.Join(o.stateDir, "logs"), s.wake)
	if o.resume < 0 {
		s.inherit()
	}
	return s, nil
}

// loop runs until everything has ended. A round takes what has happened, lets it
// have its consequences, and tells the provider all of them in one write.
func (s *server) loop() error {
	runtime.LockOSThread() // keeps the spawners off the main thread, see spawner.run
	var ready sync.WaitGroup
	ready.Add(spawners)
	for range spawners {
		go s.spawner.run(&ready) // ends with spawner.close
	}
	ready.Wait()    // their tables are copied while there is little in ours
	go s.logs.Run() // ends with its Close, when all is written
	defer s.spawner.close()
	events := make([]syscall.EpollEvent, 256)
	for !s.finished {
		n, err := syscall.EpollWait(s.epoll, events, s.timers.timeout())
		if err != nil && err != syscall.EINTR {
			return os.NewSyscallError("epoll_wait", err)
		}
		s.scanned, s.looked, s.outside = false, false, nil
		for _, ev := range events[:max(n, 0)] {
			// A descriptor that was closed in this round may be a new one already.
			if s.gens[ev.Fd] == ev.Pad {
				s.sources[ev.Fd].ready(s)
			}
		}
		s.timers.fire()
		s.collect()
		s.tellLosses(false)
		if s.conn != nil {
			s.conn.flush(s)
		}
		s.handOver()
	}
	s.farewell()
	return nil
}

// collect is the end of a round: exits are told, and dead leaders reaped whose
// trees are gone.
func (s *server) collect() {
	for len(s.exited) > 0 || s.childDied {
		exited := s.exited
		s.exited, s.childDied = nil, false
		s.scan() // after the deaths were seen: their orphans are ours by now
		for _, slot := range exited {
			s.leaderExited(slot)
			s.settle(slot)
		}
		for slot := range s.held {
			s.settle(slot)
		}
	}
}

// wake interrupts epoll_wait; it is called from any goroutine.
func (s *server) wake() {
	one := [8]byte{1} // any value but 0 and all ones, in either byte order
	_, _ = syscall.Write(s.wakefd, one[:])
}

type wakeup struct{}

func (wakeup) ready(s *server) {
	var count [8]byte
	_, _ = syscall.Read(s.wakefd, count[:])
	s.childDied = s.sigchld.Swap(false) || s.childDied
	for _, sig := range s.endSignals() {
		switch {
		case s.ward != nil:
			s.ward.forward(s, sig)
		case s.conn == nil:
			s.stopAll("signal without a provider")
		}
	}
	s.answerTaps()
	for slot := range s.flushing {
		if s.logs.Flushed(slot.log) {
			s.gone(slot, nil)
		}
	}
}

func (s *server) endSignals() []syscall.Signal {
	var all []syscall.Signal
	for bits := s.signals.Swap(0); bits != 0; bits &= bits - 1 {
		all = append(all, syscall.Signal(mathbits.TrailingZeros32(bits)))
	}
	return all
}

// watch adds a descriptor to the epoll set, level-triggered.
func (s *server) watch(fd int, src source) {
	s.gen++
	s.sources[int32(fd)], s.gens[int32(fd)] = src, s.gen
	ev := syscall.EpollEvent{Events: syscall.EPOLLIN, Fd: int32(fd), Pad: s.gen}
	if err := syscall.EpollCtl(s.epoll, syscall.EPOLL_CTL_ADD, fd, &ev); err != nil {
		s.note(fmt.Sprintf("watch descriptor %d: %v", fd, err))
	}
}

// rewatch changes what a watched descriptor is waited for.
func (s *server) rewatch(fd int, events uint32) {
	ev := syscall.EpollEvent{Events: events, Fd: int32(fd), Pad: s.gens[int32(fd)]}
	_ = syscall.EpollCtl(s.epoll, syscall.EPOLL_CTL_MOD, fd, &ev)
}

// forget takes it out again, before it is closed.
func (s *server) forget(fd int) {
	delete(s.sources, int32(fd))
	delete(s.gens, int32(fd))
	_ = syscall.EpollCtl(s.epoll, syscall.EPOLL_CTL_DEL, fd, nil)
}

func (s *server) logPath(path string) string {
	if filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(s.opts.stateDir, path)
}

// emit appends to the stream; flush sends it.
func (s *server) emit(ev Event) {
	ev.At = time.Now()
	ev.Mono = s.clock.Mono(ev.At)
	s.events.add(ev)
}

// acknowledge forgets events, and the slots that ended with them.
func (s *server) acknowledge(seq uint64) {
	for _, ev := range s.events.trim(seq) {
		if slot := s.slots[ev.ID]; ev.Kind == Noticed && slot != nil && slot.ear != nil {
			slot.ear.held = false
			slot.ear.tell(s)
		}
		if slot := s.slots[ev.ID]; slot != nil && slot.state == Over && slot.last == ev.Seq {
			delete(s.slots, ev.ID)
		}
	}
	if s.bequest > 0 && seq >= s.bequest {
		s.bequest = 0
		_ = os.Remove(filepath.Join(s.opts.runtimeDir, bequestName))
	}
}

// tidy gives the memory of a burst of spawns back, once things are quiet: the
// collector is set to let it grow, because it stops everyone for as long as a
// spawner sits in vfork.
func (s *server) tidy() {
	if s.untidy == nil {
		s.untidy = s.timers.after(10*time.Second, func() {
			s.untidy = nil
			go debug.FreeOSMemory() // ends by itself; not on the loop: it takes milliseconds
		})
	}
}

func (s *server) stats() *Stats {
	st := &Stats{
		PID: s.pid, RSS: readRSS(), Goroutines: runtime.NumGoroutine(),
		Threads: countDir("/proc/self/task"), FDs: countDir("/proc/self/fd"),
		Slots: len(s.slots), Live: s.live, Orphans: len(s.orphans), Events: len(s.events.list),
		DroppedLines: s.logs.Dropped(), LostNotes: s.lost, Descriptors: len(s.store),
		Cgroup: s.spawner.cgroups.State(),
	}
	return st
}

// farewell lets the last lines reach the disk and the last events the provider,
// each within a second.
func (s *server) farewell() {
	// Before our own socket is gone: who finds no keeper may bind the ports at once.
	s.store.close()
	s.spawner.cgroups.Close()
	s.logs.Close()
	select {
	case <-s.logs.Done():
	case <-time.After(flushPatience):
	}
	if s.conn != nil {
		s.conn.flushAll(s)
	}
	s.bequeath()
	s.door.close(s)
}
