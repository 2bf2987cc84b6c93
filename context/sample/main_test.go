package sample

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// TestMain lets the test binary be the process that is looked at: a role, then
// commands by lines on stdin, each answered by a line.
func TestMain(m *testing.M) {
	if os.Getenv(roleVariable) != "" {
		os.Exit(actor(os.Stdin, os.Stdout))
	}
	goleak.VerifyTestMain(m)
}

const roleVariable = "ZMS_SAMPLE_ACTOR"

// patience is how long anything may take that takes a blink on an idle machine.
const patience = 60 * time.Second

// actor does what it is told until stdin ends.
func actor(in io.Reader, out io.Writer) int {
	var kept []any
	defer func() { runtime.KeepAlive(kept) }()
	lines := bufio.NewScanner(in)
	for lines.Scan() {
		word, arg, _ := strings.Cut(lines.Text(), " ")
		n, _ := strconv.Atoi(arg)
		answer := "done"
		switch word {
		case "eat": // n MiB
			block := make([]byte, n<<20)
			for i := 0; i < len(block); i += 4096 {
				block[i] = 1
			}
			kept = append(kept, block)
		case "burn": // until n ms of CPU were used
			for began := cpuTime(); cpuTime()-began < time.Duration(n)*time.Millisecond; {
			}
		case "open": // n descriptors of one file
			for range n {
				f, err := os.Open(os.Args[0])
				if err != nil {
					return 1
				}
				kept = append(kept, f)
			}
		case "listen":
			address := "127.0.0.1:0"
			if arg == "any" {
				arg, address = "tcp4", "0.0.0.0:0"
			}
			l, err := net.Listen(arg, address)
			if err != nil {
				return 1
			}
			kept = append(kept, l)
			answer = l.Addr().String()
		case "unix":
			l, err := net.Listen("unix", arg)
			if err != nil {
				return 1
			}
			kept = append(kept, l)
		case "dial":
			c, err := net.Dial("tcp", arg)
			if err != nil {
				return 1
			}
			kept = append(kept, c)
			answer = c.LocalAddr().String()
		case "accept":
			l := kept[slices.IndexFunc(kept, func(v any) bool { _, is := v.(net.Listener); return is })]
			c, err := l.(net.Listener).Accept()
			if err != nil {
				return 1
			}
			kept = append(kept, c)
		case "datagram":
			c, err := net.ListenPacket("udp", "127.0.0.1:0")
			if err != nil {
				return 1
			}
			kept = append(kept, c)
		case "fork": // a child that is an actor too, or with "dead" one that nobody waits for
			cmd := exec.Command(os.Args[0])
			stdin, err := cmd.StdinPipe()
			if err != nil || cmd.Start() != nil {
				return 1
			}
			kept = append(kept, stdin)
			answer = strconv.Itoa(cmd.Process.Pid)
			if arg == "dead" {
				_ = cmd.Process.Kill()
			}
			if arg == "proud" { // it has a child of its own
				fmt.Fprintln(stdin, "fork")
			}
		case "threads":
			for range n {
				started := make(chan struct{})
				go func() { // ends with the process: its thread is its own
					runtime.LockOSThread()
					close(started)
					select {}
				}()
				<-started
			}
		}
		if _, err := fmt.Fprintln(out, answer); err != nil {
			return 1
		}
	}
	return 0
}

func cpuTime() time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// subject is an actor in a process of its own.
type subject struct {
	t   testing.TB
	cmd *exec.Cmd
	in  io.WriteCloser
	out *bufio.Reader
}

// newSubject starts an actor, perhaps in a namespace of its own.
func newSubject(t testing.TB, namespaces ...uintptr) *subject {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(exe)
	cmd.Env = append(os.Environ(), roleVariable+"=1", "GOMAXPROCS=2")
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
	for _, flag := range namespaces {
		if os.Getuid() != 0 {
			t.Skip("a namespace of its own takes root")
		}
		cmd.SysProcAttr.Cloneflags |= flag
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
	s := &subject{t: t, cmd: cmd, in: in, out: bufio.NewReader(out)}
	t.Cleanup(s.kill)
	s.say("hello")
	return s
}

func (s *subject) pid() int { return s.cmd.Process.Pid }

// kill ends it with its whole group, which may be stopped.
func (s *subject) kill() {
	if s.cmd.ProcessState != nil {
		return
	}
	_ = syscall.Kill(-s.pid(), syscall.SIGKILL)
	_ = s.cmd.Wait()
}

// say has it do something and gives its answer.
func (s *subject) say(words string) string {
	s.t.Helper()
	if _, err := fmt.Fprintln(s.in, words); err != nil {
		s.t.Fatal(err)
	}
	answer, err := s.out.ReadString('\n')
	if err != nil {
		s.t.Fatalf("%s: %v", words, err)
	}
	return strings.TrimSpace(answer)
}

// stop freezes it and waits until it is.
func (s *subject) stop() {
	s.t.Helper()
	if err := syscall.Kill(s.pid(), syscall.SIGSTOP); err != nil {
		s.t.Fatal(err)
	}
	var status syscall.WaitStatus
	if _, err := syscall.Wait4(s.pid(), &status, syscall.WUNTRACED, nil); err != nil || !status.Stopped() {
		s.t.Fatalf("not stopped: %v %v", status, err)
	}
}

func (s *subject) resume() {
	s.t.Helper()
	if err := syscall.Kill(s.pid(), syscall.SIGCONT); err != nil {
		s.t.Fatal(err)
	}
}

func newSampler(t testing.TB, change ...func(*Options)) *Sampler {
	t.Helper()
	o := DefaultOptions()
	o.MapsPatience = patience
	for _, c := range change {
		c(&o)
	}
	s, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// eventually ticks until it holds; the machine may be busy.
func eventually(t testing.TB, s *Sampler, tree *Tree, what string, holds func([]*Process) bool) []*Process {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	timeout := time.After(patience)
	for {
		s.Tick(tree)
		if holds(tree.Processes()) {
			return tree.Processes()
		}
		select {
		case <-tick.C:
		case <-timeout:
			t.Fatalf("%s: not within %v; processes %v, err %v", what, patience, pids(tree), tree.Err())
		}
	}
}

func pids(tree *Tree) []int32 {
	var all []int32
	for _, p := range tree.Processes() {
		all = append(all, p.PID)
	}
	return all
}

func scratch(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "zms-sample-") // t.TempDir's path may be too long for a socket
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return filepath.Join(dir, "s")
}
