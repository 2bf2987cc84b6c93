package keeper

import (
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"zmicroservices/context/keeper/kernel"
)

// descendants lists the live processes below pid.
func descendants(pid int) []int {
	var pids []int
	for _, child := range kernel.ChildrenOf(pid) {
		if alive(child) {
			pids = append(pids, child)
		}
		pids = append(pids, descendants(child)...)
	}
	return pids
}

// logged gives the slot a log file of its own.
func (h *held) logged(s Spec) Spec {
	s.Output.Log = filepath.Join(h.dir, s.ID.Task+".log")
	return s
}

// nothingLeft fails if the keeper has a descendant.
func (h *held) nothingLeft() {
	h.t.Helper()
	if left := kernel.ChildrenOf(h.PID()); len(left) > 0 {
		h.t.Errorf("left below the keeper: %v", left)
	}
}

func TestStubbornServiceIsKilledAfterItsGrace(t *testing.T) {
	h := start(t)
	s := h.logged(spec("ts001", "child", "stubborn"))
	s.Stop.Grace = 100 * time.Millisecond
	id := h.spawn(s)
	h.awaitLog(s.Output.Log, "up")
	begin := time.Now()
	if err := h.Stop(id, nil); err != nil {
		t.Fatal(err)
	}
	if ev := h.await(id, Exited); ev.Signal != syscall.SIGKILL {
		t.Errorf("got %+v", ev)
	}
	if took := time.Since(begin); took < 100*time.Millisecond {
		t.Errorf("killed after %v, before its grace was over", took)
	}
	h.await(id, Gone)
}

func TestStopOfAnotherRecipeShortensTheGraceAndNeverLengthensIt(t *testing.T) {
	h := start(t)
	s := h.logged(spec("ts001", "child", "stubborn"))
	s.Stop.Grace = time.Hour
	id := h.spawn(s)
	h.awaitLog(s.Output.Log, "up")
	for _, r := range []*Recipe{nil, {Grace: 50 * time.Millisecond}, {Grace: time.Hour}} {
		if err := h.Stop(id, r); err != nil {
			t.Fatal(err)
		}
	}
	h.await(id, Gone)
}

