package main

import (
	"bytes"
	"context"
	"flag"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	"go.uber.org/goleak"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// leakChecked looks for goroutines left over when all tests have passed.
type leakChecked struct{ m *testing.M }

func (l leakChecked) Run() int {
	code := l.m.Run()
	if code == 0 {
		if err := goleak.Find(); err != nil {
			os.Stderr.WriteString(err.Error() + "\n")
			return 1
		}
	}
	return code
}

func TestMain(m *testing.M) {
	time.Local = time.UTC // times in golden files
	testscript.Main(leakChecked{m}, map[string]func(){
		"conf_command": func() {
			ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
			code := run(ctx, os.Args[1:], realWorld())
			stop()
			os.Exit(code)
		},
	})
}

func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		Setup: func(e *testscript.Env) error {
			file, err := os.ReadFile("testdata/Context-Trio.xml")
			if err != nil {
				return err
			}
			return os.WriteFile(filepath.Join(e.WorkDir, "trio.xml"), file, 0o600)
		},
	})
}

// shared is a buffer that a test reads while a run writes it.
type shared struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (s *shared) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.buf.Write(p)
}

func (s *shared) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.buf.String()
}

const (
	testRequest     = "11111111-2222-3333-4444-555555555555"
	testTransaction = "5HGAHZ3WPZUI71PACRPP"
)

// ran is what a run did.
type ran struct {
	code     int
	out, err string
}

// program runs the program in a world whose ids are known.
func program(t *testing.T, args ...string) ran {
	t.Helper()
	return programIn(t, t.Context(), args...)
}

func programIn(t *testing.T, ctx context.Context, args ...string) ran {
	t.Helper()
	var out, err shared
	code := run(ctx, args, testWorld(&out, &err))
	return ran{code, out.String(), err.String()}
}

func testWorld(out, err *shared) world {
	return world{
		out: out, err: err,
		requestID:   func() string { return testRequest },
		transaction: func() string { return testTransaction },
		now:         func() time.Time { return began.Add(time.Hour) },
	}
}

// expect checks a run's exit code, and that its streams say what they should.
func (r ran) expect(t *testing.T, code int, out, err string) {
	t.Helper()
	if r.code != code || !strings.Contains(r.out, out) || !strings.Contains(r.err, err) {
		t.Errorf("code %d, want %d\nstdout: %s\nwant:   %s\nstderr: %s\nwant:   %s", r.code, code, r.out, out, r.err, err)
	}
	if err == "" && r.err != "" {
		t.Errorf("stderr: %s\nwant none", r.err)
	}
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", "golden", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s differs; got\n%s\nwant\n%s", path, got, want)
	}
}
