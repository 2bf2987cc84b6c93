package keeper

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"zmicroservices/context/keeper/kernel"
)

// orphaned are the services of a keeper that was killed.
type orphaned struct {
	t           *testing.T
	dir         string
	transaction string
	claims      map[string]Claim // by task
}

// transactions makes each test's name one that no other process on the machine has:
// what is adopted is ended.
var transactions atomic.Int64

// forsake lets a keeper run the services, each a task and its words, and kills it.
func forsake(t *testing.T, services ...[]string) *orphaned {
	t.Helper()
	receiveOrphans(t)
	o := &orphaned{t: t, dir: t.TempDir(), claims: map[string]Claim{}}
	c, err := Start(t.Context(), Options{RuntimeDir: o.dir, Linger: Forever})
	if err != nil {
		t.Fatal(err)
	}
	h := &held{Client: c, t: t, dir: o.dir}
	o.transaction = fmt.Sprintf("adopt-%d-%d", os.Getpid(), transactions.Add(1))
	for _, words := range services {
		s := h.logged(o.spec(words[0], append([]string{"child"}, words[1:]...)...))
		s.Stop.Grace = time.Second
		ev := h.await(h.spawn(s), Spawned)
		o.claims[words[0]] = Claim{ID: s.ID, Start: ev.Start, Stop: s.Stop, Output: s.Output}
		if words[1] != "closed" {
			h.awaitLog(s.Output.Log, "up")
		}
		t.Cleanup(func() { _ = syscall.Kill(-ev.PID, syscall.SIGKILL) }) // a test that fails leaves nothing
	}
	h.abandon()
	return o
}

// spec is of the test's transaction and home.
func (o *orphaned) spec(task string, args ...string) Spec {
	s := spec(task, args...)
	s.ID.Transaction = o.transaction
	s.Env = append(s.Env[1:], CookieName+"="+s.ID.Cookie(), HomeName+"="+o.dir)
	return s
}

// receiveOrphans makes us what init is to them, so that a test says when they are
// reaped.
func receiveOrphans(t *testing.T) {
	t.Helper()
	if err := kernel.BecomeSubreaper(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_, _, _ = syscall.RawSyscall6(syscall.SYS_PRCTL, 36 /* PR_SET_CHILD_SUBREAPER */, 0, 0, 0, 0, 0)
		for _, pid := range kernel.ChildrenOf(os.Getpid()) {
			_, _ = syscall.Wait4(pid, nil, syscall.WNOHANG, nil)
		}
	})
}

// abandon kills the keeper below its provider.
func (h *held) abandon() {
	h.t.Helper()
	if err := syscall.Kill(h.PID(), syscall.SIGKILL); err != nil {
		h.t.Fatal(err)
	}
	<-h.ended
	_ = h.Close()
}

func (o *orphaned) pid(task string) int { return o.claims[task].Start.PID }

// adopt starts another keeper, which claims them.
func (o *orphaned) adopt(claims ...Claim) (*held, []Status) {
	o.t.Helper()
	if claims == nil {
		for _, c := range o.claims {
			claims = append(claims, c)
		}
	}
	c, found, err := Adopt(o.t.Context(), Options{RuntimeDir: o.dir, Linger: Forever}, claims)
	if err != nil {
		o.t.Fatal(err)
	}
	o.t.Cleanup(func() { _ = c.Close(); endKeeper(o.t, o.dir) })
	return &held{Client: c, t: o.t, dir: o.dir}, found
}

// end kills a service and reaps it, as init does.
func (o *orphaned) end(task string, sig syscall.Signal) {
	o.t.Helper()
	_ = syscall.Kill(o.pid(task), sig)
	_, _ = syscall.Wait4(o.pid(task), nil, 0, nil)
}

// kernelTells says whether a pidfd knows how its reaped process ended.
func kernelTells(t *testing.T) bool {
	t.Helper()
	pidfd := -1
	pid, err := syscall.ForkExec("/bin/true", []string{"true"}, &syscall.ProcAttr{Sys: &syscall.SysProcAttr{PidFD: &pidfd}})
	if err != nil {
		t.Fatal(err)
	}
	defer syscall.Close(pidfd)
	_, _ = syscall.Wait4(pid, nil, 0, nil)
	_, ok := pidfdStatus(pidfd)
	return ok
}

