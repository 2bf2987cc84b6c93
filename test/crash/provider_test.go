package crash

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"zmicroservices/context/command"
	"zmicroservices/test/harness"
)

// bench is a context whose providers come and go.
type bench struct {
	t            *testing.T
	file, state  string
	runtime, log string
	front, back  string // endpoints of the file: where to subscribe, where to publish
	transaction  string
	flags        []string // more of service_context's
	env          []string // more of its environment
	program      string   // "" is service_context as it is
	cmd          *exec.Cmd
	ended        chan struct{} // closed when cmd was waited for
	err          error         // how it ended, set before
	client       *command.Client
}

// newBench writes a context of so many services with this <Process>.
func newBench(t *testing.T, n int, process string, flags ...string) *bench {
	t.Helper()
	dir := t.TempDir()
	runtime, err := os.MkdirTemp("", "zms-run-") // short: a socket's path has 107 bytes
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(runtime) })
	b := &bench{
		t: t, file: filepath.Join(dir, "Context.xml"), state: filepath.Join(dir, "state"),
		flags: flags, runtime: runtime, log: filepath.Join(dir, "provider.log"), transaction: fmt.Sprintf("CRASH%d", os.Getpid()),
	}
	b.front, b.back = "ipc://"+runtime+"/b", "ipc://"+runtime+"/f"
	var x strings.Builder
	fmt.Fprintf(&x, `<Context>
  <FrontEndEndpoint>ipc://%[1]s/b</FrontEndEndpoint> <BackendEndpoint>ipc://%[1]s/f</BackendEndpoint>
  <FrontBind>ipc://%[1]s/f</FrontBind> <BackendBind>ipc://%[1]s/b</BackendBind>
  <ContextID>crash</ContextID> <TaskLogName>Crash</TaskLogName>
`, runtime)
	for id := range n {
		fmt.Fprintf(&x, `  <TaskService id="ts%03d" topic="process" instance="Churn" serviceType="Process">
    %s
    <Task><message><header><service_name>churn</service_name></header><content><configuration/></content></message>
    <state type="on_start"/></Task>
  </TaskService>
`, id, process)
	}
	x.WriteString("</Context>\n")
	if err := os.WriteFile(b.file, []byte(x.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if b.cmd != nil {
			b.stop()
		}
		if t.Failed() {
			text, _ := os.ReadFile(b.log)
			t.Logf("the end of the provider's log:\n%s", text[max(0, len(text)-20_000):])
		}
	})
	return b
}

// start runs a provider until it answers.
func (b *bench) start() {
	b.t.Helper()
	b.launch()
	b.meet()
}

// launch begins a provider. Its log goes to a file: the keeper, which lives on, has it
// too.
func (b *bench) launch() {
	b.t.Helper()
	log, err := os.OpenFile(b.log, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		b.t.Fatal(err)
	}
	defer log.Close()
	args := append([]string{"--start=" + b.transaction, "--state_dir=" + b.state, "--runtime_dir=" + b.runtime}, b.flags...)
	if b.program == "" {
		b.program = harness.Tool(b.t, "service_context")
	}
	b.cmd = exec.Command(b.program, append(args, b.file)...)
	b.cmd.Stderr, b.cmd.Env = log, append(os.Environ(), b.env...)
	if err := b.cmd.Start(); err != nil {
		b.t.Fatal(err)
	}
	cmd, ended := b.cmd, make(chan struct{})
	b.ended = ended
	go func() { // ends with the provider
		b.err = cmd.Wait()
		close(ended)
	}()
}

// meet connects to the provider that answers.
func (b *bench) meet() {
	b.t.Helper()
	socket := command.SocketPath(b.runtime, "crash", b.front, b.back)
	await(b.t, "the provider to answer", func() bool {
		var err error
		b.client, err = command.Dial(context.Background(), socket)
		return err == nil
	})
}

// kill ends the provider as a crash would, unless it has ended.
func (b *bench) kill() {
	b.t.Helper()
	if b.client != nil {
		_ = b.client.Close()
	}
	_ = b.cmd.Process.Kill()
	<-b.ended
}

// stop ends everything in order.
func (b *bench) stop() {
	b.t.Helper()
	if b.client != nil {
		_ = b.client.Close()
	}
	_ = b.cmd.Process.Signal(syscall.SIGTERM) // who has ended has said how
	if <-b.ended; b.err != nil {
		b.t.Errorf("the provider ended with %v", b.err)
	}
	b.cmd = nil
}

// dead says that the provider has ended.
func (b *bench) dead() bool {
	select {
	case <-b.ended:
		return true
	default:
		return false
	}
}

// await waits for something that nobody tells.
func await(t *testing.T, what string, there func() bool) {
	t.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(harness.Patience)
	for !there() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("waited in vain for %s", what)
		}
	}
}
