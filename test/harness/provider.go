package harness

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// Patience is how long anything may take that takes a blink on an idle machine.
const Patience = 60 * time.Second

// Provider is a service_context in a process of its own.
type Provider struct {
	File        string
	Publish     string // endpoint that publishers connect to
	Subscribe   string // endpoint that subscribers connect to
	PID, Keeper int
	Transaction string // of --start
	StateDir    string
	Socket      string // the control socket

	t       testing.TB
	cmd     *exec.Cmd
	runtime string
	log     *logbook
	ended   chan struct{} // closed when the process was waited for
	err     error         // set before ended is closed
}

// Start runs service_context with these flags on a file until it is ready. It is
// killed at the end of the test if it still runs then, and its log shown if the
// test has failed.
func Start(t testing.TB, file string, flags ...string) *Provider {
	t.Helper()
	// Not t.TempDir: a socket's path has 107 bytes, and a test's name may be long.
	runtime, err := os.MkdirTemp("", "zms-run-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(runtime) })
	p := &Provider{
		File: file, StateDir: filepath.Join(filepath.Dir(file), "state"),
		t: t, runtime: runtime, log: newLogbook(), ended: make(chan struct{}),
	}
	args := append([]string{"--log_format=json", "--state_dir=" + p.StateDir, "--runtime_dir=" + runtime}, flags...)
	p.cmd = exec.Command(Tool(t, "service_context"), append(args, file)...)
	// A test binary that is killed for its timeout runs no Cleanup.
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM}
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	stderr, err := p.cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	p.PID = p.cmd.Process.Pid
	transaction := make(chan string, 1) // one line comes
	var readers sync.WaitGroup
	readers.Go(func() { // ends with the provider's stdout
		line, _ := bufio.NewReader(out).ReadString('\n')
		transaction <- strings.TrimSpace(strings.TrimPrefix(line, "transaction "))
	})
	readers.Go(func() { p.log.read(stderr) }) // ends with its stderr
	go func() {                               // ends with the provider
		readers.Wait()
		p.err = p.cmd.Wait()
		close(p.ended)
	}()
	t.Cleanup(p.kill)
	ready := p.await("provider is ready")
	p.Publish, _ = ready["publish"].(string)
	p.Subscribe, _ = ready["subscribe"].(string)
	p.Socket, _ = ready["control"].(string)
	if keeper, ok := ready["keeper"].(float64); ok {
		p.Keeper = int(keeper)
	}
	if strings.Contains(strings.Join(flags, " "), "--start") {
		select {
		case p.Transaction = <-transaction:
		case <-time.After(Patience):
			t.Fatal("the provider named no transaction")
		}
	}
	return p
}

// Await gives the first log line with this message, whether it came already or comes; it
// can be asked for once.
func (p *Provider) Await(message string) map[string]any {
	p.t.Helper()
	return p.await(message)
}

// await gives the first log line with this message.
func (p *Provider) await(message string) map[string]any {
	p.t.Helper()
	select {
	case line := <-p.log.first(message):
		return line
	case <-p.ended:
		p.t.Fatalf("provider has ended: %v\n%s", p.err, p.log.tail())
	case <-time.After(Patience):
		p.t.Fatalf("provider did not say %q within %v\n%s", message, Patience, p.log.tail())
	}
	return nil
}

// Logged counts the log lines with this message.
func (p *Provider) Logged(message string) int { return p.log.count(message) }

// Stop asks the provider to end and waits until it has, with code 0 and with
// nothing left: neither the keeper nor any service.
func (p *Provider) Stop() {
	p.t.Helper()
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		p.t.Fatalf("stop provider: %v", err)
	}
	p.Wait()
}

// Wait waits for the provider's end and looks for what it should have taken along.
func (p *Provider) Wait() {
	p.t.Helper()
	select {
	case <-p.ended:
	case <-time.After(Patience):
		p.t.Fatalf("provider has not ended within %v\n%s", Patience, p.log.tail())
	}
	if p.err != nil {
		p.t.Errorf("provider ended with %v\n%s", p.err, p.log.tail())
	}
	if Alive(p.Keeper) {
		p.t.Errorf("keeper %d outlived its provider", p.Keeper)
	}
	if p.Transaction == "" {
		return
	}
	if left := Left(p.t, p.Transaction); len(left) > 0 {
		p.t.Errorf("%d processes are left: %v", len(left), left)
	}
}

// Running says that the provider has not ended.
func (p *Provider) Running() bool {
	select {
	case <-p.ended:
		return false
	default:
		return true
	}
}

func (p *Provider) kill() {
	if p.Running() {
		_ = p.cmd.Process.Signal(syscall.SIGTERM)
		select {
		case <-p.ended:
		case <-time.After(Patience):
			_ = p.cmd.Process.Kill()
			<-p.ended
		}
	}
	if p.t.Failed() {
		p.t.Logf("provider's log:\n%s", p.log.tail())
	}
}

// Result is how a tool has ended.
type Result struct {
	Code           int
	Stdout, Stderr string
	Took, CPU      time.Duration // wall clock; user and system time of the process
}

// Command runs conf_command against this provider.
func (p *Provider) Command(args ...string) Result {
	p.t.Helper()
	return Run(p.t, []string{"ZMS_RUNTIME_DIR=" + p.runtime}, "conf_command", args...)
}

// Run runs a tool to its end, with more environment.
func Run(t testing.TB, env []string, tool string, args ...string) Result {
	t.Helper()
	cmd := exec.Command(Tool(t, tool), args...)
	cmd.Env = append(os.Environ(), env...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	began := time.Now()
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatalf("run %s: %v", tool, err)
	}
	s := cmd.ProcessState
	return Result{
		Code: s.ExitCode(), Stdout: stdout.String(), Stderr: stderr.String(),
		Took: time.Since(began), CPU: s.UserTime() + s.SystemTime(),
	}
}

// logbook keeps the log of a provider.
type logbook struct {
	mu     sync.Mutex // guards all below
	last   []string   // bounded
	counts map[string]int
	waits  map[string]chan map[string]any // capacity 1: the first line with that message
}

func newLogbook() *logbook {
	return &logbook{counts: map[string]int{}, waits: map[string]chan map[string]any{}}
}

// tailLines is how much of a log is shown when a test fails.
const tailLines = 25

func (l *logbook) read(r io.Reader) {
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var line map[string]any
		message := ""
		if json.Unmarshal(lines.Bytes(), &line) == nil {
			message, _ = line["msg"].(string)
		}
		l.mu.Lock()
		if l.last = append(l.last, lines.Text()); len(l.last) > 2*tailLines {
			l.last = append(l.last[:0], l.last[tailLines:]...)
		}
		if l.counts[message]++; l.counts[message] == 1 && message != "" {
			l.wait(message) <- line
		}
		l.mu.Unlock()
	}
	_, _ = io.Copy(io.Discard, r) // a line beyond all bounds must not stop the provider
}

func (l *logbook) wait(message string) chan map[string]any {
	if l.waits[message] == nil {
		l.waits[message] = make(chan map[string]any, 1)
	}
	return l.waits[message]
}

func (l *logbook) first(message string) <-chan map[string]any {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.wait(message)
}

func (l *logbook) count(message string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.counts[message]
}

func (l *logbook) tail() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Join(l.last[max(0, len(l.last)-tailLines):], "\n")
}
