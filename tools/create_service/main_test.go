package main

import (
	"errors"
	"flag"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

var update = flag.Bool("update", false, "rewrite the golden parts of the scripts")

// TestMain lets the test binary be create_service: the scripts run it as a
// process of its own.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"create_service": main})
}

func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		UpdateScripts:       *update,
		RequireExplicitExec: true,
		Setup:               setup,
		Cmds:                map[string]func(*testscript.TestScript, bool, []string){"exits": exits},
		Condition: func(cond string) (bool, error) {
			if cond != "python" {
				return false, errors.New("unknown condition " + cond)
			}
			return havePython(t), nil
		},
	})
}

// setup gives the scripts the Go of this test: its module proxy and its caches,
// so that nothing is fetched twice, but no checkout of ours.
func setup(env *testscript.Env) error {
	for _, name := range []string{"GOPROXY", "GOFLAGS", "GOCACHE", "GOMODCACHE", "GONOSUMDB", "GONOSUMCHECK", "GOSUMDB", "GOROOT"} {
		value, err := exec.Command("go", "env", name).Output()
		if err != nil {
			return err
		}
		env.Setenv(name, strings.TrimSpace(string(value)))
	}
	return nil
}

// exits runs a program and compares its exit code: exits CODE PROGRAM ARGS…
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE PROGRAM ARGS…")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	err = ts.Exec(args[1], args[2:]...)
	got := 0
	var failed *exec.ExitError
	if errors.As(err, &failed) {
		got = failed.ExitCode()
	} else {
		ts.Check(err)
	}
	if got != want {
		ts.Fatalf("%s exits with %d, want %d", args[1], got, want)
	}
}

// havePython looks for Debian's interpreter; CI must have it.
func havePython(t *testing.T) bool {
	if _, err := os.Stat(defaultPython); err == nil {
		return true
	}
	if os.Getenv("CI") == "true" {
		t.Errorf("no %s (apt-get install python3)", defaultPython)
	}
	return false
}
