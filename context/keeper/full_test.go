package keeper

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// withOwnMounts runs a test once more, in a process that has a mount namespace of its
// own, and says whether this is it.
func withOwnMounts(t *testing.T) bool {
	t.Helper()
	const mark = "ZMS_OWN_MOUNTS"
	if os.Getenv(mark) != "" {
		return true
	}
	if os.Geteuid() != 0 {
		t.Skipf("a small disk is mounted by root alone: sudo go test ./context/keeper -run %s", t.Name())
	}
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(exe, "-test.run=^"+t.Name()+"$", "-test.v")
	cmd.Env = append(os.Environ(), mark+"=1")
	cmd.SysProcAttr = &syscall.SysProcAttr{Unshareflags: syscall.CLONE_NEWNS} // and nothing of it comes out again
	text, err := cmd.CombinedOutput()
	switch {
	case errors.Is(err, syscall.EPERM):
		t.Skipf("this root may not mount: %v", err)
	case err != nil:
		t.Errorf("%v\n%s", err, text)
	}
	return false
}

// lost is what the keeper told of dropped lines, by task.
type lost struct {
	mu  sync.Mutex
	all map[string]Loss
}

func (l *lost) of(task string) Loss {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.all[task]
}

func startLosing(t *testing.T) (*held, *lost) {
	t.Helper()
	l := &lost{all: make(map[string]Loss)}
	return start(t, func(o *Options) {
		o.Dropped = func(got Loss) {
			l.mu.Lock()
			defer l.mu.Unlock()
			l.all[got.ID.Task] = got
		}
	}), l
}

// goesOn checks what a disk that is full costs: lines of who logs there. more makes room.
func goesOn(t *testing.T, h *held, l *lost, flood Spec, why string, more func()) {
	t.Helper()
	h.await(h.spawn(flood), Spawned)
	// On a loaded machine some are dropped for coming too fast, too.
	until(t, "lines are dropped because of "+why, func() bool { return l.of("ts001").Out > 2000 && l.of("ts001").Why == why })
	for _, task := range []string{"quiet1", "quiet2"} {
		s := h.logged(spec(task, "child", "print", "2"))
		h.await(h.spawn(s), Gone)
		if got := parseLog(t, s.Output.Log)["out"]; len(got) != 2 {
			t.Errorf("%s: %q", task, got)
		}
	}
	if !alive(h.await(flood.ID, Spawned).PID) || !alive(h.PID()) {
		t.Fatal("somebody died of it")
	}
	more()
	h.awaitLog(flood.Output.Log, " lines dropped here (")
	if err := h.Kill(flood.ID); err != nil {
		t.Fatal(err)
	}
	h.await(flood.ID, Gone)
	lines := parseLog(t, flood.Output.Log)["out"] // every line is whole
	for i, line := range lines {
		if strings.HasPrefix(line, "zms: ") && i+1 < len(lines) {
			return
		}
	}
	t.Errorf("%d lines, and none after the gap", len(lines))
}

func TestFullDiskCostsLinesAlone(t *testing.T) {
	if !withOwnMounts(t) {
		return
	}
	disk := t.TempDir()
	if err := syscall.Mount("tmpfs", disk, "tmpfs", 0, "size=300k"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = syscall.Unmount(disk, syscall.MNT_DETACH) })
	h, l := startLosing(t)
	s := spec("ts001", "child", "flood")
	s.Output.Log = filepath.Join(disk, "ts001.log")
	goesOn(t, h, l, s, "disk full", func() {
		if err := syscall.Mount("tmpfs", disk, "tmpfs", syscall.MS_REMOUNT, "size=4m"); err != nil {
			t.Fatal(err)
		}
	})
}

// A limit on the size of files (ulimit -f) is a signal first, and would end a program
// that does not know it.
func TestFileSizeLimitCostsLinesAlone(t *testing.T) {
	h, l := startLosing(t)
	var before unix.Rlimit
	if err := unix.Prlimit(h.PID(), unix.RLIMIT_FSIZE, nil, &before); err != nil {
		t.Fatal(err)
	}
	limit := before
	limit.Cur = 100_000
	if err := unix.Prlimit(h.PID(), unix.RLIMIT_FSIZE, &limit, nil); err != nil {
		t.Fatal(err)
	}
	s := h.logged(spec("ts001", "child", "flood"))
	goesOn(t, h, l, s, "file too large", func() {
		limit.Cur = min(before.Max, 2_000_000)
		if err := unix.Prlimit(h.PID(), unix.RLIMIT_FSIZE, &limit, nil); err != nil {
			t.Fatal(err)
		}
	})
}
