package cgroup

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

func TestOurOwnCgroupIsFoundWhereItIsMounted(t *testing.T) {
	const (
		pure   = "30 23 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw\n"
		hybrid = "31 30 0:27 / /sys/fs/cgroup ro - tmpfs tmpfs ro\n41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n42 31 0:39 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu\n"
		inner  = "41 31 0:38 /docker/a1 /sys/fs/cgroup ro - cgroup2 cgroup rw\n"
	)
	for _, c := range []struct{ mounts, groups, want string }{
		{pure, "0::/system.slice/zms.service\n", "/sys/fs/cgroup/system.slice/zms.service"},
		{pure, "0::/\n", "/sys/fs/cgroup"},
		{hybrid, "9:cpu:/x\n0::/y\n", "/sys/fs/cgroup/unified/y"},
		{inner, "0::/docker/a1/b\n", "/sys/fs/cgroup/b"},
		{inner, "0::/elsewhere\n", ""},
		{hybrid, "9:cpu:/x\n", ""},
		{"42 31 0:39 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu\n", "0::/y\n", ""},
		{"nonsense\n - cgroup2 \n", "0::/y\n", ""},
	} {
		got, err := ownCgroup(c.mounts, c.groups)
		if got != c.want || (err == nil) != (c.want != "") {
			t.Errorf("%q in %q: got %q, %v", c.groups, c.mounts, got, err)
		}
	}
}

// fakeRoot is a folder that looks like a group with controllers: what is written is seen,
// and no kernel enforces it.
func fakeRoot(t *testing.T, controllers string) *Tree {
	t.Helper()
	g := New("/state", "")
	g.own = t.TempDir()
	g.put(t, g.own, "cgroup.controllers", controllers)
	g.put(t, g.own, "cgroup.subtree_control", "")
	return g
}

func (g *Tree) put(t *testing.T, dir, file, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, file), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestLimitsAreWrittenBeforeTheBirth(t *testing.T) {
	g := fakeRoot(t, "cpuset cpu memory pids")
	if _, _, err := g.Make("other", &Limits{}); err != nil { // makes home
		t.Fatal(err)
	}
	g.put(t, g.home, "cgroup.controllers", "cpu memory pids")
	dir, fd, err := g.Make("T1.ts001.7.pre_start", &Limits{Memory: 1 << 20, CPU: 150, PIDs: 10})
	if err != nil {
		t.Fatal(err)
	}
	_ = syscall.Close(fd)
	if want := filepath.Join(g.own, "zms-"+g.name[4:], "T1.ts001.7.pre_start"); dir != want {
		t.Errorf("made %s, want %s", dir, want)
	}
	for file, want := range map[string]string{
		filepath.Join(dir, "memory.max"): "1048576", filepath.Join(dir, "cpu.max"): "150000 100000", filepath.Join(dir, "pids.max"): "10",
		// A folder keeps the last that is written to it; the kernel adds them up.
		filepath.Join(g.own, "cgroup.subtree_control"): "+pids", filepath.Join(g.home, "cgroup.subtree_control"): "+pids",
	} {
		if got, err := os.ReadFile(file); err != nil || string(got) != want {
			t.Errorf("%s: got %q, want %q (%v)", file, got, want, err)
		}
	}
}

func TestALimitWithoutItsControllerIsRefusedWithWhatHelps(t *testing.T) {
	g := fakeRoot(t, "cpu pids")
	_, fd, err := g.Make("T1.ts001.1", &Limits{Memory: 1})
	if err == nil || fd >= 0 {
		t.Fatalf("made %d", fd)
	}
	for _, want := range []string{"limit memory: the memory controller is not there", g.own, "Delegate=yes", "drop this limit"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("no %q in %v", want, err)
		}
	}
	g = New("/state", "")
	g.own = "/no/such/group"
	if _, _, err := g.Make("T1.ts001.1", &Limits{PIDs: 1}); err == nil || !strings.Contains(err.Error(), "limit pids: make cgroup: mkdir /no/such/group") {
		t.Errorf("got %v", err)
	}
	if dir, fd, err := g.Make("T1.ts001.1", &Limits{}); dir != "" || fd != -1 || err != nil {
		t.Errorf("without a limit: got %q, %d, %v", dir, fd, err)
	}
}

// Where this machine lets us, a process is put in and ended with its group.
func TestAGroupIsFoundEndedAndRemoved(t *testing.T) {
	g := New(t.TempDir(), "")
	dir, fd, err := g.Make("tr.ts001.1", &Limits{})
	if fd < 0 {
		t.Skipf("%s (%v): run as root where cgroup2 is mounted for writing", g.State(), err)
	}
	_ = syscall.Close(fd)
	defer g.Close()
	cmd := exec.Command("/bin/sleep", "1000")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	pid := cmd.Process.Pid
	g.put(t, dir, "cgroup.procs", strconv.Itoa(pid))
	if name, ours := g.Of(pid); name != "tr.ts001.1" || !ours {
		t.Errorf("it is in %q, %v", name, ours)
	}
	if _, ours := g.Of(os.Getpid()); ours {
		t.Error("the test is in it, too")
	}
	if got := Members(dir); !slices.Equal(got, []int{pid}) {
		t.Errorf("members %v, want %d", got, pid)
	}
	if !Remove(dir) {
		t.Error("it was removed with somebody in it")
	}
	if left := g.Left("tr.ts001.1"); left != dir {
		t.Errorf("left is %q, want %q", left, dir)
	}
	Kill(dir)
	_ = cmd.Wait()    // it was killed
	for Remove(dir) { // the kernel counts the dead for a moment
		runtime.Gosched()
	}
	if left := g.Left("tr.ts001.1"); left != "" {
		t.Errorf("left is %q", left)
	}
}
