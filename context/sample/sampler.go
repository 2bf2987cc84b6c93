package sample

import (
	"errors"
	"fmt"
	"time"

	"github.com/shirou/gopsutil/v3/host"
	"github.com/shirou/gopsutil/v3/mem"
	"golang.org/x/sys/unix"
)

// Options say how a Sampler works.
type Options struct {
	Proc         string        // where procfs is
	KeepFiles    int           // how many files may be kept open
	Refresh      int           // every how many ticks a process that has not run is read again
	MapsPatience time.Duration // how long a tick waits for memory maps
}

// DefaultOptions keeps as many files as a quarter of RLIMIT_NOFILE, and refreshes
// everybody every 10 ticks.
func DefaultOptions() Options {
	o := Options{Proc: "/proc", KeepFiles: 256, Refresh: 10, MapsPatience: 500 * time.Millisecond}
	var limit unix.Rlimit
	if unix.Getrlimit(unix.RLIMIT_NOFILE, &limit) == nil {
		o.KeepFiles = int(min(limit.Cur/4, 1<<16))
	}
	return o
}

func (o Options) validate() error {
	if o.Proc == "" || o.KeepFiles < 0 || o.Refresh < 1 || o.MapsPatience < 0 {
		return errors.New("sample: Proc is empty, Refresh less than 1, or another option negative")
	}
	return nil
}

// Sampler reads processes. It is owned by one goroutine.
type Sampler struct {
	opts   Options
	files  files
	root   int    // /proc
	total  uint64 // physical memory, bytes
	boot   uint64 // seconds since the epoch
	page   uint64
	tick   uint64
	spaces spaces
	maps   *mapper // nil until memory maps were asked for
	trees  map[*Tree]struct{}
	turn   uint64 // of the tree that was watched last

	// of what is being read
	stat   stat
	list   []int32            // threads or descriptors
	listed func(n int32)      // appends to list
	links  []link             // that the process had before
	target [unix.PathMax]byte // of a descriptor
}

// New opens procfs and learns what does not change.
func New(o Options) (*Sampler, error) {
	if err := o.validate(); err != nil {
		return nil, err
	}
	memory, err := mem.VirtualMemory()
	if err != nil {
		return nil, fmt.Errorf("read physical memory: %w", err)
	}
	boot, err := host.BootTime()
	if err != nil {
		return nil, fmt.Errorf("read boot time: %w", err)
	}
	root, err := unix.Open(o.Proc, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", o.Proc, err)
	}
	s := &Sampler{
		opts: o, root: root, total: memory.Total, boot: boot, page: uint64(unix.Getpagesize()),
		files: files{keep: o.KeepFiles, buf: make([]byte, firstBuffer)}, spaces: newSpaces(), trees: map[*Tree]struct{}{},
	}
	s.listed = func(n int32) { s.list = append(s.list, n) }
	return s, nil
}

// Target is a process to be looked at with all its descendants.
type Target struct {
	PID   int
	Ticks uint64 // its start in clock ticks since boot; 0: whoever has the number
	Want  Want
	Alone bool // without its descendants
}

// Watch makes a tree of a process. Nothing is read before a Tick.
func (s *Sampler) Watch(t Target) *Tree {
	s.turn++
	tree := &Tree{Target: t, sampler: s, turn: s.turn, known: map[int32]*entry{}}
	s.trees[tree] = struct{}{}
	return tree
}

// Tick reads these trees in one pass. It never fails: what could not be read is named
// in the trees.
func (s *Sampler) Tick(trees ...*Tree) {
	s.tick++
	for _, t := range trees {
		t.read()
	}
	s.spaces.list(s)
	for _, t := range trees {
		t.join()
	}
	s.readMaps(trees)
}

// Close lets go of everything, trees included. A worker that is stuck in the kernel
// ends when the kernel lets it.
func (s *Sampler) Close() error {
	if s.maps != nil {
		s.maps.await(s.opts.MapsPatience)
		s.maps.close()
	}
	for t := range s.trees {
		t.Close()
	}
	s.spaces.close()
	return unix.Close(s.root)
}