func TestStoppedProcessHearsItsStopSignal(t *testing.T) {
	h := start(t)
	s := h.logged(spec("ts001", "child", "polite"))
	s.Stop.Grace = time.Hour
	id := h.spawn(s)
	h.awaitLog(s.Output.Log, "up")
	if err := h.Signal(id, syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	if err := h.Stop(id, nil); err != nil {
		t.Fatal(err)
	}
	if ev := h.await(id, Exited); ev.Code != 7 {
		t.Errorf("got %+v", ev)
	}
}

func TestKillEndsTheWholeGroup(t *testing.T) {
	h := start(t)
	s := h.logged(spec("ts001", "child", "family", "3"))
	id := h.spawn(s)
	h.awaitLog(s.Output.Log, "up")
	if n := len(descendants(h.PID())); n != 4 {
		t.Fatalf("family of %d, want 4", n)
	}
	if err := h.Kill(id); err != nil {
		t.Fatal(err)
	}
	if ev := h.await(id, Gone); len(ev.Survivors) > 0 {
		t.Errorf("got %+v", ev)
	}
	h.nothingLeft()
}

func TestWhatALeaderLeavesBehindGetsTheRecipe(t *testing.T) {
	h := start(t)
	s := h.logged(spec("ts001", "child", "deserter"))
	s.Stop.Grace = 50 * time.Millisecond
	id := h.spawn(s)
	exited := h.await(id, Exited)
	if exited.Code != 3 {
		t.Errorf("got %+v", exited)
	}
	gone := h.await(id, Gone)
	if between := time.Duration(gone.Mono - exited.Mono); between < 50*time.Millisecond {
		t.Errorf("Gone %v after Exited: the stubborn child was not waited for", between)
	}
	h.nothingLeft()
}

func TestDaemonThatLeftTheGroupIsKnownByItsCookie(t *testing.T) {
	for _, leader := range []string{"exit", "stay"} {
		t.Run(leader, func(t *testing.T) {
			h := start(t)
			s := h.logged(spec("ts001", "child", "daemon", leader))
			s.Stop.Grace = 100 * time.Millisecond
			id := h.spawn(s)
			if leader == "stay" {
				h.awaitLog(s.Output.Log, "up")
				if err := h.Stop(id, nil); err != nil {
					t.Fatal(err)
				}
			}
			if ev := h.await(id, Gone); len(ev.Survivors) > 0 {
				t.Errorf("got %+v", ev)
			}
			h.nothingLeft()
		})
	}
}

func TestChainOfDaemonsIsCaught(t *testing.T) {
	h := start(t)
	id := h.spawn(spec("ts001", "child", "bomb", "12"))
	h.await(id, Spawned)
	if err := h.Kill(id); err != nil {
		t.Fatal(err)
	}
	h.await(id, Gone)
	h.nothingLeft()
}

func TestMemberOfTheGroupBelowAStrayIsFound(t *testing.T) {
	h := start(t)
	s := h.logged(spec("ts001", "child", "abandon"))
	s.Stop.Grace = 50 * time.Millisecond
	id := h.spawn(s)
	pid := h.await(id, Exited).PID
	h.await(id, Gone)
	left := descendants(h.PID())
	if len(left) != 1 {
		t.Fatalf("left %v, want the stray alone", left)
	}
	if st, ok := kernel.ReadStat(left[0]); !ok || st.Group == pid {
		t.Errorf("the member is left, not the stray: %+v", st)
	}
}

func TestDaemonWithoutCookieIsEndedWithTheKeeper(t *testing.T) {
	h := start(t)
	s := h.logged(spec("ts001", "child", "daemon", "exit"))
	s.Env = s.Env[1:] // no cookie from the beginning
	id := h.spawn(s)
	h.await(id, Gone)
	var left []int
	until(t, "the daemon is adopted", func() bool { left = kernel.ChildrenOf(h.PID()); return len(left) == 1 })
	if err := h.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	until(t, "the daemon is gone", func() bool { return !alive(left[0]) })
}

func TestDeadOrphansAreReaped(t *testing.T) {
	h := start(t)
	s := h.logged(spec("ts001", "child", "zombies", "20"))
	id := h.spawn(s)
	leader := h.await(id, Spawned).PID
	h.awaitLog(s.Output.Log, "up")
	until(t, "only the leader is left", func() bool {
		all := kernel.ChildrenOf(h.PID())
		return len(all) == 1 && all[0] == leader
	})
}

// A dead leader stays in the process table while its group lives: its number is
// the group's, and nobody else may get it.
func TestLeaderIsNotReapedBeforeItsGroup(t *testing.T) {
	h := start(t)
	s := h.logged(spec("ts001", "child", "deserter"))
	s.Stop.Grace = time.Hour
	id := h.spawn(s)
	pid := h.await(id, Exited).PID
	h.awaitLog(s.Output.Log, "up")
	if st, ok := kernel.ReadStat(pid); !ok || st.State != 'Z' {
		t.Fatalf("leader %d: got %+v %v, want a zombie", pid, st, ok)
	}
	list, err := h.List(t.Context())
	if err != nil || len(list) != 1 || list[0].State != Stopping || !list[0].Exited || list[0].Code != 3 {
		t.Errorf("list: got %+v, %v", list, err)
	}
	if err := h.Kill(id); err != nil {
		t.Fatal(err)
	}
	h.await(id, Gone)
	if _, ok := kernel.ReadStat(pid); ok {
		t.Errorf("leader %d was not reaped", pid)
	}
}

// The main thread's children are the orphans: a leader among them would be reaped
// as one, and its exit code with it. It is for no spawner, wherever the loop runs.
func TestLeadersDoNotHangOnTheMainThread(t *testing.T) {
	cmd := exec.Command("/proc/self/exe", "main-spawner", "now")
	if out, err := cmd.CombinedOutput(); err != nil || string(out) != "[]\n" {
		t.Errorf("leaders on the main thread: %s (%v)", out, err)
	}
}

// spawnOnMain offers the main thread to a spawner and prints who hangs on it.
func spawnOnMain() int {
	null, err := syscall.Open(os.DevNull, syscall.O_RDWR|syscall.O_CLOEXEC, 0)
	if err != nil {
		panic(err)
	}
	sp, err := newSpawner(null)
	if err != nil {
		panic(err)
	}
	var ready sync.WaitGroup
	ready.Add(1)
	go func() { // ends with close
		ready.Wait()
		sp.push(spec("ts001", "child", "hang"))
		r, ok := sp.take()
		for ; !ok; r, ok = sp.take() {
			kernel.Readable(sp.loops)
		}
		s := &server{pid: os.Getpid(), childfd: kernel.OpenChildren(os.Getpid()), buf: make([]byte, 4096)}
		if s.childfd < 0 { // without CONFIG_PROC_CHILDREN all threads are one
			fmt.Println("[]")
		} else {
			fmt.Println(s.children())
		}
		_ = syscall.Kill(r.pid, syscall.SIGKILL)
		sp.close()
	}()
	sp.run(&ready)
	return 0
}

func TestHookOfAServiceMayLeaveADaemon(t *testing.T) {
	h := start(t)
	service := h.spawn(spec("ts001", "child", "hang"))
	hook := spec("ts001", "child", "daemon", "exit")
	hook.ID.Hook = "pre_start"
	hook.Stop.Grace = 0
	h.spawn(hook)
	// The cookie is the service's, which lives: the daemon belongs to it.
	h.await(hook.ID, Gone)
	until(t, "the daemon is adopted", func() bool { return len(kernel.ChildrenOf(h.PID())) == 2 })
	if err := h.Kill(service); err != nil {
		t.Fatal(err)
	}
	h.await(service, Gone)
	h.nothingLeft()
}

func TestBirthIsClean(t *testing.T) {
	ignored := []os.Signal{syscall.SIGHUP, syscall.SIGTTOU, syscall.SIGUSR1, syscall.SIGPIPE} // as nohup leaves it
	signal.Ignore(ignored...)
	defer signal.Reset(ignored...)
	h := start(t)
	s := h.logged(spec("ts001", "child", "world", "a b", "\xff\xfe"))
	s.Dir = t.TempDir()
	s.Env = []string{"A=1", "B=\xff", "EMPTY="}
	id := h.spawn(s)
	h.await(id, Gone)
	log := h.awaitLog(s.Output.Log, "env")
	// glibc's posix_spawn, by which make starts us, leaves the two signals ignored
	// that it keeps for itself (32 and 33); Go has no say over them.
	for _, libc := range []string{"180000000", "080000000", "100000000"} {
		log = strings.Replace(log, "SigIgn:\t0000000"+libc, "SigIgn:\t0000000000000000", 1)
	}
	for _, want := range []string{
		"SigBlk:\t0000000000000000\n", "SigIgn:\t0000000000000000\n", "stdin 0 <nil>\n", "dir " + s.Dir + "\n",
		`args ["service" "child" "world" "a b" "\xff\xfe"]` + "\n", `env ["A=1" "B=\xff" "EMPTY="]` + "\n",
	} {
		if !strings.Contains(log, " out "+want) {
			t.Errorf("no %q in\n%s", want, log)
		}
	}
	for line := range strings.Lines(log) {
		if _, fd, found := strings.Cut(line, " out fd "); found {
			n, _ := strconv.Atoi(strings.Fields(fd)[0])
			if n > 2 && !strings.Contains(fd, "/proc/") && !strings.Contains(fd, "/cgroup/") {
				t.Errorf("inherited: %s", fd)
			}
		}
	}
}