// exitedWith checks the exit of an adopted leader, whose code may be lost to an old kernel.
func (h *held) exitedWith(id ID, code int, sig syscall.Signal) {
	h.t.Helper()
	ev := h.await(id, Exited)
	if slices.Contains(ev.Lost, LostExitCode) {
		if kernelTells(h.t) || ev.Code != -1 {
			h.t.Errorf("%s: got %+v", id, ev)
		}
		return
	}
	if ev.Code != code || ev.Signal != sig {
		h.t.Errorf("%s: got %+v, want code %d, signal %v", id, ev, code, sig)
	}
}

func TestServicesOfAKilledKeeperAreAdopted(t *testing.T) {
	mark := filepath.Join(t.TempDir(), "mark")
	o := forsake(t, []string{"talks", "chatter", mark}, []string{"ends", "polite"}, []string{"many", "family", "3"}, []string{"dies", "hang"})
	// It writes on while nobody reads.
	_ = syscall.Kill(o.pid("talks"), syscall.SIGUSR1)
	until(t, "it has spoken", func() bool { _, err := os.Stat(mark); return err == nil })

	h, found := o.adopt()
	if len(found) != 4 {
		t.Fatalf("found %+v", found)
	}
	for _, st := range found {
		c := o.claims[st.ID.Task]
		if st.State != Running || !st.Adopted || st.Start != c.Start || st.Stop != c.Stop || time.Since(st.Since) > time.Minute || time.Since(st.Since) < 0 {
			t.Errorf("got %+v", st)
		}
		ev := h.await(st.ID, Adopted)
		if ev.PID != c.Start.PID || ev.Start != c.Start || !slices.Equal(ev.Lost, []string{LostOutput}) {
			t.Errorf("got %+v", ev)
		}
	}
	h.awaitLog(filepath.Join(o.dir, "talks.log"), "line 99\n")
	if lines := parseLog(t, filepath.Join(o.dir, "talks.log"))["out"]; len(lines) != 101 {
		t.Errorf("%d lines, want 101", len(lines))
	}
	// They are slots as any others.
	h.spawn(o.spec("ends", "child", "hang"))
	if st := h.statuses()["ends"]; st.PID != o.pid("ends") || st.State != Running {
		t.Errorf("spawned twice: %+v", st)
	}
	if err := h.Stop(o.claims["ends"].ID, nil); err != nil {
		t.Fatal(err)
	}
	h.exitedWith(o.claims["ends"].ID, 7, 0)
	if ev := h.await(o.claims["ends"].ID, Gone); !ev.Asked {
		t.Errorf("got %+v", ev)
	}
	h.awaitLog(filepath.Join(o.dir, "ends.log"), "got terminated")
	members := descendants(o.pid("many"))
	if err := h.Kill(o.claims["many"].ID); err != nil {
		t.Fatal(err)
	}
	h.exitedWith(o.claims["many"].ID, 0, syscall.SIGKILL)
	if ev := h.await(o.claims["many"].ID, Gone); len(ev.Survivors) > 0 || len(members) != 3 || slices.ContainsFunc(members, alive) {
		t.Errorf("got %+v; %d members", ev, len(members))
	}
	o.end("dies", syscall.SIGKILL) // before or after the keeper looks
	h.exitedWith(o.claims["dies"].ID, 0, syscall.SIGKILL)
	h.await(o.claims["dies"].ID, Gone)

	// A second death is survived as the first.
	h.abandon()
	again, found := o.adopt(o.claims["talks"])
	if len(found) != 1 || found[0].State != Running || found[0].PID != o.pid("talks") {
		t.Errorf("found %+v", found)
	}
	if err := again.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
	if alive(o.pid("talks")) {
		t.Error("it lives")
	}
}

