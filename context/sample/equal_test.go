package sample

import (
	"encoding/json"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/shirou/gopsutil/v3/cpu"
	"github.com/shirou/gopsutil/v3/net"
	"github.com/shirou/gopsutil/v3/process"
)

// scene is a process with something of everything, stopped, with children and threads.
func scene(t *testing.T) *subject {
	t.Helper()
	s := newSubject(t)
	addr := s.say("listen tcp")
	s.say("dial " + addr)
	s.say("accept")
	s.say("datagram")
	s.say("unix " + scratch(t))
	s.say("threads 3")
	s.say("open 3")
	s.say("eat 8")
	s.say("burn 50")
	s.say("fork")
	s.say("fork")
	s.stop()
	return s
}

func look(t *testing.T, s *subject, w Want) *Process {
	t.Helper()
	sampler := newSampler(t)
	tree := sampler.Watch(Target{PID: s.pid(), Want: w})
	sampler.Tick(tree)
	if err := tree.Err(); err != nil {
		t.Fatal(err)
	}
	p := tree.Processes()[0]
	for _, gap := range p.Missing {
		t.Errorf("missing: %v", gap)
	}
	return p
}

// What gopsutil says of a process, with its traps laid aside: Children forks pgrep.
func TestFiguresAreThoseOfGopsutil(t *testing.T) {
	s := scene(t)
	ours := look(t, s, Everything)
	theirs, err := process.NewProcess(int32(s.pid()))
	if err != nil {
		t.Fatal(err)
	}
	equal := func(what string, got, want any, err error) {
		t.Helper()
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Errorf("%s (-gopsutil +ours), err %v:\n%s", what, err, diff)
		}
	}
	name, err := theirs.Name()
	equal("name", ours.Name, name[:min(len(name), 15)], err)
	ppid, err := theirs.Ppid()
	equal("ppid", ours.PPID, ppid, err)
	created, err := theirs.CreateTime()
	equal("create time", ours.CreateTime/1000*1000, created, err)
	status, err := theirs.Status()
	equal("status", []string{ours.Status}, status, err)
	memory, err := theirs.MemoryInfo()
	equal("rss", ours.Memory.RSS, memory.RSS, err)
	equal("vms", ours.Memory.VMS, memory.VMS, err)
	percent, err := theirs.MemoryPercent()
	equal("memory percent", ours.MemoryPercent, percent, err)
	times, err := theirs.Times()
	equal("times", ours.Times, *times, err)
	n, err := theirs.NumThreads()
	equal("number of threads", ours.NumThreads, n, err)
	n, err = theirs.NumFDs()
	equal("number of descriptors", ours.NumFDs, n, err)
	io, err := theirs.IOCounters()
	equal("io", ours.IO, *io, err)
	switches, err := theirs.NumCtxSwitches()
	equal("switches", ours.Switches, *switches, err)

	threads, err := theirs.Threads()
	got := map[int32]*cpu.TimesStat{}
	for i := range ours.Threads {
		got[ours.Threads[i].TID] = &ours.Threads[i].Times
	}
	equal("threads", got, threads, err)

	files, err := theirs.OpenFiles()
	byFD := func(a, b process.OpenFilesStat) int { return int(a.Fd) - int(b.Fd) }
	slices.SortFunc(files, byFD)
	opened := slices.Clone(ours.OpenFiles)
	slices.SortFunc(opened, byFD)
	equal("open files", opened, files, err)

	connections, err := theirs.Connections()
	byNumber := func(a, b net.ConnectionStat) int { return int(a.Fd) - int(b.Fd) }
	slices.SortFunc(connections, byNumber)
	sockets := slices.Clone(ours.Connections)
	slices.SortFunc(sockets, byNumber)
	equal("connections", sockets, connections, err)
	if len(sockets) < 5 {
		t.Errorf("%d sockets: want listener, both ends, datagram, unix", len(sockets))
	}

	maps, err := theirs.MemoryMaps(false)
	if len(*maps) != len(ours.MemoryMaps) {
		t.Fatalf("%d maps, gopsutil has %d", len(ours.MemoryMaps), len(*maps))
	}
	for i, m := range *maps {
		if m.Path == "0" { // it takes the inode for the path of what has none
			m.Path = "[anon]"
		}
		equal("map "+strconv.Itoa(i), unshared(ours.MemoryMaps[i]), unshared(m), err)
	}
}

// unshared leaves out of a map what others change by mapping the same file, as this
// test does, which runs the program of the process that it looks at.
func unshared(m process.MemoryMapsStat) process.MemoryMapsStat {
	m.PrivateClean += m.SharedClean
	m.PrivateDirty += m.SharedDirty
	m.SharedClean, m.SharedDirty, m.Pss = 0, 0, 0
	return m
}

// told is what psutil says, by the script below.
type told struct {
	Name, Status string
	PPID         int32
	CreateTime   float64
	RSS, VMS     uint64
	Percent      float64
	User, System float64
	Threads      map[string][2]float64
	NumThreads   int32
	NumFDs       int32
	Files        map[string]string // regular files alone
	Connections  [][]any           // fd, family, type, laddr, raddr, status
	IO           [4]uint64
	Switches     [2]int64
	Children     []int32
	Maps         [][]any
}

