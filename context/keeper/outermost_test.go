package keeper

import (
	"bufio"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"zmicroservices/context/keeper/kernel"
)

// outermost starts a keeper that stands first, with an operated provider below it.
// What is said goes through the keeper's stdin, whichever provider reads it.
func outermost(t *testing.T, change func(*exec.Cmd), flags ...string) (o *operator, dir string, provider int) {
	t.Helper()
	dir = t.TempDir()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	args := append([]string{Arg, "--init", "--runtime_dir", dir}, flags...)
	cmd := exec.Command(exe, append(args, "--", exe, "operated", dir, "0s", "30s")...)
	cmd.Stderr = os.Stderr
	if change != nil {
		change(cmd)
	}
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
	o = &operator{t: t, cmd: cmd, in: in, out: bufio.NewScanner(out)}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		_ = cmd.Wait()
	})
	provider = o.came(true)
	return o, dir, provider
}

// came reads what a provider says first and returns its pid.
func (o *operator) came(met bool) int {
	o.t.Helper()
	var m bool
	var pid int
	if _, err := fmt.Sscan(o.answer(), &o.pid, &m, &pid); err != nil || m != met {
		o.t.Fatalf("provider came: met %v: %v", m, err)
	}
	return pid
}

// code waits for the keeper's end.
func (o *operator) code() int {
	o.t.Helper()
	err := o.cmd.Wait()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		o.t.Fatal(err)
	}
	return o.cmd.ProcessState.ExitCode()
}

func TestProviderBelowAKeeperIsStartedAgain(t *testing.T) {
	o, dir, provider := outermost(t, nil, "--linger", "forever")
	o.say("spawn ts001 hang")
	pid := o.seen("ts001", Spawned)
	if o.pid != o.cmd.Process.Pid {
		t.Errorf("keeper %d, want %d", o.pid, o.cmd.Process.Pid)
	}
	// At once after the first death, later after the next ones.
	for i, least := range []time.Duration{0, minDelay, 2 * minDelay} {
		begin := time.Now()
		if err := syscall.Kill(provider, syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		next := o.came(true)
		if took := time.Since(begin); took < least || next == provider {
			t.Errorf("death %d: %d after %v, want %v", i, next, took, least)
		}
		provider = next
	}
	o.say("spawn ts002 hang")
	other := o.seen("ts002", Spawned)
	h := &held{t: t, dir: dir}
	h.awaitLog(filepath.Join(dir, "ts002.log"), "up")
	if !alive(pid) {
		t.Error("the service is gone")
	}
	o.cmd.Process.Signal(syscall.SIGTERM)
	if code := o.code(); code != 0 {
		t.Errorf("exit code %d", code)
	}
	for _, pid := range []int{pid, other, provider} {
		if alive(pid) {
			t.Errorf("%d lives", pid)
		}
	}
	if _, err := os.Stat(filepath.Join(dir, SocketName)); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the socket is left: %v", err)
	}
}

func TestEndOfAProviderThatMeansIt(t *testing.T) {
	for _, test := range []struct {
		do   string
		want int
	}{{"exit 0", 0}, {"shutdown 0", 0}, {"shutdown 1", 1}} {
		t.Run(test.do, func(t *testing.T) {
			o, _, _ := outermost(t, nil)
			o.say("spawn ts001 hang")
			pid := o.seen("ts001", Spawned)
			fmt.Fprintln(o.in, test.do)
			if code := o.code(); code != test.want {
				t.Errorf("exit code %d, want %d", code, test.want)
			}
			if alive(pid) {
				t.Error("the service lives")
			}
		})
	}
}

func TestProviderThatExitsBeforeItAttachesEndsTheKeeper(t *testing.T) {
	exe, _ := os.Executable()
	cmd := exec.Command(exe, Arg, "--init", "--runtime_dir", t.TempDir(), "--", exe, "child", "exit", "2")
	err := cmd.Run()
	if cmd.ProcessState.ExitCode() != 2 {
		t.Errorf("got %v", err)
	}
}

func TestProviderThatCannotComeBackIsNotWaitedForForEver(t *testing.T) {
	link := filepath.Join(t.TempDir(), "provider")
	exe, _ := os.Executable()
	if err := os.Symlink(exe, link); err != nil {
		t.Fatal(err)
	}
	o, dir, provider := outermost(t, func(cmd *exec.Cmd) {
		cmd.Args[slices.Index(cmd.Args, "--")+1] = link
	}, "--linger", "400ms")
	o.say("spawn ts001 polite")
	o.seen("ts001", Spawned)
	h := &held{t: t, dir: dir}
	h.awaitLog(filepath.Join(dir, "ts001.log"), "up")
	if err := os.Remove(link); err != nil {
		t.Fatal(err)
	}
	_ = syscall.Kill(provider, syscall.SIGKILL)
	if code := o.code(); code != 128+9 {
		t.Errorf("exit code %d", code)
	}
	h.awaitLog(filepath.Join(dir, "ts001.log"), "got terminated")
}

func TestHungProviderIsReplaced(t *testing.T) {
	o, _, provider := outermost(t, nil, "--silence", "600ms")
	o.say("spawn ts001 hang")
	pid := o.seen("ts001", Spawned)
	_ = syscall.Kill(provider, syscall.SIGSTOP)
	if next := o.came(true); next == provider || !alive(pid) {
		t.Errorf("provider %d, service lives %v", next, alive(pid))
	}
	fmt.Fprintln(o.in, "shutdown 0")
	o.code()
}