func TestWhoEndedWhileNoKeeperWasThereIsTold(t *testing.T) {
	t.Run("reaped", func(t *testing.T) {
		o := forsake(t, []string{"ts001", "polite"})
		o.end("ts001", syscall.SIGTERM)
		h, _ := o.adopt()
		ev := h.await(o.claims["ts001"].ID, Exited)
		if ev.Code != -1 || !slices.Equal(ev.Lost, []string{LostOutput, LostExitCode}) || h.seen[0].Kind != Exited {
			t.Errorf("got %+v", h.seen)
		}
		if ev := h.await(o.claims["ts001"].ID, Gone); ev.Code != -1 {
			t.Errorf("got %+v", ev)
		}
	})
	t.Run("zombie", func(t *testing.T) {
		o := forsake(t, []string{"ts001", "polite"}, []string{"ts002", "hang"})
		_ = syscall.Kill(o.pid("ts001"), syscall.SIGTERM)
		until(t, "it is dead", func() bool { return !alive(o.pid("ts001")) })
		h, _ := o.adopt()
		if ev := h.await(o.claims["ts001"].ID, Exited); ev.Code != 7 || slices.Contains(ev.Lost, LostExitCode) {
			t.Errorf("got %+v", ev)
		}
		h.await(o.claims["ts001"].ID, Gone)
		// One that becomes a zombie under the eyes of the keeper.
		_ = syscall.Kill(o.pid("ts002"), syscall.SIGKILL)
		if ev := h.await(o.claims["ts002"].ID, Exited); ev.Signal != syscall.SIGKILL || slices.Contains(ev.Lost, LostExitCode) {
			t.Errorf("got %+v", ev)
		}
		h.await(o.claims["ts002"].ID, Gone)
	})
}

// Where a zombie was reaped before the keeper could look, the kernel may remember.
func TestHowAReapedForeignLeaderEnded(t *testing.T) {
	exe, _ := os.Executable()
	pidfd := -1
	pid, err := syscall.ForkExec(exe, []string{"service", "child", "exit", "42"}, &syscall.ProcAttr{Sys: &syscall.SysProcAttr{PidFD: &pidfd}})
	if err != nil {
		t.Fatal(err)
	}
	s := &slot{pidfd: pidfd, start: readHost().identify(pid), foreign: &foreign{led: true}}
	_, _ = syscall.Wait4(pid, nil, 0, nil)
	if got := s.foreignExited(); kernelTells(t) && (got != kernel.Exit{Code: 42} || s.lost != nil) {
		t.Errorf("got %+v, lost %v", got, s.lost)
	} else if !kernelTells(t) && (got != kernel.Exit{Code: -1} || !slices.Equal(s.lost, []string{LostExitCode})) {
		t.Errorf("got %+v, lost %v", got, s.lost)
	}
}

func TestMembersOfALeaderThatEndedMeanwhileGetTheRecipe(t *testing.T) {
	o := forsake(t, []string{"ts001", "family", "2"}, []string{"ts002", "daemon", "stay"})
	members := descendants(o.pid("ts001"))
	o.end("ts001", syscall.SIGKILL)
	h, _ := o.adopt()
	h.await(o.claims["ts001"].ID, Exited)
	if ev := h.await(o.claims["ts001"].ID, Gone); len(ev.Survivors) > 0 || len(members) != 2 || slices.ContainsFunc(members, alive) {
		t.Errorf("got %+v", ev)
	}
	// A daemon that left the group before the keeper died is found by its cookie.
	var daemons []int
	cookie := o.claims["ts002"].ID.Cookie()
	for _, out := range (&server{opts: options{stateDir: o.dir}}).outsiders() {
		if out.cookie == cookie && out.Group != o.pid("ts002") {
			daemons = append(daemons, out.pid)
		}
	}
	if err := h.Stop(o.claims["ts002"].ID, nil); err != nil {
		t.Fatal(err)
	}
	if ev := h.await(o.claims["ts002"].ID, Gone); len(ev.Survivors) > 0 || len(daemons) != 1 || alive(daemons[0]) {
		t.Errorf("got %+v; daemons %v", ev, daemons)
	}
}

func TestWhoseSpawnNobodyHeardOfIsFoundByItsCookie(t *testing.T) {
	o := forsake(t, []string{"ts001", "family", "2"}, []string{"ts002", "hang"}, []string{"ts003", "hang"})
	c := o.claims["ts001"]
	c.Start = Identity{}
	never := Claim{ID: ID{o.transaction, "never", 1, ""}}
	all := Claim{ID: ID{Transaction: o.transaction}, Stop: Recipe{Rank: 3, Grace: time.Second}}
	h, found := o.adopt(all, never, c)
	pids := map[string]int{}
	for _, st := range found {
		pids[st.ID.Task] = st.PID
	}
	for _, task := range []string{"ts001", "ts002", "ts003"} {
		if pids[task] != o.pid(task) {
			t.Errorf("%s: found %d, want %d", task, pids[task], o.pid(task))
		}
	}
	if ev := h.await(never.ID, SpawnFailed); ev.Err == "" || len(found) != 4 {
		t.Errorf("got %+v; found %+v", ev, found)
	}
	if st := h.statuses()["ts002"]; st.Stop.Rank != 3 || st.Start != o.claims["ts002"].Start {
		t.Errorf("got %+v", st)
	}
}

