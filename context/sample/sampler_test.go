package sample

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/shirou/gopsutil/v3/net"
)

// A process that has not run is not read again, until its turn comes.
func TestAProcessThatHasNotRunIsNotReadAgain(t *testing.T) {
	s := newSampler(t)
	idle := newSubject(t)
	idle.stop()
	tree := s.Watch(Target{PID: idle.pid(), Want: Connections})
	s.Tick(tree)
	read := 0
	for range 3 * s.opts.Refresh {
		if s.Tick(tree); tree.order[0].fresh {
			read++
		} else if p := tree.Processes()[0]; p.CPUPercent != 0 || p.NumFDs == 0 || p.Memory.RSS == 0 {
			t.Fatalf("of one that was not read: %+v", p)
		}
	}
	if read != 3 {
		t.Errorf("it was read %d times in %d ticks, want 3 turns", read, 3*s.opts.Refresh)
	}
	idle.resume()
	before := tree.Processes()[0].NumFDs
	idle.say("open 5")
	eventually(t, s, tree, "5 more descriptors", func(p []*Process) bool { return p[0].NumFDs == before+5 })
}

func TestCPUIsThatSinceTheTickBefore(t *testing.T) {
	s := newSampler(t)
	busy := newSubject(t)
	busy.say("burn 100")
	tree := s.Watch(Target{PID: busy.pid()})
	s.Tick(tree)
	p := tree.Processes()[0]
	if used := p.CPUPercent / 100 * p.Age().Seconds(); used < 0.09 {
		t.Errorf("%.1f %% at first: it has used 100 ms in %v", p.CPUPercent, p.Age())
	}
	for range 3 {
		before := tree.order[0].at
		busy.say("burn 50")
		s.Tick(tree)
		span := tree.order[0].at.Sub(before).Seconds()
		used := tree.Processes()[0].CPUPercent / 100 * span
		if used < 0.04 || used > 2*span {
			t.Errorf("%.1f %% of %.3f s are %.3f s: it has used 50 ms", tree.Processes()[0].CPUPercent, span, used)
		}
	}
}

