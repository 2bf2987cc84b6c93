package lifeview

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"zmicroservices/context/forwarder"
	"zmicroservices/tools/internal/exit"
	"zmicroservices/tools/internal/flags"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience of a test: only a fault ever takes it.
const patience = 20 * time.Second

// startBus is our own forwarder, and where it is.
func startBus(t *testing.T, s *forwarder.Security) (frontend, backend string) {
	t.Helper()
	f, err := forwarder.New(forwarder.Options{
		FrontBind: []string{"tcp://127.0.0.1:0"}, BackendBind: []string{"tcp://127.0.0.1:0"},
		Security: s, Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)        // sent by Run's end, once
	go func() { done <- f.Run(ctx) }() // ends with cancel
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return f.Back()[0], f.Front()[0] // subscribers connect to its back
}

// publish has libzmq publish frames.
func publish(t *testing.T, backend string, frames ...string) {
	t.Helper()
	const python = "/usr/bin/python3"
	if err := exec.Command(python, "-c", "import zmq").Run(); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("no pyzmq: %v", err)
		}
		t.Skip("no pyzmq; apt-get install python3-zmq")
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, python, "testdata/publish.py", backend)
	cmd.Stdin = strings.NewReader(strings.Join(frames, "\n") + "\n")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("publish: %v: %s", err, out)
	}
}

// contextFile is a Context file that knows the bus and no tasks.
func contextFile(t *testing.T, frontend, backend string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "Context-View.xml")
	text := fmt.Sprintf(`<?xml version="1.0"?>
<Context><FrontEndEndpoint>%s</FrontEndEndpoint><BackendEndpoint>%s</BackendEndpoint><ContextID>context001</ContextID></Context>`, frontend, backend)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// shared is a stream that is written and read at the same time.
type shared struct {
	mu   sync.Mutex // guards buf
	buf  bytes.Buffer
	news chan struct{} // a token at each write; capacity 1, never closed
}

func newShared() *shared { return &shared{news: make(chan struct{}, 1)} }

func (s *shared) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	select {
	case s.news <- struct{}{}:
	default:
	}
	return s.buf.Write(p)
}

func (s *shared) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.buf.String()
}

// await waits until the stream has said something.
func (s *shared) await(t *testing.T, what string) {
	t.Helper()
	for end := time.After(patience); !strings.Contains(s.String(), what); {
		select {
		case <-s.news:
		case <-end:
			t.Fatalf("did not say %q; said %q", what, s.String())
		}
	}
}

// viewing is a view that runs.
type viewing struct {
	t        *testing.T
	out, err *shared
	cancel   context.CancelFunc
	code     chan int // its exit code; capacity 1, sent once
}

// start runs view.
func start(t *testing.T, args ...string) *viewing {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	v := &viewing{t: t, out: newShared(), err: newShared(), cancel: cancel, code: make(chan int, 1)}
	cmd := New("lifecycle", v.out, v.err)
	cmd.SetGlobalNormalizationFunc(flags.Underscores)
	cmd.SilenceErrors, cmd.SilenceUsage = true, true
	cmd.SetArgs(append([]string{}, args...))
	cmd.SetOut(v.out)
	cmd.SetErr(v.err)
	go func() { // ends with cancel
		err := cmd.ExecuteContext(ctx)
		if err != nil {
			fmt.Fprintln(v.err, "error:", err)
		}
		v.code <- exit.Code(err)
	}()
	t.Cleanup(cancel)
	return v
}

// waiting is start, and misses nothing from when it returns.
func waiting(t *testing.T, args ...string) *viewing {
	t.Helper()
	v := start(t, args...)
	v.err.await(t, "Waiting for events from topic choria.lifecycle.event.> on tcp://127.0.0.1:")
	return v
}

// interrupt ends it, as ^C would.
func (v *viewing) interrupt() {
	v.t.Helper()
	v.cancel()
	v.ends(exit.CodeDone)
}

func (v *viewing) ends(want int) {
	v.t.Helper()
	select {
	case code := <-v.code:
		if code != want {
			v.t.Errorf("code %d, want %d: %s", code, want, v.err)
		}
	case <-time.After(patience):
		v.t.Fatal("does not end")
	}
}
