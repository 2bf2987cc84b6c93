package main

import (
	"bufio"
	"context"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

var update = flag.Bool("update", false, "rewrite golden files")

// asProgram makes the test binary the program.
const asProgram = "ZMS_TEST_SCHEDULER"

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		main()
	}
	os.Exit(m.Run())
}

func TestTheHelp(t *testing.T) {
	var out, err strings.Builder
	if code := run(t.Context(), []string{"--help"}, &out, &err); code != 0 || err.String() != "" {
		t.Errorf("code %d, %s", code, err.String())
	}
	path := filepath.Join("testdata", "root.help")
	if *update {
		if err := os.WriteFile(path, []byte(out.String()), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, fault := os.ReadFile(path)
	if fault != nil {
		t.Fatal(fault)
	}
	if out.String() != string(want) {
		t.Errorf("%s differs; got\n%s", path, out.String())
	}
}

// ending is a stdout on which the first word ends the program.
type ending struct {
	strings.Builder
	cancel func()
}

func (e *ending) Write(text []byte) (int, error) {
	e.cancel()
	return e.Builder.Write(text)
}

func TestHowItEnds(t *testing.T) {
	store := " --store " + filepath.Join(t.TempDir(), "s.db")
	for args, want := range map[string]struct {
		code     int
		out, err string
	}{
		"--version":                     {0, "scheduler version devel\n", ""},
		"--listen 127.0.0.1:0" + store:  {0, "listen 127.0.0.1:", ""},
		"--listen none" + store:         {0, "listen none\n", ""},
		"word":                          {2, "", "unknown command"},
		"--intervall 5s":                {2, "", "did you mean --interval?"},
		"--interval 1ms":                {2, "", "interval 1ms: it is from"},
		"--interval 0s":                 {2, "", "interval 0s"},
		"--interval x":                  {2, "", "invalid argument"},
		"--jitter 50s":                  {2, "", "jitter 50s"},
		"--peer a/b --producer 0.0.0.0": {2, "", "nobody can be called"},
		"--listen 0.0.0.0:0":            {2, "", "allow it with plain_http"},
		"--listen x":                    {2, "", "wanted is HOST:PORT"},
		"--cert x":                      {2, "", "belong together"},
		"--secret_file /nonexistent":    {2, "", "error: --secret_file: open /nonexistent: no such file"},
		"--store mysql://x":             {2, "", "begins with redis://"},
		"--log_level loud":              {2, "", "none of debug"},
		"--log_format xml":              {2, "", "neither text nor json"},
		"--store /nonexistent/s.db":     {1, "", "open store"},
		"__complete --log_level ":       {0, "debug\ninfo\nwarn\nerror\n", ""},
		"completion bash":               {0, "bash completion V2 for scheduler", ""},
	} {
		ctx, cancel := context.WithCancel(t.Context())
		out, err := ending{cancel: cancel}, strings.Builder{}
		words := strings.Fields(args)
		if strings.HasPrefix(args, "__complete") {
			words = append(words, "")
		}
		code := run(ctx, words, &out, &err)
		cancel()
		if code != want.code || !strings.Contains(out.String(), want.out) || !strings.Contains(err.String(), want.err) {
			t.Errorf("%q: code %d\nstdout: %s\nstderr: %s", args, code, out.String(), err.String())
		}
	}
}

// program starts the program and gives where it listens.
func program(t *testing.T, args ...string) (cmd *exec.Cmd, at string) {
	t.Helper()
	cmd = exec.CommandContext(t.Context(), "/proc/self/exe", append([]string{"--listen", "127.0.0.1:0", "--store", filepath.Join(t.TempDir(), "s.db"), "--interval", "200ms"}, args...)...)
	cmd.Env = append(os.Environ(), asProgram+"=1")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	at, found := strings.CutPrefix(strings.TrimSpace(line), "listen ")
	if err != nil || !found {
		t.Fatalf("%q %v", line, err)
	}
	return cmd, at
}

func TestTwoProgramsFindEachOther(t *testing.T) {
	a, first := program(t)
	b, second := program(t, "--peer", first)
	for end := time.Now().Add(time.Minute); ; <-time.After(20 * time.Millisecond) {
		text := ""
		if response, err := http.Get("http://" + first + "/peers"); err == nil {
			body, _ := io.ReadAll(response.Body)
			response.Body.Close()
			text = string(body)
		}
		if strings.Contains(text, fmt.Sprintf("%q", second)) && strings.Contains(text, `"available"`) {
			break
		}
		if time.Now().After(end) {
			t.Fatalf("%s knows %s", first, text)
		}
	}
	for _, cmd := range []*exec.Cmd{a, b} {
		if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
		if err := cmd.Wait(); err != nil {
			t.Errorf("after SIGTERM: %v", err)
		}
	}
}

func TestAPortInUse(t *testing.T) {
	_, at := program(t)
	var out, err strings.Builder
	if code := run(t.Context(), []string{"--listen", at, "--store", "memory"}, &out, &err); code != 1 || !strings.Contains(err.String(), "address already in use") {
		t.Errorf("code %d: %s", code, err.String())
	}
}