func TestDescendantsAreFoundUnderWhicheverThreadForkedThem(t *testing.T) {
	s := newSampler(t)
	root := newSubject(t)
	root.say("threads 2")
	want := []int32{int32(root.pid())}
	for range 4 {
		pid, err := strconv.Atoi(root.say("fork"))
		if err != nil {
			t.Fatal(err)
		}
		want = append(want, int32(pid))
	}
	root.say("fork proud")
	tree := s.Watch(Target{PID: root.pid(), Want: Connections})
	all := eventually(t, s, tree, "6 children, one with a child", func(p []*Process) bool { return len(p) == 7 })
	for _, pid := range want {
		if !slices.Contains(pids(tree), pid) {
			t.Errorf("%d is missing in %v", pid, pids(tree))
		}
	}
	for i, p := range all[1:] {
		if !slices.ContainsFunc(all[:i+1], func(q *Process) bool { return q.PID == p.PPID }) {
			t.Errorf("%d comes before its parent %d", p.PID, p.PPID)
		}
	}
	alone := s.Watch(Target{PID: root.pid(), Alone: true})
	if s.Tick(alone); len(alone.Processes()) != 1 {
		t.Errorf("without descendants: %v", pids(alone))
	}
	if err := syscall.Kill(int(want[1]), syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	eventually(t, s, tree, "the dead child to be a zombie", func(p []*Process) bool {
		return slices.ContainsFunc(p, func(p *Process) bool { return p.PID == want[1] && p.Zombie() })
	})
}

func TestAZombieIsAnEntryThatSaysSo(t *testing.T) {
	s := newSampler(t)
	parent := newSubject(t)
	tree := s.Watch(Target{PID: parent.pid(), Want: Everything})
	pid, err := strconv.Atoi(parent.say("fork dead"))
	if err != nil {
		t.Fatal(err)
	}
	all := eventually(t, s, tree, "a zombie", func(p []*Process) bool { return len(p) == 2 && p[1].Zombie() })
	z := all[1]
	if z.PID != int32(pid) || z.Status != "zombie" || z.Memory.RSS != 0 || z.NumFDs != 0 || len(z.Threads) != 0 || z.Name == "" {
		t.Errorf("zombie %+v", z)
	}
	if len(z.Missing) == 0 || !errors.Is(z.Missing[0], ErrZombie) {
		t.Errorf("missing: %v", z.Missing)
	}
	if len(all[0].Missing) != 0 {
		t.Errorf("missing of its parent: %v", all[0].Missing)
	}
}

func TestAProcessThatIsGoneEndsNobodysTick(t *testing.T) {
	s := newSampler(t)
	dead, alive := newSubject(t), newSubject(t)
	one, other := s.Watch(Target{PID: dead.pid(), Want: Everything}), s.Watch(Target{PID: alive.pid(), Want: Everything})
	s.Tick(one, other)
	if one.Err() != nil || len(one.Processes()) != 1 {
		t.Fatalf("%v %v", pids(one), one.Err())
	}
	dead.kill()
	for range 2 {
		s.Tick(one, other)
		if !errors.Is(one.Err(), ErrGone) || len(one.Processes()) != 0 || len(one.known) != 0 {
			t.Errorf("of the dead: %v %v", pids(one), one.Err())
		}
		if other.Err() != nil || len(other.Processes()) != 1 {
			t.Errorf("of the living: %v %v", pids(other), other.Err())
		}
	}
}

func TestANumberThatIsAnothersByNowIsRefused(t *testing.T) {
	s := newSampler(t)
	p := newSubject(t)
	tree := s.Watch(Target{PID: p.pid()})
	s.Tick(tree)
	ticks := tree.Processes()[0].Ticks
	right, wrong := s.Watch(Target{PID: p.pid(), Ticks: ticks}), s.Watch(Target{PID: p.pid(), Ticks: ticks - 1})
	if s.Tick(right, wrong); right.Err() != nil || !errors.Is(wrong.Err(), ErrReused) || len(wrong.Processes()) != 0 {
		t.Errorf("right %v, wrong %v", right.Err(), wrong.Err())
	}
	// A child of the tree that is replaced under its number: what is open is the dead one's.
	e := tree.known[int32(p.pid())]
	p.kill()
	if err := e.read(s, tree); err == nil {
		t.Error("the dead was read")
	}
}

// The two ways to list sockets tell the same.
func TestTheFilesOfProcTellOfSocketsWhatTheKernelsAnswersTell(t *testing.T) {
	p := scene(t)
	asked, read := newSampler(t), newSampler(t)
	byFiles := newSpace(read, read.spaces.own)
	byFiles.table = &table{}
	read.spaces.byInode[read.spaces.own] = byFiles
	one, other := asked.Watch(Target{PID: p.pid(), Want: Connections}), read.Watch(Target{PID: p.pid(), Want: Connections})
	asked.Tick(one)
	read.Tick(other)
	got, want := other.Processes()[0], one.Processes()[0]
	if diff := cmp.Diff(want.Connections, got.Connections); diff != "" || len(want.Connections) < 5 {
		t.Errorf("-asked +read:\n%s", diff)
	}
	if len(got.Missing)+len(want.Missing) > 0 {
		t.Errorf("missing: %v %v", got.Missing, want.Missing)
	}
}

func TestConnectionsFollowTheirStates(t *testing.T) {
	s := newSampler(t)
	server, client := newSubject(t), newSubject(t)
	addr := server.say("listen tcp")
	tree := s.Watch(Target{PID: server.pid(), Want: Connections})
	count := func(status string) func([]*Process) bool {
		return func(all []*Process) bool {
			return slices.ContainsFunc(all[0].Connections, func(c net.ConnectionStat) bool { return c.Status == status })
		}
	}
	eventually(t, s, tree, "a listener", count("LISTEN"))
	client.say("dial " + addr)
	server.say("accept")
	eventually(t, s, tree, "a connection", count("ESTABLISHED"))
	server.stop() // its own clock stands still from here on
	s.Tick(tree)
	client.kill()
	eventually(t, s, tree, "the end of its peer", count("CLOSE_WAIT"))
	if sp := tree.order[0].space; len(sp.diag.batch) == 0 {
		t.Error("few sockets are listed with all others, and not asked for")
	}
}

func TestWithFewFilesItReadsTheSameAndLetsGoOfAll(t *testing.T) {
	p := scene(t)
	before := openFiles(t)
	var seen []Process
	for _, keep := range []int{0, 3, 1000} {
		s := newSampler(t, func(o *Options) { o.KeepFiles, o.Refresh = keep, 1 })
		tree := s.Watch(Target{PID: p.pid(), Want: Everything})
		for range 3 {
			s.Tick(tree)
		}
		if len(tree.Processes()) != 3 {
			t.Fatalf("kept %d: %v %v", keep, pids(tree), tree.Err())
		}
		seen = append(seen, *tree.Processes()[0])
		if kept := keep - s.files.keep; keep < 10 && kept != keep || kept < 0 {
			t.Errorf("%d files are kept of %d", kept, keep)
		}
		tree.Close()
		if s.files.keep != keep {
			t.Errorf("%d of %d came back", s.files.keep, keep)
		}
		if s.Tick(tree); !errors.Is(tree.Err(), ErrGone) {
			t.Errorf("closed: %v", tree.Err())
		}
	}
	ignore := cmpopts.IgnoreFields(Process{}, "CPUPercent", "MemoryMaps", "PSS")
	for _, other := range seen[1:] {
		if diff := cmp.Diff(seen[0], other, ignore); diff != "" {
			t.Errorf("-none kept +kept:\n%s", diff)
		}
	}
	// Those of the samplers themselves: /proc and a socket each.
	if after := openFiles(t); after > before+3*2 {
		t.Errorf("%d files were open, %d are", before, after)
	}
}

func openFiles(t *testing.T) int {
	t.Helper()
	names, err := filepath.Glob("/proc/self/fd/*")
	if err != nil {
		t.Fatal(err)
	}
	return len(names)
}

func TestOnceAllWereSeenATickAllocatesNothingForAProcess(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	p := scene(t)
	s := newSampler(t, func(o *Options) { o.Refresh = 1 }) // the turn of all, every time
	tree := s.Watch(Target{PID: p.pid(), Want: Connections | OpenFiles | Threads | IO | Switches})
	for range 3 {
		s.Tick(tree)
	}
	trees := []*Tree{tree}
	for _, all := range []bool{true, false} {
		n := testing.AllocsPerRun(40, func() {
			for _, e := range tree.order {
				e.unread = all // as if it had run
			}
			s.Tick(trees...)
		})
		if n > 0 {
			t.Errorf("%v allocations a tick of %d processes, all read %v", n, len(tree.Processes()), all)
		}
	}
}

// What may not be looked at is a gap, and the rest is there.
func TestARefusedPermissionIsAGap(t *testing.T) {
	s := newSampler(t)
	tree := s.Watch(Target{PID: 1, Alone: true, Want: Connections | IO})
	if os.Getuid() == 0 {
		asNobody(t, func() { s.Tick(tree) })
	} else {
		s.Tick(tree)
	}
	if tree.Err() != nil {
		t.Skipf("process 1 is hidden: %v", tree.Err())
	}
	p := tree.Processes()[0]
	var text []string
	for _, g := range p.Missing {
		text = append(text, g.Error())
	}
	if all := strings.Join(text, "; "); !strings.Contains(all, "descriptors: permission denied") || !strings.Contains(all, "io: permission denied") {
		t.Errorf("missing: %s", all)
	}
	if p.Memory.RSS == 0 || p.NumThreads == 0 || p.Status == "" {
		t.Errorf("the rest: %+v", p)
	}
}

// asNobody does something with the rights of nobody, which one thread alone takes upon
// itself (setresuid(2); that of libc and of Go is of all threads).
func asNobody(t *testing.T, do func()) {
	t.Helper()
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	const nobody, same = 65534, ^uintptr(0)
	if _, _, errno := syscall.RawSyscall(syscall.SYS_SETRESUID, same, nobody, same); errno != 0 {
		t.Fatal(errno)
	}
	do()
	if _, _, errno := syscall.RawSyscall(syscall.SYS_SETRESUID, same, 0, same); errno != 0 {
		t.Fatal(errno)
	}
}

// A service may be in a network namespace of its own: its sockets are listed there.
func TestSocketsAreListedInTheNamespaceOfTheProcess(t *testing.T) {
	other, here := newSubject(t, syscall.CLONE_NEWNET), newSubject(t)
	s := newSampler(t)
	var trees []*Tree
	for _, p := range []*subject{other, here} {
		p.say("listen any")
		p.say("unix " + scratch(t))
		trees = append(trees, s.Watch(Target{PID: p.pid(), Want: Connections}))
	}
	if s.Tick(trees...); len(s.spaces.byInode) != 2 {
		t.Fatalf("%d namespaces", len(s.spaces.byInode))
	}
	for _, tree := range trees {
		p := tree.Processes()[0]
		if len(p.Connections) != 2 || len(p.Missing) != 0 {
			t.Errorf("%d has %+v, missing %v", p.PID, p.Connections, p.Missing)
		}
	}
	// Who may not enter it reads the files.
	limited := newSampler(t)
	tree := limited.Watch(Target{PID: other.pid(), Want: Connections})
	limited.Tick(tree)
	sp := tree.order[0].space
	sp.close()
	sp.diag, sp.table = nil, &table{}
	want := slices.Clone(tree.Processes()[0].Connections)
	limited.Tick(tree)
	if diff := cmp.Diff(want, tree.Processes()[0].Connections); diff != "" || sp.table == nil {
		t.Errorf("-asked +read:\n%s", diff)
	}
}

func TestMapsThatTakeTooLongAreAGapAndComeLater(t *testing.T) {
	p := newSubject(t)
	p.stop()
	s := newSampler(t, func(o *Options) { o.MapsPatience = 0 })
	tree := s.Watch(Target{PID: p.pid(), Want: MemoryMaps | PSS})
	s.Tick(tree)
	if first := tree.Processes()[0]; len(first.MemoryMaps) == 0 && (len(first.Missing) != 1 || !errors.Is(first.Missing[0], errMapsLate)) {
		t.Errorf("neither maps nor a gap: %v", first.Missing)
	}
	eventually(t, s, tree, "memory maps", func(all []*Process) bool {
		return len(all[0].MemoryMaps) > 0 && all[0].PSS > 0 && len(all[0].Missing) == 0
	})
	tree.Close() // while the worker may have it
}

func TestOptionsAreChecked(t *testing.T) {
	for _, change := range []func(*Options){
		func(o *Options) { o.Proc = "" }, func(o *Options) { o.KeepFiles = -1 }, func(o *Options) { o.Refresh = 0 },
		func(o *Options) { o.MapsPatience = -time.Second }, func(o *Options) { o.Proc = "/no/such/proc" },
	} {
		o := DefaultOptions()
		change(&o)
		if s, err := New(o); err == nil {
			t.Errorf("%+v: no error", o)
			_ = s.Close()
		}
	}
}