func TestStrangerWithTheNumberIsNotAdopted(t *testing.T) {
	o := forsake(t, []string{"ts001", "hang"})
	for i, change := range []func(*Identity){
		func(id *Identity) { id.Ticks-- },
		func(id *Identity) { id.Boot = "another" },
		func(id *Identity) { id.PIDNS++ },
	} {
		c := o.claims["ts001"]
		c.ID.Task = fmt.Sprint("other", i) // nor does the cookie help
		change(&c.Start)
		o.claims[c.ID.Task] = c
	}
	delete(o.claims, "ts001")
	h, _ := o.adopt()
	for _, c := range o.claims {
		if ev := h.await(c.ID, Gone); ev.Code != -1 {
			t.Errorf("got %+v", ev)
		}
	}
	if err := h.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, c := range o.claims {
		if !alive(c.Start.PID) {
			t.Error("the stranger was ended")
		}
	}
}

// Two contexts may call their transactions the same.
func TestAnotherContextIsLeftAlone(t *testing.T) {
	o := forsake(t, []string{"ts001", "hang"})
	other := start(t, func(o *Options) { o.Linger = time.Hour })
	var pids []int
	for _, home := range []string{HomeName + "=" + other.dir, "NO_HOME=1"} {
		s := o.spec("ts001", "child", "hang")
		s.Env[len(s.Env)-1] = home
		s.ID.Incarnation += uint64(len(pids)) // slots of the one keeper; the cookie is the other's
		pids = append(pids, other.await(other.spawn(s), Spawned).PID)
	}
	unheard := o.claims["ts001"]
	unheard.Start = Identity{}
	h, found := o.adopt(unheard, Claim{ID: ID{Transaction: o.transaction}})
	if len(found) != 1 || found[0].PID != o.pid("ts001") {
		t.Errorf("found %+v", found)
	}
	if err := h.Kill(unheard.ID); err != nil {
		t.Fatal(err)
	}
	h.await(unheard.ID, Gone)
	for _, pid := range pids {
		if !alive(pid) {
			t.Errorf("%d of another context was ended", pid)
		}
	}
}

func TestStreamThatIsNoPipeOfOursIsSaidToBeLost(t *testing.T) {
	o := forsake(t, []string{"ts001", "closed"})
	until(t, "it has another stdout", func() bool {
		target, _ := os.Readlink(fmt.Sprintf("/proc/%d/fd/1", o.pid("ts001")))
		return target == "/dev/null"
	})
	h, _ := o.adopt()
	if ev := h.await(o.claims["ts001"].ID, Adopted); !slices.Equal(ev.Lost, []string{LostOutput, LostStdout}) {
		t.Errorf("got %+v", ev)
	}
}

func TestAdoptBesideARunningKeeperIsRefused(t *testing.T) {
	h := start(t)
	_, _, err := Adopt(context.Background(), Options{RuntimeDir: h.dir}, nil)
	if !errors.Is(err, ErrRunning) {
		t.Errorf("got %v", err)
	}
}

func TestWhatMayNotHaveBeenSpawnedIsNoSlotUnlessItIsFound(t *testing.T) {
	o := forsake(t, []string{"ts001", "hang"})
	there := o.claims["ts001"]
	there.Start, there.Maybe = Identity{}, true
	never := Claim{ID: ID{o.transaction, "never", 1, ""}, Maybe: true}
	h, found := o.adopt(never, there)
	if len(found) != 1 || found[0].PID != o.pid("ts001") {
		t.Errorf("found %+v", found)
	}
	if ev := h.await(there.ID, Adopted); ev.Seq != 1 {
		t.Errorf("something was told of what never was, before %+v", ev)
	}
	st, err := h.Stats(t.Context())
	if err != nil || st.Slots != 1 || st.Live != 1 {
		t.Errorf("%+v: %v", st, err)
	}
}
