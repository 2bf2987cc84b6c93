package keeper

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"zmicroservices/context/keeper/kernel"
)

// TestMain makes the test binary what it tests: the keeper, and the services that
// give it trouble.
func TestMain(m *testing.M) {
	if len(os.Args) > 2 {
		switch os.Args[1] {
		case Arg:
			os.Exit(Main(os.Args[2:]))
		case "in-namespace":
			os.Exit(inNamespace(os.Args[2:]))
		case "main-spawner":
			os.Exit(spawnOnMain())
		case "child":
			os.Exit(child(os.Args[2], os.Args[3:]))
		case "provider":
			os.Exit(provider(os.Args[2]))
		case "operated":
			os.Exit(operated(os.Args[2:]))
		}
	}
	// A program built with -race sleeps for a second before it exits.
	if err := os.Setenv("GORACE", "atexit_sleep_ms=0"); err != nil {
		panic(err)
	}
	goleak.VerifyTestMain(m)
}

// child is a service. It never returns from a mode that waits to be ended.
func child(mode string, args []string) int {
	hang := func() int {
		signal.Notify(make(chan os.Signal, 1), syscall.SIGUSR2) // keeps select{} from being a deadlock
		select {}
	}
	switch mode {
	case "exit":
		code, _ := strconv.Atoi(args[0])
		return code
	case "notify":
		return notifying(args)
	case "hang":
		fmt.Println("up")
		return hang()
	case "closed": // has sent its stdout elsewhere
		null, _ := syscall.Open(os.DevNull, syscall.O_WRONLY, 0)
		_ = syscall.Dup3(null, 1, 0)
		return hang()
	case "stubborn": // ignores the polite signal
		signal.Ignore(syscall.SIGTERM)
		fmt.Println("up")
		if len(args) > 0 { // and tells its parent
			_ = syscall.Close(3)
		}
		return hang()
	case "polite": // says which signal ended it
		got := make(chan os.Signal, 1)
		signal.Notify(got, syscall.SIGTERM, syscall.SIGINT, syscall.SIGUSR1)
		fmt.Println("up")
		fmt.Println("got", <-got)
		return 7
	case "family": // forks a child that forks a stubborn one; all in one group
		if n, _ := strconv.Atoi(args[0]); n > 0 {
			fork(false, "family", strconv.Itoa(n-1))
		} else {
			signal.Ignore(syscall.SIGTERM)
			fmt.Println("up")
		}
		return hang()
	case "deserter": // leaves its family and exits
		r, w, _ := os.Pipe()
		forkWith(false, w, "stubborn", "tell")
		_ = w.Close()
		_, _ = r.Read(make([]byte, 1))
		return 3
	case "daemon": // double-forks something into a session of its own, and lives or not
		fork(true, "middle")
		if args[0] == "exit" {
			return 0
		}
		return hang()
	case "escape": // as daemon, and nothing of its environment goes along
		os.Clearenv()
		_ = os.Setenv("GORACE", "atexit_sleep_ms=0")
		fork(true, "middle")
		fmt.Println("up")
		return hang()
	case "middle":
		fork(true, "stubborn")
		return 0
	case "abandon": // leaves a member of its group below one who has left it, cookie and all
		os.Clearenv()
		r, w, _ := os.Pipe()
		forkWith(false, w, "stray")
		_ = w.Close()
		_, _ = r.Read(make([]byte, 1))
		return 0
	case "stray":
		r, w, _ := os.Pipe()
		forkWith(false, w, "stubborn", "tell")
		_ = w.Close()
		_, _ = r.Read(make([]byte, 1))
		_, _ = syscall.Setsid()
		_ = syscall.Close(3)
		return hang()
	case "bomb": // each generation in a session of its own, each ends at once
		if n, _ := strconv.Atoi(args[0]); n > 0 {
			fork(true, "bomb", strconv.Itoa(n-1))
			return 0
		}
		return hang()
	case "zombies": // leaves n dead orphans
		n, _ := strconv.Atoi(args[0])
		for range n {
			fork(false, "orphan-exit")
		}
		fmt.Println("up")
		return hang()
	case "orphan-exit":
		fork(false, "exit", "0")
		return 0
	case "print": // n numbered lines to both streams
		n, _ := strconv.Atoi(args[0])
		for i := range n {
			fmt.Fprintf(os.Stdout, "line %d\n", i)
			fmt.Fprintf(os.Stderr, "line %d\n", i)
		}
		return 0
	case "spew":
		n, _ := strconv.Atoi(args[0])
		return spew(n)
	case "flood":
		line := []byte(strings.Repeat("x", 1023) + "\n")
		for {
			_, _ = os.Stdout.Write(line)
		}
	case "last-words":
		fmt.Print("first\nlast words")
		_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
		return hang()
	case "long-line":
		fmt.Println(strings.Repeat("a", maxLine) + strings.Repeat("b", maxLine) + "c")
		return 0
	case "world": // what it was born into
		status, _ := os.ReadFile("/proc/self/status")
		for line := range strings.Lines(string(status)) {
			if strings.HasPrefix(line, "SigBlk") || strings.HasPrefix(line, "SigIgn") {
				fmt.Print(line)
			}
		}
		fds, _ := filepath.Glob("/proc/self/fd/*")
		for _, fd := range fds {
			if target, err := os.Readlink(fd); err == nil && !strings.Contains(target, "anon_inode") {
				fmt.Println("fd", filepath.Base(fd), target)
			}
		}
		in, err := io.ReadAll(os.Stdin)
		fmt.Println("stdin", len(in), err)
		dir, _ := os.Getwd()
		fmt.Printf("dir %s\nargs %q\nenv %q\n", dir, os.Args, os.Environ())
		return 0
	case "chatter": // writes on when it is told to, and says in a file that it did
		told := make(chan os.Signal, 1)
		signal.Notify(told, syscall.SIGUSR1)
		fmt.Println("up")
		<-told
		for i := range 100 {
			if _, err := fmt.Println("line", i); err != nil {
				return 1
			}
		}
		_ = os.WriteFile(args[0], nil, 0o600)
		return hang()
	}
	return 99
}

