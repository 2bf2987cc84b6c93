package keeper

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"zmicroservices/context/keeper/kernel"
)

// operated is a provider that does what it reads, a line each, and answers each
// with a line: spawn TASK MODE…, flood N, seen TASK KIND, err, stats, quit.
func operated(args []string) int {
	linger, err := ParseLinger(args[1])
	if err != nil {
		panic(err)
	}
	silence, err := time.ParseDuration(args[2])
	if err != nil {
		panic(err)
	}
	c, met, err := Attach(context.Background(), Options{RuntimeDir: args[0], Linger: linger, Silence: silence})
	if err != nil {
		panic(err)
	}
	asked := make(chan os.Signal, 1)
	signal.Notify(asked, syscall.SIGTERM)
	fmt.Println(c.PID(), met, os.Getpid())
	go func() { // ends with the program
		<-asked
		if err := c.Shutdown(context.Background()); err != nil {
			panic(err)
		}
		os.Exit(0)
	}()
	var seen []Event
	for in := bufio.NewScanner(os.Stdin); in.Scan(); {
		words := strings.Fields(in.Text())
		switch words[0] {
		case "spawn":
			s := spec(words[1], append([]string{"child"}, words[2:]...)...)
			s.Output.Log = filepath.Join(args[0], words[1]+".log")
			s.Stop.Rank, _ = strconv.Atoi(strings.TrimPrefix(words[1], "rank"))
			fmt.Println(c.Spawn(s))
		case "flood":
			n, _ := strconv.Atoi(words[1])
			for i := range n {
				s := spec(fmt.Sprint("flood", i))
				s.Path, s.Argv = "/bin/true", []string{"true"}
				_ = c.Spawn(s)
			}
			fmt.Println()
		case "freeze":
			fmt.Println()
			_ = syscall.Kill(os.Getpid(), syscall.SIGSTOP)
		case "seen":
			is := func(ev Event) bool { return ev.ID.Task == words[1] && ev.Kind == Kind(words[2]) }
			for !slices.ContainsFunc(seen, is) {
				seen = append(seen, <-c.Events())
			}
			fmt.Println(seen[slices.IndexFunc(seen, is)].PID)
		case "err":
			for range c.Events() {
			}
			fmt.Println(errors.Is(c.Err(), ErrFenced), c.Err(), "/", c.Kill(ID{"tr", "ts", 1, ""}))
		case "listen":
			l, err := net.ListenTCP("tcp", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
			if err != nil {
				panic(err)
			}
			f, err := l.File()
			if err != nil {
				panic(err)
			}
			if err := c.Store(words[1], f); err != nil {
				panic(err)
			}
			fmt.Println(l.Addr())
		case "ready":
			fmt.Println(c.Ready(strings.Join(words[1:], " ")))
		case "getenv":
			fmt.Println(strings.Join(os.Environ(), " "))
		case "exit":
			code, _ := strconv.Atoi(words[1])
			os.Exit(code)
		case "shutdown":
			if err := c.Shutdown(context.Background()); err != nil {
				panic(err)
			}
			code, _ := strconv.Atoi(words[1])
			os.Exit(code)
		case "stats":
			st, err := c.Stats(context.Background())
			fmt.Println(st.Live, err)
		}
	}
	return 0
}

// operator is the test's end of it.
type operator struct {
	t   *testing.T
	cmd *exec.Cmd
	in  io.Writer
	out *bufio.Scanner
	pid int // the keeper's
}

// operate starts a provider that is gone when the test is; its keeper is ended too.
func operate(t *testing.T, dir string, linger, silence time.Duration) *operator {
	t.Helper()
	cmd := exec.Command("/proc/self/exe", "operated", dir, FormatLinger(linger), silence.String())
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	o := &operator{t: t, cmd: cmd, in: in, out: bufio.NewScanner(out)}
	_, _ = fmt.Sscan(o.answer(), &o.pid)
	t.Cleanup(func() {
		o.kill()
		endKeeper(t, dir)
	})
	return o
}

func (o *operator) say(format string, args ...any) string {
	o.t.Helper()
	fmt.Fprintf(o.in, format+"\n", args...)
	return o.answer()
}

func (o *operator) answer() string {
	o.t.Helper()
	if !o.out.Scan() {
		o.t.Fatalf("provider is gone: %v", o.out.Err())
	}
	return o.out.Text()
}

// seen waits for an event and returns its pid.
func (o *operator) seen(task string, kind Kind) int {
	o.t.Helper()
	var pid int
	if _, err := fmt.Sscan(o.say("seen %s %s", task, kind), &pid); err != nil {
		o.t.Fatal(err)
	}
	return pid
}

func (o *operator) kill() {
	_ = o.cmd.Process.Kill()
	_ = o.cmd.Wait()
}

// endKeeper ends the keeper of a directory, if there is one.
func endKeeper(t *testing.T, dir string) {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	c, err := Connect(ctx, Options{RuntimeDir: dir})
	if err != nil {
		return
	}
	if err := c.Shutdown(ctx); err != nil {
		t.Error(err)
	}
	_ = c.Close()
}

// attach takes the keeper of a directory, or starts one.
func attach(t *testing.T, dir string, change ...func(*Options)) (*held, bool) {
	t.Helper()
	o := Options{RuntimeDir: dir, Linger: Forever}
	for _, f := range change {
		f(&o)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	c, met, err := Attach(ctx, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close(); endKeeper(t, dir) })
	return &held{Client: c, t: t, dir: dir}, met
}

func (h *held) statuses() map[string]Status {
	h.t.Helper()
	list, err := h.List(h.t.Context())
	if err != nil {
		h.t.Fatal(err)
	}
	m := make(map[string]Status)
	for _, st := range list {
		m[st.ID.Task] = st
	}
	return m
}

func TestKilledProviderIsSucceeded(t *testing.T) {
	dir := t.TempDir()
	first := operate(t, dir, Forever, 30*time.Second)
	mark := filepath.Join(dir, "mark")
	first.say("spawn lives hang")
	first.say("spawn talks chatter %s", mark)
	first.say("spawn ends polite")
	pids := map[string]int{}
	for _, task := range []string{"lives", "talks", "ends"} {
		pids[task] = first.seen(task, Spawned)
	}
	h := &held{t: t, dir: dir}
	h.awaitLog(filepath.Join(dir, "talks.log"), "up")
	h.awaitLog(filepath.Join(dir, "ends.log"), "up")
	first.kill()

	// Meanwhile one ends and one speaks.
	_ = syscall.Kill(pids["ends"], syscall.SIGTERM)
	_ = syscall.Kill(pids["talks"], syscall.SIGUSR1)
	until(t, "it is reaped", func() bool { _, there := kernel.ReadStat(pids["ends"]); return !there })
	until(t, "it has spoken", func() bool { _, err := os.Stat(mark); return err == nil })

	h, met := attach(t, dir)
	if !met || h.PID() != first.pid {
		t.Fatalf("met %v, keeper %d, want %d", met, h.PID(), first.pid)
	}
	exited := h.await(ID{"tr", "ends", 1, ""}, Exited)
	gone := h.await(exited.ID, Gone)
	if exited.Code != 7 || exited.Asked || gone.Seq > h.Replay() {
		t.Errorf("got %+v, %+v, replay to %d", exited, gone, h.Replay())
	}
	h.awaitLog(filepath.Join(dir, "talks.log"), "line 99\n")
	list := h.statuses()
	for task, pid := range pids {
		st := list[task]
		if st.PID != pid || st.Start.PID != pid || st.Start.Ticks == 0 || st.Since.IsZero() || st.Mono == 0 {
			t.Errorf("%s: got %+v", task, st)
		}
	}
	if st := list["ends"]; st.State != Over || st.Code != 7 || st.Last != gone.Seq || !st.Exited {
		t.Errorf("got %+v", st)
	}

	// What exists or is not acknowledged is not spawned again.
	for _, task := range []string{"lives", "ends"} {
		h.spawn(spec(task, "child", "hang"))
	}
	if after := h.statuses(); after["lives"].PID != pids["lives"] || after["ends"].State != Over {
		t.Errorf("got %+v", after)
	}
	if err := h.Ack(gone.Seq); err != nil {
		t.Fatal(err)
	}
	third, met := attach(t, dir)
	if list := third.statuses(); !met || len(list) != 2 {
		t.Errorf("acknowledged and still there: %+v", list)
	}
	id := third.spawn(spec("new", "child", "exit", "0"))
	third.await(id, Spawned)
	if third.seen[0].ID != id {
		t.Errorf("acknowledged and told again: %+v", third.seen)
	}
}

func TestStoppedProviderIsGoneAndFencedWhenItGoesOn(t *testing.T) {
	for _, events := range []int{0, 700} { // with many of them the socket is full, and takes no reason
		t.Run(fmt.Sprint(events, " events"), func(t *testing.T) {
			dir := t.TempDir()
			first := operate(t, dir, Forever, time.Second)
			first.say("spawn lives hang")
			pid := first.seen("lives", Spawned)
			first.say("flood %d", events)
			first.say("freeze")
			// The keeper gives it up without anyone asking.
			until(t, "its connection is gone", func() bool { return connections(first.pid) == 0 })
			h, met := attach(t, dir)
			if !met {
				t.Fatal("the keeper did not outlive it")
			}
			go func() { // ends with the stream; unread it would be a hung one too
				for range h.Events() {
				}
			}()
			if st := h.statuses()["lives"]; st.PID != pid || st.State != Running {
				t.Errorf("got %+v", st)
			}
			_ = first.cmd.Process.Signal(syscall.SIGCONT)
			got := first.say("err")
			if !strings.HasPrefix(got, "true keeper refused: ") || !strings.Contains(got, "/ send kill to keeper: keeper refused") {
				t.Errorf("it learnt %q", got)
			}
			if err := h.Err(); err != nil {
				t.Errorf("the second one was disturbed: %v", err)
			}
		})
	}
}

// connections counts the unix sockets of a process beside the one that listens and
// the pair of the spawner.
func connections(pid int) int {
	n := 0
	fds, _ := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", pid))
	for _, fd := range fds {
		if target, _ := os.Readlink(fd); strings.HasPrefix(target, "socket:") {
			n++
		}
	}
	return n - 3
}

func TestProviderThatWasDroppedAndNotReplacedIsToldSo(t *testing.T) {
	dir := t.TempDir()
	first := operate(t, dir, Forever, time.Second)
	first.say("spawn lives hang")
	first.seen("lives", Spawned)
	first.say("freeze")
	until(t, "its connection is gone", func() bool { return connections(first.pid) == 0 })
	_ = first.cmd.Process.Signal(syscall.SIGCONT)
	if got := first.say("err"); !strings.HasPrefix(got, "false keeper refused: provider was silent") {
		t.Errorf("it learnt %q", got)
	}
}

func TestPauseOfTheWholeMachineIsNoSilence(t *testing.T) {
	dir := t.TempDir()
	const silence = 600 * time.Millisecond
	first := operate(t, dir, Forever, silence)
	_ = syscall.Kill(first.pid, syscall.SIGSTOP)
	_ = first.cmd.Process.Signal(syscall.SIGSTOP)
	<-time.After(2 * silence)
	_ = syscall.Kill(first.pid, syscall.SIGCONT)
	_ = first.cmd.Process.Signal(syscall.SIGCONT)
	for range 3 {
		if got := first.say("stats"); got != "0 <nil>" {
			t.Fatalf("got %q", got)
		}
		<-time.After(silence / 3)
	}
}

func TestAfterTheLingerTimeAllIsStoppedByRankAndLeftToTheNext(t *testing.T) {
	dir := t.TempDir()
	first := operate(t, dir, 300*time.Millisecond, 30*time.Second)
	order := []string{"rank1", "rank2", "rank3"}
	h := &held{t: t, dir: dir}
	for _, task := range []string{"rank3", "rank1", "rank2"} {
		first.say("spawn %s polite", task)
		first.seen(task, Spawned)
		h.awaitLog(filepath.Join(dir, task+".log"), "up")
	}
	first.kill()
	until(t, "the keeper is gone", func() bool { return !alive(first.pid) })

	h, met := attach(t, dir)
	if met {
		t.Fatal("met a keeper that is dead")
	}
	for _, task := range order {
		h.await(ID{"tr", task, 1, ""}, Gone)
	}
	var exits []string
	for _, ev := range h.seen {
		if ev.Kind == Exited {
			exits = append(exits, ev.ID.Task)
			if ev.Code != 7 || ev.Asked || ev.Seq > h.Replay() {
				t.Errorf("got %+v", ev)
			}
		}
	}
	if strings.Join(exits, " ") != strings.Join(order, " ") {
		t.Errorf("ended in order %v", exits)
	}
	if st := h.statuses()["rank2"]; st.State != Over || st.Code != 7 {
		t.Errorf("got %+v", st)
	}
	if err := h.Ack(h.Replay()); err != nil {
		t.Fatal(err)
	}
	if left := h.statuses(); len(left) != 0 {
		t.Errorf("left %+v", left)
	}
	if _, err := os.Stat(filepath.Join(dir, bequestName)); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the file is left: %v", err)
	}
}