func TestWrongCallsOfAnOutermostKeeper(t *testing.T) {
	o, dir, _ := outermost(t, nil)
	exe, _ := os.Executable()
	for _, test := range []struct {
		args []string
		code int
		want string
	}{
		{[]string{"--runtime_dir", dir, "--", exe}, 1, "a keeper is running"},
		{[]string{"--runtime_dir", t.TempDir(), "--", "/no/such/program"}, 1, "execute /no/such/program: no such file"},
		{[]string{"--runtime_dir", dir}, 2, "the path of a program is needed"},
		{[]string{"--runtime_dir", dir, "--fd", "3", "--", exe}, 2, "no --fd"},
		{[]string{"--runtime_dir", "relative", "--", exe}, 2, "an absolute path is needed"},
		{[]string{"--runtime_dir", dir, "--linger", "-1s", "--", exe}, 2, "is negative"},
	} {
		cmd := exec.Command(exe, append([]string{Arg, "--init"}, test.args...)...)
		out, _ := cmd.CombinedOutput()
		if cmd.ProcessState.ExitCode() != test.code || !strings.Contains(string(out), test.want) {
			t.Errorf("%q: exit code %d, %s", test.args, cmd.ProcessState.ExitCode(), out)
		}
	}
	fmt.Fprintln(o.in, "shutdown 0")
	o.code()
}

// A service manager hears what sd_notify(3) says.
func TestServiceManagerIsTold(t *testing.T) {
	for _, name := range []string{filepath.Join(t.TempDir(), "notify"), fmt.Sprintf("@zms-keeper-test-%d", os.Getpid())} {
		manager, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: name, Net: "unixgram"})
		if err != nil {
			t.Fatal(err)
		}
		_ = manager.SetDeadline(time.Now().Add(20 * time.Second))
		hear := func(want string) {
			t.Helper()
			var heard []string
			for {
				var buf [4096]byte
				n, err := manager.Read(buf[:])
				if err != nil {
					t.Fatalf("await %q: %v; heard %q", want, err, heard)
				}
				heard = append(heard, string(buf[:n]))
				if strings.Contains(heard[len(heard)-1], want) {
					return
				}
			}
		}
		o, _, provider := outermost(t, func(cmd *exec.Cmd) {
			cmd.Env = append(os.Environ(), "NOTIFY_SOCKET="+name, "WATCHDOG_USEC=40000", "LISTEN_FDS=1", "LISTEN_PID=1")
		})
		hear("WATCHDOG=1")
		if got := o.say("ready 3 services run"); got != "<nil>" {
			t.Errorf("ready: %s", got)
		}
		hear("READY=1\nSTATUS=3 services run")
		hear("WATCHDOG=1")
		if env := o.say("getenv"); strings.Contains(env, "NOTIFY_SOCKET") || strings.Contains(env, "WATCHDOG_") || strings.Contains(env, "LISTEN_") {
			t.Errorf("the provider inherits %s", env)
		}
		_ = syscall.Kill(provider, syscall.SIGKILL)
		hear("STATUS=provider ")
		o.came(true)
		_ = o.cmd.Process.Signal(syscall.SIGTERM)
		hear("STOPPING=1")
		if code := o.code(); code != 0 {
			t.Errorf("exit code %d", code)
		}
		_ = manager.Close()
	}
}

// inNamespace is a keeper as PID 1: it mounts what a container has and goes on.
func inNamespace(args []string) int {
	if err := syscall.Mount("", "/", "", syscall.MS_REC|syscall.MS_PRIVATE, ""); err != nil {
		panic(err)
	}
	if args[0] != "bare" {
		if err := syscall.Mount("proc", "/proc", "proc", 0, ""); err != nil {
			panic(err)
		}
	}
	return Main(args[1:])
}

func TestKeeperIsPID1OfANamespace(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("a pid namespace needs root: sudo go test ./context/keeper -run PID1")
	}
	namespace := func(how string) func(*exec.Cmd) {
		return func(cmd *exec.Cmd) {
			cmd.Args = slices.Insert(cmd.Args, 1, "in-namespace", how)
			cmd.Args = slices.Delete(cmd.Args, 3, 4) // the keeper's own word
			cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWPID | syscall.CLONE_NEWNS}
		}
	}
	o, dir, provider := outermost(t, namespace("proc"), "--linger", "forever")
	pid1 := o.cmd.Process.Pid
	if o.pid != 1 {
		t.Fatalf("the keeper has pid %d", o.pid)
	}
	o.say("spawn ts001 zombies 20")
	o.seen("ts001", Spawned)
	h := &held{t: t, dir: dir}
	h.awaitLog(filepath.Join(dir, "ts001.log"), "up")
	o.say("spawn ts002 daemon exit")
	o.seen("ts002", Gone)
	zombies := func() int {
		n := 0
		for _, pid := range kernel.ChildrenOf(pid1) {
			if st, ok := kernel.ReadStat(pid); ok && st.State == 'Z' {
				n++
			}
		}
		return n
	}
	until(t, "no zombie is left", func() bool { return zombies() == 0 })

	// Its provider is killed as well: from inside, by its number there.
	for _, pid := range kernel.ChildrenOf(pid1) {
		if status, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid)); strings.Contains(string(status), fmt.Sprintf("NSpid:\t%d\t%d\n", pid, provider)) {
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
	}
	if next := o.came(true); next == provider {
		t.Errorf("the provider is %d still", next)
	}
	_ = o.cmd.Process.Signal(syscall.SIGTERM)
	if code := o.code(); code != 0 {
		t.Errorf("exit code %d", code)
	}

	// With a /proc that shows other pids nobody could be found.
	exe, _ := os.Executable()
	cmd := exec.Command(exe, Arg, "--init", "--runtime_dir", t.TempDir(), "--", exe)
	namespace("bare")(cmd)
	if out, _ := cmd.CombinedOutput(); cmd.ProcessState.ExitCode() != 1 || !strings.Contains(string(out), "mount it first") {
		t.Errorf("got %s", out)
	}
}
