package harness

import (
	"bytes"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"time"
)

// Running is a tool that goes on until it is told to end.
type Running struct {
	p    *Provider
	cmd  *exec.Cmd
	done chan struct{} // closed when it was waited for

	mu   sync.Mutex // guards said
	said bytes.Buffer
}

// Begin runs conf_command against this provider, and does not wait for its end.
func (p *Provider) Begin(args ...string) *Running {
	p.t.Helper()
	r := &Running{p: p, cmd: exec.Command(Tool(p.t, "conf_command"), args...), done: make(chan struct{})}
	r.cmd.Env = append(os.Environ(), "ZMS_RUNTIME_DIR="+p.runtime)
	r.cmd.Stdout, r.cmd.Stderr = r, r
	if err := r.cmd.Start(); err != nil {
		p.t.Fatal(err)
	}
	go func() { // ends with the tool
		defer close(r.done)
		_ = r.cmd.Wait() // its code is asked for by Signal
	}()
	p.t.Cleanup(func() {
		_ = r.cmd.Process.Kill()
		<-r.done
	})
	return r
}

// Write takes what it says.
func (r *Running) Write(b []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.said.Write(b)
}

// Said is all that it has said.
func (r *Running) Said() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.said.String()
}

// Until waits until it has said something.
func (r *Running) Until(text string) {
	r.p.t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(Patience); !strings.Contains(r.Said(), text); <-tick.C {
		select {
		case <-r.done:
			if !strings.Contains(r.Said(), text) {
				r.p.t.Fatalf("it has ended and did not say %q: %s", text, r.Said())
			}
		default:
		}
		if time.Now().After(deadline) {
			r.p.t.Fatalf("it does not say %q: %s", text, r.Said())
		}
	}
}

// Signal sends a signal and gives the exit code of what follows.
func (r *Running) Signal(s syscall.Signal) int {
	r.p.t.Helper()
	if err := r.cmd.Process.Signal(s); err != nil {
		r.p.t.Fatal(err)
	}
	select {
	case <-r.done:
	case <-time.After(Patience):
		r.p.t.Fatalf("it does not end: %s", r.Said())
	}
	return r.cmd.ProcessState.ExitCode()
}