func TestAttachWaitsForAKeeperThatIsEnding(t *testing.T) {
	dir := t.TempDir()
	first := operate(t, dir, Forever, 30*time.Second)
	first.say("spawn ts001 stubborn")
	pid := first.seen("ts001", Spawned)
	(&held{t: t}).awaitLog(filepath.Join(dir, "ts001.log"), "up")
	first.kill()
	// Told to end, it gives the stubborn service its five seconds.
	until(t, "the keeper is ending", func() bool {
		_ = syscall.Kill(first.pid, syscall.SIGTERM)
		_, err := Connect(t.Context(), Options{RuntimeDir: dir, Epoch: 1})
		var refused *RefusedError
		return errors.As(err, &refused) && refused.ending()
	})
	h, met := attach(t, dir)
	if met || alive(first.pid) || alive(pid) {
		t.Errorf("met %v, keeper lives %v, service lives %v", met, alive(first.pid), alive(pid))
	}
	if ev := h.await(ID{"tr", "ts001", 1, ""}, Exited); ev.Signal != syscall.SIGKILL {
		t.Errorf("got %+v", ev)
	}
}

func TestStatusTellsAStopUnderWay(t *testing.T) {
	h, met := attach(t, t.TempDir())
	if met {
		t.Fatal("met a keeper in an empty directory")
	}
	s := h.logged(spec("ts001", "child", "stubborn"))
	s.Stop.Grace = time.Hour
	id := h.spawn(s)
	h.awaitLog(s.Output.Log, "up")
	if err := h.Stop(id, nil); err != nil {
		t.Fatal(err)
	}
	again, _ := attach(t, h.dir)
	st := again.statuses()["ts001"]
	if st.State != Stopping || st.Ending == nil || !st.Ending.Asked || st.Ending.Killing || st.Ending.Recipe.Grace != time.Hour {
		t.Fatalf("got %+v", st)
	}
	if left := time.Duration(st.Ending.Due - st.Mono); left < 59*time.Minute || left > time.Hour+time.Minute {
		t.Errorf("grace ends %v after the spawn", left)
	}
	if err := again.Kill(id); err != nil {
		t.Fatal(err)
	}
	if ev := again.await(id, Gone); !ev.Asked {
		t.Errorf("got %+v", ev)
	}
}
