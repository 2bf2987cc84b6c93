package keeper

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"zmicroservices/context/keeper/kernel"
)

func TestSpawnFailedNamesThePathThatFailed(t *testing.T) {
	dir := t.TempDir()
	script := filepath.Join(dir, "script")
	plain := filepath.Join(dir, "plain")
	for path, mode := range map[string]os.FileMode{script: 0o700, plain: 0o600} {
		if err := os.WriteFile(path, []byte("#!/no/such/shell\n"), mode); err != nil {
			t.Fatal(err)
		}
	}
	h := start(t)
	for i, test := range []struct {
		change func(*Spec)
		want   string
	}{
		{func(s *Spec) { s.Path = "/no/such/file" }, "execute /no/such/file: no such file or directory"},
		{func(s *Spec) { s.Path = plain }, "execute " + plain + ": permission denied"},
		{func(s *Spec) { s.Path = script }, "execute " + script + ": its interpreter: no such file or directory"},
		{func(s *Spec) { s.Path = dir }, "execute " + dir + ": permission denied"},
		{func(s *Spec) { s.Dir = "/no/such/dir" }, "change directory to /no/such/dir: no such file or directory"},
		{func(s *Spec) { s.Dir = plain }, "change directory to " + plain + ": not a directory"},
		{func(s *Spec) { s.Path = "relative" }, `path "relative" is not absolute`},
		{func(s *Spec) { s.Argv = nil }, "argv is empty"},
		{func(s *Spec) { s.Env = []string{"A=\x00"} }, `"A=\x00" holds a NUL`},
		{func(s *Spec) { s.Stop.Grace = -1 }, "grace -1ns is negative"},
	} {
		s := spec(fmt.Sprint("ts00", i), "child", "hang")
		s.Output.Log = filepath.Join(dir, "log")
		test.change(&s)
		if ev := h.await(h.spawn(s), SpawnFailed); ev.Err != test.want {
			t.Errorf("got %q, want %q", ev.Err, test.want)
		}
	}
	h.nothingLeft()
	st, err := h.Stats(t.Context())
	if err != nil || st.Live != 0 || st.Slots != 10 {
		t.Errorf("got %+v, %v", st, err)
	}
	if err := h.Ack(10); err != nil {
		t.Fatal(err)
	}
	if st, err = h.Stats(t.Context()); err != nil || st.Slots != 0 || st.Events != 0 {
		t.Errorf("after Ack: got %+v, %v", st, err)
	}
}

func TestSpawnIsIdempotent(t *testing.T) {
	h := start(t)
	id := h.spawn(spec("ts001", "child", "hang"))
	h.spawn(spec("ts001", "child", "hang"))
	h.await(id, Spawned)
	h.spawn(spec("ts001", "child", "hang"))
	if err := h.Kill(id); err != nil {
		t.Fatal(err)
	}
	gone := h.await(id, Gone)
	h.spawn(spec("ts001", "child", "hang")) // not acknowledged: still the same slot
	list, err := h.List(t.Context())
	if err != nil || len(list) != 1 || list[0].State != Over {
		t.Errorf("got %+v, %v", list, err)
	}
	if gone.Seq != 3 || len(h.seen) != 3 {
		t.Errorf("seen %v", h.seen)
	}
}

func TestRequestForAnUnknownSlotIsRefused(t *testing.T) {
	h := start(t)
	id := ID{Transaction: "tr", Task: "nobody", Incarnation: 1}
	if err := h.Stop(id, nil); err != nil {
		t.Fatal(err)
	}
	if ev := h.await(id, Refused); ev.Err == "" {
		t.Errorf("got %+v", ev)
	}
}

func TestStopMayComeBeforeTheSpawnIsDone(t *testing.T) {
	h := start(t)
	for i := range 20 {
		s := spec(fmt.Sprint("ts", i), "child", "stubborn")
		id := h.spawn(s)
		var err error
		if i%2 == 0 {
			err = h.Kill(id)
		} else {
			err = h.Stop(id, &Recipe{Grace: time.Millisecond})
		}
		if err != nil {
			t.Fatal(err)
		}
		h.await(id, Gone)
	}
	h.nothingLeft()
}

