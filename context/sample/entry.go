package sample

import (
	"errors"
	"time"

	"golang.org/x/sys/unix"
)

// ErrZombie is the gap of a process that has ended, while its parent has not asked how:
// it has a state and times, and nothing else.
var ErrZombie = errors.New("it has ended, and its parent has not asked how")

// entry is a process as it was read last, with the files of it that are open.
type entry struct {
	Process

	dir         int // /proc/PID: whatever is opened below it is of this process
	stat, statm file
	status, io  file
	fds, tasks  file // folders
	threads     []thread
	kids        []int32
	links       []link
	uids        []int32
	space       *space
	tick        uint64    // in which it was seen
	clock       int64     // its CPU clock when it was read, nanoseconds
	at          time.Time // when that was
	began       bool      // it was read before
	want        Want      // that was read
	mapped      *mapping  // nil: no maps were asked for
	unread      bool      // the last reading was not whole
	fresh       bool      // it was read in its last tick: it has run, or its turn had come
}

// The names of files below a process, NUL-terminated for the kernel.
var (
	statName   = []byte("stat\x00")
	statmName  = []byte("statm\x00")
	statusName = []byte("status\x00")
	ioName     = []byte("io\x00")
	fdName     = []byte("fd\x00")
	taskName   = []byte("task\x00")
	netName    = []byte("ns/net\x00")
)

// open opens the folder of a process.
func (e *entry) open(s *Sampler, pid int32) error {
	dir, err := openat(s.root, s.files.path(pid, ""), unix.O_RDONLY|unix.O_DIRECTORY)
	if err != nil {
		return err
	}
	e.dir, e.PID = dir, pid
	return nil
}

// close lets go of its files and of its share in the sockets.
func (e *entry) close(s *Sampler) {
	e.unlink(s)
	for i := range e.threads {
		e.threads[i].close(s)
	}
	for _, f := range []*file{&e.stat, &e.statm, &e.status, &e.io, &e.fds, &e.tasks} {
		s.files.drop(f)
	}
	if e.dir > 0 {
		_ = unix.Close(e.dir) // a folder
		e.dir = 0
	}
	if e.mapped != nil {
		e.mapped.drop()
	}
}

// read reads the process, unless it has not run since. The error is that it is gone.
func (e *entry) read(s *Sampler, t *Tree) error {
	e.tick = s.tick
	// The clock first: what runs after this is seen next time.
	clock, err := cpuClock(e.PID)
	now := time.Now()
	more := !e.began || t.Want&^e.want != 0 // is wanted than was read before
	slept := err == nil && clock == e.clock && !more && !e.unread
	due := (s.tick+t.turn)%uint64(s.opts.Refresh) == 0
	if slept && !due {
		e.CPUPercent, e.at, e.fresh = 0, now, false
		return nil
	}
	if !slept {
		e.Missing, e.unread = e.Missing[:0], false
	}
	e.fresh = true
	if err := e.readStat(s); err != nil {
		return err
	}
	e.measure(s, clock, err, now)
	e.want, e.began = t.Want, true
	if e.Zombie() {
		e.nothing(s)
		return nil
	}
	e.readMemory(s)
	e.readTasks(s, t.Want, slept)
	if slept && e.sameDescriptors(s) {
		return nil
	}
	e.readDescriptors(s, t.Want, due || more)
	if t.Want&IO != 0 {
		e.readIO(s)
	}
	if t.Want&Switches != 0 || t.Want&Connections != 0 && (due || more) { // uids hardly ever change
		e.readStatus(s)
	}
	return nil
}

func (e *entry) readStat(s *Sampler) error {
	b, err := s.files.read(e.dir, statName, &e.stat)
	if err != nil {
		return err
	}
	st := &s.stat
	if err := parseStat(b, st); err != nil {
		return err
	}
	if e.Name != string(st.name) {
		e.Name = string(st.name)
	}
	if e.Letter != st.letter {
		e.Letter, e.Status = st.letter, word(st.letter)
	}
	e.PPID, e.NumThreads = st.ppid, st.threads
	if e.Ticks != st.start {
		e.Ticks = st.start
		e.CreateTime = int64(s.boot*1000 + st.start*1000/userHZ)
	}
	e.Times.CPU = "cpu"
	e.Times.User, e.Times.System, e.Times.Iowait = seconds(st.utime), seconds(st.stime), seconds(st.iowait)
	return nil
}

func seconds(ticks int64) float64 { return float64(ticks) / userHZ }

func (e *entry) readMemory(s *Sampler) {
	b, err := s.files.read(e.dir, statmName, &e.statm)
	if err != nil {
		e.lack("memory", err)
		return
	}
	size, resident, err := parseStatm(b)
	if err != nil {
		e.lack("memory", err)
		return
	}
	e.Memory.VMS, e.Memory.RSS = size*s.page, resident*s.page
	e.MemoryPercent = 100 * float32(e.Memory.RSS) / float32(s.total)
}

func (e *entry) readIO(s *Sampler) {
	b, err := s.files.read(e.dir, ioName, &e.io)
	if err == nil {
		err = parseIO(b, &e.IO)
	}
	if err != nil {
		e.lack("io", err)
	}
}

// readStatus reads the one file that is long to make.
func (e *entry) readStatus(s *Sampler) {
	b, err := s.files.read(e.dir, statusName, &e.status)
	if err != nil {
		e.lack("status", err)
		return
	}
	if e.uids, err = parseStatus(b, e.uids, &e.Switches); err != nil {
		e.lack("status", err)
	}
}

// lack notes what could not be read. What was read before is still there, and may be
// old: it is tried again at the next tick, whether the process has run or not.
func (e *entry) lack(what string, err error) {
	e.miss(what, err)
	if !errors.Is(err, unix.EACCES) && !errors.Is(err, unix.EPERM) {
		e.unread = true
	}
}

// nothing is what a zombie has.
func (e *entry) nothing(s *Sampler) {
	p := &e.Process
	p.Memory.RSS, p.Memory.VMS, p.MemoryPercent, p.PSS = 0, 0, 0, 0
	p.NumFDs = 0
	p.Threads, p.OpenFiles, p.Connections, p.MemoryMaps = p.Threads[:0], p.OpenFiles[:0], p.Connections[:0], p.MemoryMaps[:0]
	for i := range e.threads {
		e.threads[i].close(s)
	}
	e.threads, e.kids = e.threads[:0], e.kids[:0]
	e.unlink(s)
	e.miss("process", ErrZombie)
}