// fork starts a child of the child and does not wait for it.
func fork(session bool, args ...string) { forkWith(session, nil, args...) }

// forkWith gives it one more file, as descriptor 3.
func forkWith(session bool, extra *os.File, args ...string) {
	files := []uintptr{0, 1, 2}
	if extra != nil {
		files = append(files, extra.Fd())
	}
	_, err := syscall.ForkExec("/proc/self/exe", append([]string{"fork", "child"}, args...), &syscall.ProcAttr{
		Env: os.Environ(), Files: files, Sys: &syscall.SysProcAttr{Setsid: session},
	})
	if err != nil {
		panic(err)
	}
}

// provider starts a keeper and two services, and waits to be killed.
func provider(dir string) int {
	c, err := Start(context.Background(), Options{RuntimeDir: dir})
	if err != nil {
		panic(err)
	}
	for i, mode := range []string{"hang", "stubborn"} {
		s := spec(fmt.Sprint("ts00", i), "child", mode)
		s.Stop.Grace = 50 * time.Millisecond
		if err := c.Spawn(s); err != nil {
			panic(err)
		}
	}
	for ev := range c.Events() {
		if ev.Kind == Spawned {
			fmt.Println(ev.PID)
		}
		if ev.Seq == 2 {
			fmt.Println(c.PID())
		}
	}
	return 1
}

// spec is a slot that runs the test binary.
func spec(task string, args ...string) Spec {
	id := ID{Transaction: "tr", Task: task, Incarnation: 1}
	exe, _ := os.Executable()
	return Spec{
		ID: id, Path: exe, Argv: append([]string{"service"}, args...),
		Env:  []string{CookieName + "=" + id.Cookie(), "GORACE=atexit_sleep_ms=0"},
		Stop: Recipe{Signal: syscall.SIGTERM, Grace: 5 * time.Second},
	}
}

// held is a keeper under test.
type held struct {
	*Client
	t    *testing.T
	dir  string
	seen []Event
}

// start starts a keeper that is gone when the test is.
func start(t *testing.T, change ...func(*Options)) *held {
	t.Helper()
	o := Options{RuntimeDir: t.TempDir(), Logger: slog.New(slog.NewTextHandler(t.Output(), nil))}
	for _, f := range change {
		f(&o)
	}
	c, err := Start(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
		defer cancel()
		if err := c.Shutdown(ctx); err != nil {
			t.Error(err)
		}
		_ = c.Close()
	})
	return &held{Client: c, t: t, dir: o.RuntimeDir}
}

func (h *held) spawn(s Spec) ID {
	h.t.Helper()
	if err := h.Spawn(s); err != nil {
		h.t.Fatal(err)
	}
	return s.ID
}

// await reads events until one of the kind comes for the ID.
func (h *held) await(id ID, kind Kind) Event {
	h.t.Helper()
	for _, ev := range h.seen {
		if ev.ID == id && ev.Kind == kind {
			return ev
		}
	}
	deadline := time.NewTimer(20 * time.Second)
	defer deadline.Stop()
	for {
		select {
		case ev, ok := <-h.Events():
			if !ok {
				h.t.Fatalf("await %s of %s: stream ended: %v", kind, id, h.Err())
			}
			h.seen = append(h.seen, ev)
			if ev.ID == id && ev.Kind == kind {
				return ev
			}
		case <-deadline.C:
			h.t.Fatalf("await %s of %s: nothing in 20 s; seen %v", kind, id, h.seen)
		}
	}
}

// awaitLog reads the log until it holds the text: the child is so far then.
func (h *held) awaitLog(path, text string) string {
	h.t.Helper()
	var got string
	until(h.t, "log has "+text, func() bool {
		b, _ := os.ReadFile(path)
		got = string(b)
		return strings.Contains(got, text)
	})
	return got
}

// until polls a fact of the kernel that nobody tells us.
func until(t *testing.T, what string, true func() bool) {
	t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	deadline := time.Now().Add(20 * time.Second)
	for !true() {
		if time.Now().After(deadline) {
			t.Fatalf("waited 20 s until %s", what)
		}
		<-tick.C
	}
}

// alive says whether a process runs: a zombie does not.
func alive(pid int) bool {
	st, ok := kernel.ReadStat(pid)
	return ok && st.State != 'Z' && st.State != 'X'
}