func TestThousandSpawnsAndExits(t *testing.T) {
	h := start(t)
	before, err := h.Stats(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	const n = 1000
	go func() { // ends when all are sent
		for i := range n {
			s := spec(fmt.Sprintf("ts%04d", i))
			s.Path, s.Argv = "/bin/true", []string{"true"}
			if i%3 == 0 {
				s.Path, s.Argv = "/bin/false", []string{"false"}
			}
			s.Output.Log = filepath.Join(h.dir, "log")
			if h.Spawn(s) != nil {
				return
			}
		}
	}()
	last := make(map[ID]Kind)
	next := map[Kind]Kind{"": Spawned, Spawned: Exited, Exited: Gone}
	for gone := 0; gone < n; {
		ev, ok := <-h.Events()
		if !ok {
			t.Fatal(h.Err())
		}
		if next[last[ev.ID]] != ev.Kind {
			t.Fatalf("%s: %s after %q", ev.ID, ev.Kind, last[ev.ID])
		}
		last[ev.ID] = ev.Kind
		i, _ := strconv.Atoi(strings.TrimPrefix(ev.ID.Task, "ts"))
		if ev.Kind == Exited && (ev.Code == 1) != (i%3 == 0) {
			t.Fatalf("%s: code %d", ev.ID, ev.Code)
		}
		if ev.Kind == Gone {
			gone++
		}
		if err := h.Ack(ev.Seq); err != nil {
			t.Fatal(err)
		}
	}
	h.nothingLeft()
	after, err := h.Stats(t.Context())
	if err != nil || after.Slots != 0 || after.Events != 0 || after.FDs > before.FDs+1 || after.Goroutines > before.Goroutines+1 {
		t.Errorf("before %+v, after %+v, %v", before, after, err)
	}
	if after.Threads > 16 {
		t.Errorf("%d threads", after.Threads)
	}
}

func TestHigherEpochTakesOverAndHearsEverythingAgain(t *testing.T) {
	h := start(t, func(o *Options) { o.Linger = time.Hour })
	id := h.spawn(spec("ts001", "child", "hang"))
	short := h.spawn(spec("ts002", "child", "exit", "5"))
	h.await(short, Gone)
	h.await(id, Spawned)

	o := Options{RuntimeDir: h.dir, Epoch: 1}
	var refused *RefusedError
	if _, err := Connect(t.Context(), o); !errors.As(err, &refused) || !strings.Contains(err.Error(), "epoch 1 is not newer than 1") {
		t.Fatalf("same epoch: got %v", err)
	}
	if h.Err() != nil {
		t.Fatalf("a refused one disturbed the first: %v", h.Err())
	}
	o.Epoch = 7
	c, err := Connect(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	if c.PID() != h.PID() {
		t.Errorf("keeper %d, want %d", c.PID(), h.PID())
	}
	for range h.Events() {
	}
	if !errors.As(h.Err(), &refused) || !strings.Contains(h.Err().Error(), "epoch 7 took over") {
		t.Errorf("fenced: got %v", h.Err())
	}
	if err := h.Kill(id); err == nil {
		t.Error("a fenced client may still send")
	}
	second := &held{Client: c, t: t, dir: h.dir}
	if ev := second.await(short, Exited); ev.Code != 5 {
		t.Errorf("replayed: got %+v", ev)
	}
	second.await(id, Spawned)
	if !slices.EqualFunc(second.seen, h.seen[:len(second.seen)], func(a, b Event) bool { return a.Seq == b.Seq && a.Kind == b.Kind && a.ID == b.ID }) {
		t.Errorf("first saw %v, second %v", h.seen, second.seen)
	}
	if err := c.Kill(id); err != nil {
		t.Fatal(err)
	}
	second.await(id, Gone)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	if err := c.Shutdown(ctx); err != nil {
		t.Fatal(err)
	}
}

func TestExitsWaitForTheNextProvider(t *testing.T) {
	h := start(t, func(o *Options) { o.Linger = time.Hour })
	s := h.logged(spec("ts001", "child", "polite"))
	id := h.spawn(s)
	pid := h.await(id, Spawned).PID
	h.awaitLog(s.Output.Log, "up")
	if err := h.Ack(1); err != nil {
		t.Fatal(err)
	}
	if err := h.Close(); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(pid, syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	until(t, "it is dead", func() bool { return !alive(pid) })
	c, err := Connect(t.Context(), Options{RuntimeDir: h.dir, Epoch: 2})
	if err != nil {
		t.Fatal(err)
	}
	second := &held{Client: c, t: t}
	if ev := second.await(id, Exited); ev.Code != 7 || ev.Seq != 2 {
		t.Errorf("got %+v", ev)
	}
	second.await(id, Gone)
	if err := c.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	_ = c.Close()
}

func TestLingeringKeeperThatHoldsNothingEndsAtOnce(t *testing.T) {
	h := start(t, func(o *Options) { o.Linger = time.Hour })
	if err := h.Close(); err != nil {
		t.Fatal(err)
	}
	<-h.ended
}

func TestLingerEndsEverything(t *testing.T) {
	h := start(t, func(o *Options) { o.Linger = 50 * time.Millisecond })
	pid := h.await(h.spawn(spec("ts001", "child", "hang")), Spawned).PID
	if err := h.Close(); err != nil {
		t.Fatal(err)
	}
	<-h.ended
	if alive(pid) {
		t.Error("the service lives")
	}
}

func TestDeadProviderEndsEverything(t *testing.T) {
	dir := t.TempDir()
	cmd := exec.Command("/proc/self/exe", "provider", dir)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	var pids []int
	for len(pids) < 3 && lines.Scan() {
		pid, err := strconv.Atoi(lines.Text())
		if err != nil {
			t.Fatal(err)
		}
		pids = append(pids, pid)
	}
	if len(pids) != 3 {
		t.Fatalf("two services and a keeper: got %v", pids)
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	for _, pid := range pids {
		until(t, fmt.Sprint(pid, " is gone"), func() bool { return !alive(pid) })
	}
	if _, err := os.Stat(filepath.Join(dir, SocketName)); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the socket is left: %v", err)
	}
}

func TestHungProviderIsAGoneOne(t *testing.T) {
	h := start(t, func(o *Options) { o.Silence = 150 * time.Millisecond })
	// More than the channel holds and never read: deliver hangs, as a provider would.
	for i := range 40 {
		h.spawn(spec(fmt.Sprint("ts", i), "child", "exit", "0"))
	}
	<-h.ended
}

func TestQuietProviderIsNotAHungOne(t *testing.T) {
	h := start(t, func(o *Options) { o.Silence = 500 * time.Millisecond })
	id := h.spawn(spec("ts001", "child", "hang"))
	h.await(id, Spawned)
	quiet := time.After(1200 * time.Millisecond)
	select {
	case <-quiet:
	case <-h.ended:
		t.Fatalf("keeper ended: %v", h.Err())
	}
	if _, err := h.Stats(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestHungKeeperIsTold(t *testing.T) {
	h := start(t, func(o *Options) { o.Silence = 100 * time.Millisecond })
	if err := syscall.Kill(h.PID(), syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	for range h.Events() {
	}
	if !errors.Is(h.Err(), ErrSilent) {
		t.Errorf("got %v", h.Err())
	}
	if err := syscall.Kill(h.PID(), syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	<-h.ended // the connection is closed: it is alone
}

func TestShutdownStopsByRank(t *testing.T) {
	h := start(t)
	for i, rank := range []int{3, 1, 2, 1, 3} {
		s := h.logged(spec(fmt.Sprint("ts00", i), "child", "polite"))
		s.Stop.Rank = rank
		h.spawn(s)
		h.awaitLog(s.Output.Log, "up")
	}
	if err := h.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	for ev := range h.Events() {
		h.seen = append(h.seen, ev)
	}
	var exits []string
	for _, ev := range h.seen {
		if ev.Kind == Exited {
			exits = append(exits, ev.ID.Task)
		}
	}
	slices.Sort(exits[:2])
	slices.Sort(exits[3:])
	if got := strings.Join(exits, " "); got != "ts001 ts003 ts002 ts000 ts004" {
		t.Errorf("got %s", got)
	}
}

func TestShutdownDoesNotNeedAReader(t *testing.T) {
	h := start(t)
	for i := range 100 {
		h.spawn(spec(fmt.Sprint("ts", i), "child", "exit", "0"))
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	if err := h.Shutdown(ctx); err != nil {
		t.Fatal(err)
	}
	if alive(h.PID()) {
		t.Error("the keeper lives")
	}
}

func TestSignalsDoNotEndAKeeperWithAProvider(t *testing.T) {
	h := start(t)
	for _, sig := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP, syscall.SIGPIPE, syscall.SIGQUIT, syscall.SIGUSR1} {
		if err := syscall.Kill(h.PID(), sig); err != nil {
			t.Fatal(err)
		}
	}
	if st, err := h.Stats(t.Context()); err != nil || st.PID != h.PID() {
		t.Errorf("got %+v, %v", st, err)
	}
	sid, _, _ := syscall.Syscall(syscall.SYS_GETSID, uintptr(h.PID()), 0, 0)
	if int(sid) != h.PID() {
		t.Errorf("session %d of keeper %d", sid, h.PID())
	}
}

func TestSignalEndsAKeeperWithoutAProvider(t *testing.T) {
	h := start(t, func(o *Options) { o.Linger = time.Hour })
	h.await(h.spawn(spec("ts001", "child", "hang")), Spawned)
	if err := h.Close(); err != nil {
		t.Fatal(err)
	}
	// The keeper may not have seen the end of the connection yet: it is told until
	// it listens.
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-h.ended:
			return
		case <-tick.C:
			_ = syscall.Kill(h.PID(), syscall.SIGTERM)
		}
	}
}

func TestSecondKeeperOfADirectoryIsRefused(t *testing.T) {
	h := start(t)
	if _, err := Start(t.Context(), Options{RuntimeDir: h.dir}); !errors.Is(err, ErrRunning) {
		t.Errorf("got %v", err)
	}
}

func TestStaleSocketIsReplaced(t *testing.T) {
	h := start(t, func(o *Options) {
		l, err := net.Listen("unix", filepath.Join(o.RuntimeDir, SocketName))
		if err != nil {
			t.Fatal(err)
		}
		l.(*net.UnixListener).SetUnlinkOnClose(false)
		_ = l.Close()
	})
	info, err := os.Stat(filepath.Join(h.dir, SocketName))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("got %v, %v", info.Mode(), err)
	}
}

func TestLongRuntimeDirectory(t *testing.T) {
	h := start(t, func(o *Options) { o.RuntimeDir = filepath.Join(o.RuntimeDir, strings.Repeat("long/", 40)) })
	h.await(h.spawn(spec("ts001", "child", "exit", "0")), Gone)
}

func TestStartSaysWhyTheKeeperDidNotCome(t *testing.T) {
	for _, test := range []struct {
		o    Options
		want string
	}{
		{Options{}, "options have no runtime directory"},
		{Options{RuntimeDir: "/dev/null/x"}, "not a directory"},
		{Options{RuntimeDir: t.TempDir(), Exe: "/no/such/program"}, "execute /no/such/program: no such file"},
		{Options{RuntimeDir: t.TempDir(), Exe: "/bin/false"}, "it exited with 1"},
		{Options{RuntimeDir: t.TempDir(), Args: []string{Arg, "--no_such_flag"}}, "it exited with 2"},
	} {
		null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
		if err != nil {
			t.Fatal(err)
		}
		test.o.Stderr = null
		c, err := Start(t.Context(), test.o)
		if err == nil {
			_ = c.Shutdown(t.Context())
			t.Fatalf("%s: it came", test.want)
		}
		if !strings.HasPrefix(err.Error(), "start keeper: ") || !strings.Contains(err.Error(), test.want) {
			t.Errorf("got %v, want %s", err, test.want)
		}
		_ = null.Close()
	}
}

func TestCancelledStartLeavesNothing(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, err := Start(ctx, Options{RuntimeDir: t.TempDir(), Args: []string{"child", "hang"}})
	if err == nil {
		t.Fatal("a stranger said hello")
	}
	if left := kernel.ChildrenOf(os.Getpid()); len(left) > 0 {
		t.Errorf("left: %v", left)
	}
}
