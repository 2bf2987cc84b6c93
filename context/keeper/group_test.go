package keeper

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"zmicroservices/context/keeper/kernel"
)

// grouped is a slot with a cgroup, born; and the directory of the group.
func grouped(h *held, args ...string) (ID, string) {
	h.t.Helper()
	s := spec("ts001", append([]string{"child"}, args...)...)
	s.Cgroup, s.Stop.Grace = &Cgroup{}, 50*time.Millisecond
	s.Output.Log = filepath.Join(h.dir, "log")
	id := h.spawn(s)
	ev := h.await(id, Spawned)
	if args[0] != "exit" {
		h.awaitLog(s.Output.Log, "up")
		if got := groupOf(h.t, strconv.Itoa(ev.PID)); filepath.Base(got) != "tr.ts001.1" {
			h.t.Errorf("born in %s", got)
		}
	}
	st, err := h.Stats(h.t.Context())
	if err != nil || !filepath.IsAbs(st.Cgroup) {
		h.t.Fatalf("stats %+v, %v", st, err)
	}
	return id, filepath.Join(st.Cgroup, "tr.ts001.1")
}

// inside are the processes of a group.
func inside(t *testing.T, dir string) []int {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, "cgroup.procs"))
	if err != nil {
		t.Fatal(err)
	}
	return kernel.ParsePIDs(string(text))
}

func vanished(t *testing.T, dir string) {
	t.Helper()
	until(t, dir+" is removed", func() bool { _, err := os.Stat(dir); return os.IsNotExist(err) })
}

// What left the group of processes and cleaned its environment is ended with its service,
// and not with the keeper: this is what a cgroup is for.
func TestWhoCleansItsEnvironmentIsStillInItsCgroup(t *testing.T) {
	realCgroups(t)
	for name, end := range map[string]func(*held, ID, int) error{
		"stop":  func(h *held, id ID, _ int) error { return h.Stop(id, nil) },
		"kill":  func(h *held, id ID, _ int) error { return h.Kill(id) },
		"crash": func(_ *held, _ ID, pid int) error { p, _ := os.FindProcess(pid); return p.Kill() },
	} {
		t.Run(name, func(t *testing.T) {
			h := start(t)
			id, dir := grouped(h, "escape")
			var all []int
			until(t, "the daemon is there and its parent is not", func() bool {
				all = inside(t, dir)
				for _, pid := range all {
					if st, _ := kernel.ReadStat(pid); st.Parent != h.PID() {
						return false
					}
				}
				return len(all) == 2
			})
			if err := end(h, id, h.await(id, Spawned).PID); err != nil {
				t.Fatal(err)
			}
			if gone := h.await(id, Gone); len(gone.Survivors) > 0 {
				t.Errorf("survivors %v", gone.Survivors)
			}
			for _, pid := range all {
				if alive(pid) {
					t.Errorf("%d lives", pid)
				}
			}
			vanished(t, dir)
			h.nothingLeft()
		})
	}
}

// Members in groups that the service has made in its own are its too, and do not keep
// it from being removed.
func TestGroupsInAGroupGoWithIt(t *testing.T) {
	realCgroups(t)
	h := start(t)
	id, dir := grouped(h, "escape")
	inner := filepath.Join(dir, "inner")
	if err := os.Mkdir(inner, 0o755); err != nil {
		t.Fatal(err)
	}
	until(t, "the daemon is there", func() bool { return len(inside(t, dir)) == 2 && len(kernel.ChildrenByStat(h.PID())) == 2 })
	for _, pid := range inside(t, dir) {
		if pid != h.await(id, Spawned).PID {
			if err := os.WriteFile(filepath.Join(inner, "cgroup.procs"), []byte(strconv.Itoa(pid)), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := h.Stop(id, nil); err != nil {
		t.Fatal(err)
	}
	h.await(id, Gone)
	vanished(t, dir)
	h.nothingLeft()
}

// A limit is set, or the spawn fails and says why: nothing runs without what it asks for.
func TestALimitIsInForceOrRefused(t *testing.T) {
	h := start(t)
	s := spec("ts001", "child", "hang")
	s.Cgroup = &Cgroup{PIDs: 50}
	id := h.spawn(s)
	var ev Event
	until(t, "the outcome is told", func() bool { ev = <-h.Events(); return ev.ID == id })
	if ev.Kind == SpawnFailed {
		if !strings.HasPrefix(ev.Err, "limit pids: ") || !strings.Contains(ev.Err, "Delegate=yes") {
			t.Errorf("got %q", ev.Err)
		}
		t.Logf("refused here: %s", ev.Err)
		return
	}
	st, err := h.Stats(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if got, err := os.ReadFile(filepath.Join(st.Cgroup, "tr.ts001.1", "pids.max")); err != nil || strings.TrimSpace(string(got)) != "50" {
		t.Errorf("pids.max is %q: %v", got, err)
	}
}

// An attribute and a group together: the passage is in the group already.
func TestAPassageIsBornInTheGroup(t *testing.T) {
	realCgroups(t)
	h := start(t)
	s := spec("ts001")
	s.Path, s.Argv, s.Cgroup, s.Attributes = "/bin/cat", []string{"cat", "/proc/self/cgroup"}, &Cgroup{}, &Attributes{Umask: pointer(0o22)}
	if got := h.printed(s); !strings.Contains(got, "/tr.ts001.1\n") {
		t.Errorf("got %s", got)
	}
	s.ID.Task, s.Path = "ts002", "/no/such/file"
	s.Attributes = nil
	h.await(h.spawn(s), SpawnFailed)
	st, err := h.Stats(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	vanished(t, filepath.Join(st.Cgroup, "tr.ts001.1"))
	vanished(t, filepath.Join(st.Cgroup, "tr.ts002.1"))
}

// A keeper that adopts finds the groups of the one before, and in them what no cookie tells.
func TestAnAdoptedSlotIsStillInItsGroup(t *testing.T) {
	realCgroups(t)
	o := forsake(t)
	h, _ := o.adopt()
	s := h.logged(o.spec("ts001", "child", "escape"))
	s.Cgroup = &Cgroup{}
	ev := h.await(h.spawn(s), Spawned)
	h.awaitLog(s.Output.Log, "up")
	st, err := h.Stats(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(st.Cgroup, cgroupName(s.ID))
	var all []int
	until(t, "the daemon has left its parent", func() bool {
		all = inside(t, dir)
		return len(all) == 2 && len(kernel.ChildrenByStat(h.PID())) == 2
	})
	h.abandon()
	h, _ = o.adopt(Claim{ID: s.ID, Start: ev.Start, Stop: s.Stop, Output: s.Output})
	if err := h.Kill(s.ID); err != nil {
		t.Fatal(err)
	}
	h.await(s.ID, Gone)
	for _, pid := range all {
		if alive(pid) {
			t.Errorf("%d lives", pid)
		}
	}
	vanished(t, dir)
}