const script = `
import psutil, json, sys
p = psutil.Process(int(sys.argv[1]))
a = lambda x: list(x) if x and not isinstance(x, str) else [x or '', 0]
m, c, i, s = p.memory_info(), p.cpu_times(), p.io_counters(), p.num_ctx_switches()
print(json.dumps(dict(
 Name=p.name(), Status=p.status(), PPID=p.ppid(), CreateTime=p.create_time(), RSS=m.rss, VMS=m.vms, Percent=p.memory_percent(),
 User=c.user, System=c.system, Threads={t.id: [t.user_time, t.system_time] for t in p.threads()}, NumThreads=p.num_threads(), NumFDs=p.num_fds(),
 Files={f.fd: f.path for f in p.open_files()},
 Connections=[[x.fd, int(x.family), int(x.type), a(x.laddr), a(x.raddr), x.status] for x in p.connections(kind='all')],
 IO=[i.read_count, i.write_count, i.read_bytes, i.write_bytes], Switches=[s.voluntary, s.involuntary],
 Children=[x.pid for x in p.children(recursive=True)],
 Maps=[[x.path, x.rss, x.size, x.shared_clean + x.private_clean, x.shared_dirty + x.private_dirty, x.referenced, x.anonymous, x.swap] for x in p.memory_maps(grouped=False)],
)))`

func askPsutil(t *testing.T, pid int) told {
	t.Helper()
	const python = "/usr/bin/python3"
	if err := exec.Command(python, "-c", "import psutil").Run(); err != nil {
		const need = "psutil is not here: apt-get install python3-psutil"
		if os.Getenv("CI") == "true" {
			t.Fatal(need)
		}
		t.Skip(need)
	}
	out, err := exec.Command(python, "-c", script, strconv.Itoa(pid)).Output()
	if err != nil {
		t.Fatalf("psutil: %v", err)
	}
	var d told
	if err := json.Unmarshal(out, &d); err != nil {
		t.Fatal(err)
	}
	return d
}

func TestFiguresAreThoseOfPsutil(t *testing.T) {
	s := scene(t)
	sampler := newSampler(t)
	tree := sampler.Watch(Target{PID: s.pid(), Want: Everything})
	sampler.Tick(tree)
	if err := tree.Err(); err != nil {
		t.Fatal(err)
	}
	ours, theirs := tree.Processes()[0], askPsutil(t, s.pid())

	got := told{
		Name: theirs.Name, Status: map[string]string{"stop": "stopped"}[ours.Status], PPID: ours.PPID, CreateTime: float64(ours.CreateTime) / 1000,
		RSS: ours.Memory.RSS, VMS: ours.Memory.VMS, Percent: theirs.Percent, User: ours.Times.User, System: ours.Times.System,
		NumThreads: ours.NumThreads, NumFDs: ours.NumFDs,
		Threads: map[string][2]float64{}, Files: map[string]string{},
		IO:       [4]uint64{ours.IO.ReadCount, ours.IO.WriteCount, ours.IO.ReadBytes, ours.IO.WriteBytes},
		Switches: [2]int64{ours.Switches.Voluntary, ours.Switches.Involuntary},
	}
	if !strings.HasPrefix(theirs.Name, ours.Name) {
		t.Errorf("name %q, psutil has %q", ours.Name, theirs.Name)
	}
	if d := theirs.Percent - float64(ours.MemoryPercent); d > 1e-4 || d < -1e-4 { // ours has 32 bits
		t.Errorf("memory percent %v, psutil has %v", ours.MemoryPercent, theirs.Percent)
	}
	for _, th := range ours.Threads {
		got.Threads[strconv.Itoa(int(th.TID))] = [2]float64{th.Times.User, th.Times.System}
	}
	for _, f := range ours.OpenFiles {
		if info, err := os.Stat(f.Path); err == nil && info.Mode().IsRegular() {
			got.Files[strconv.FormatUint(f.Fd, 10)] = f.Path
		}
	}
	for _, p := range tree.Processes()[1:] {
		got.Children = append(got.Children, p.PID)
	}
	for _, c := range ours.Connections {
		raddr := []any{c.Raddr.IP, float64(c.Raddr.Port)}
		if c.Raddr.Port == 0 { // psutil shows no address that nobody has
			raddr = []any{"", 0.0}
		}
		got.Connections = append(got.Connections, []any{
			float64(c.Fd), float64(c.Family), float64(c.Type), []any{c.Laddr.IP, float64(c.Laddr.Port)}, raddr, c.Status,
		})
	}
	for _, m := range ours.MemoryMaps {
		row, m := []any{m.Path}, unshared(m)
		for _, kib := range []uint64{m.Rss, m.Size, m.PrivateClean, m.PrivateDirty, m.Referenced, m.Anonymous, m.Swap} {
			row = append(row, float64(kib<<10))
		}
		got.Maps = append(got.Maps, row)
	}
	byFD := func(a, b []any) int { return int(a[0].(float64) - b[0].(float64)) }
	slices.SortFunc(got.Connections, byFD)
	slices.SortFunc(theirs.Connections, byFD)
	slices.Sort(got.Children)
	slices.Sort(theirs.Children)
	if diff := cmp.Diff(theirs, got); diff != "" {
		t.Errorf("-psutil +ours:\n%s", diff)
	}
}
