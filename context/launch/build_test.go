package launch

import (
	"bufio"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// service writes a Go service that says word, then waits for the end of its
// stdin, and returns its folder.
func service(t *testing.T, root, word string) string {
	t.Helper()
	dir := filepath.Join(root, "services", "Echo")
	write(t, 0o644, "module example.org/echo\n\ngo 1.26\n", root, "go.mod")
	write(t, 0o644, `package main

import (
	"fmt"
	"io"
	"os"
)

func main() {
	fmt.Println("`+word+`")
	io.Copy(io.Discard, os.Stdin)
}
`, dir, "main.go")
	return dir
}

// run does what a plan says first.
func run(t *testing.T, b *Build) {
	t.Helper()
	cmd := exec.Command(b.Argv[0], b.Argv[1:]...)
	cmd.Dir, cmd.Env = b.Dir, b.Env
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %v\n%s", b.Argv, err, out)
	}
}

// started runs a service until it has spoken; what it said, and how to end it.
func started(t *testing.T, p *Plan) (word string, end func() error) {
	t.Helper()
	cmd := exec.Command(p.Path)
	cmd.Dir = p.Dir
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
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil && err != io.EOF {
		t.Fatal(err)
	}
	return strings.TrimSpace(line), func() error {
		in.Close()
		return cmd.Wait()
	}
}

func TestAGoServiceIsBuiltWhenMissingAndWhenStale(t *testing.T) {
	root := t.TempDir()
	dir := service(t, root, "one")
	r := &Resolver{Dir: root}
	resolve := func() *Plan {
		t.Helper()
		plan, err := r.Resolve(echo())
		if err != nil {
			t.Fatal(err)
		}
		if want := filepath.Join(dir, "Echo"); plan.Path != want || plan.Dir != dir {
			t.Fatalf("plan is %+v", plan)
		}
		return plan
	}

	plan := resolve()
	if plan.Build == nil || plan.Build.Why != "missing" || plan.Build.Output != plan.Path {
		t.Fatalf("build is %+v", plan.Build)
	}
	run(t, plan.Build)
	first := resolve()
	if first.Build != nil {
		t.Fatalf("a fresh service is built again: %+v", first.Build)
	}
	word, end := started(t, first)
	if word != "one" {
		t.Errorf("it says %q", word)
	}

	// A newer source, while the old build runs.
	service(t, root, "two")
	later := time.Now().Add(time.Second)
	if err := os.Chtimes(filepath.Join(dir, "main.go"), later, later); err != nil {
		t.Fatal(err)
	}
	plan = resolve()
	if plan.Build == nil || plan.Build.Why != "stale" {
		t.Fatalf("build is %+v", plan.Build)
	}
	run(t, plan.Build)
	word, endSecond := started(t, plan)
	if word != "two" {
		t.Errorf("it says %q", word)
	}
	for _, end := range []func() error{end, endSecond} {
		if err := end(); err != nil {
			t.Errorf("a running service was broken by the build: %v", err)
		}
	}
}

func TestABuildThatChangesNothingMakesTheServiceFresh(t *testing.T) {
	root := t.TempDir()
	dir := service(t, root, "one")
	plan, err := (&Resolver{Dir: root}).Resolve(echo())
	if err != nil {
		t.Fatal(err)
	}
	run(t, plan.Build)
	// The file is touched and not changed: go build has nothing to link.
	past, now := time.Now().Add(-time.Hour), time.Now()
	if err := os.Chtimes(plan.Path, past, past); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(filepath.Join(dir, "main.go"), now, now); err != nil {
		t.Fatal(err)
	}
	if stale, err := Stale(dir, plan.Path); err != nil || !stale {
		t.Fatalf("stale is %v, %v", stale, err)
	}
	run(t, plan.Build)
	if stale, err := Stale(dir, plan.Path); err != nil || stale {
		t.Errorf("after a build without a change stale is %v, %v", stale, err)
	}
}

func TestWithoutAGoCommandAStaleServiceRunsAsItIs(t *testing.T) {
	root := t.TempDir()
	dir := service(t, root, "one")
	none := &Resolver{Dir: root, Go: filepath.Join(root, "nogo")}
	if _, err := none.Resolve(echo()); err == nil || !strings.Contains(err.Error(), "nogo (not there)") {
		t.Errorf("error is %v", err)
	}
	exe := write(t, 0o755, script, dir, "Echo")
	past := time.Now().Add(-time.Hour)
	if err := os.Chtimes(exe, past, past); err != nil {
		t.Fatal(err)
	}
	plan, err := none.Resolve(echo())
	if err != nil {
		t.Fatal(err)
	}
	if plan.Build != nil || len(plan.Warnings) != 1 || !strings.Contains(plan.Warnings[0], "older than its sources") {
		t.Errorf("plan is %+v", plan)
	}
}

func TestABuildHasWhatTheGoCommandNeeds(t *testing.T) {
	env := buildEnviron([]string{"NOTIFY_SOCKET=/run/x", "GOFLAGS=-mod=mod"})
	for _, name := range []string{"HOME", "PATH"} {
		if value, _ := lookup(env, name); value == "" {
			t.Errorf("%s is not set", name)
		}
	}
	if value, _ := lookup(env, "GOFLAGS"); value != "-mod=mod" {
		t.Errorf("GOFLAGS is %q", value)
	}
	if _, found := lookup(env, "NOTIFY_SOCKET"); found {
		t.Error("NOTIFY_SOCKET is handed on")
	}
	env = buildEnviron([]string{"GOCACHE=/var/cache/go", "PATH=/bin"})
	if len(env) != 3 { // and GOWORK
		t.Errorf("environment is %q", env)
	}
}

func TestStale(t *testing.T) {
	root := t.TempDir()
	dir := filepath.Join(root, "Echo")
	built := time.Now()
	exe := write(t, 0o755, "", dir, "Echo")
	files := map[string]bool{ // is it one that counts
		"main.go": true, "deep/er/part.go": true, "main_test.go": true, "../go.mod": true, "../go.sum": true,
		"notes.txt": false, "testdata/x.go": false, ".cache/x.go": false, "_old/x.go": false, "vendor/v/v.go": false,
		"nested/go.mod": false, "nested/x.go": false, "../other/x.go": false, "../x.go": false,
	}
	past := built.Add(-time.Hour)
	for name := range files {
		file := write(t, 0o644, "", dir, name)
		if err := os.Chtimes(file, past, past); err != nil {
			t.Fatal(err)
		}
	}
	is := func(want bool, why string) {
		t.Helper()
		if got, err := Stale(dir, exe); err != nil || got != want {
			t.Errorf("%s: stale is %v, %v", why, got, err)
		}
	}
	is(false, "all older")
	for name, counts := range files {
		file, later := filepath.Join(dir, name), built.Add(time.Hour)
		if err := os.Chtimes(file, later, later); err != nil {
			t.Fatal(err)
		}
		is(counts, name+" is newer")
		if err := os.Chtimes(file, past, past); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Remove(exe); err != nil {
		t.Fatal(err)
	}
	is(true, "no executable")
	write(t, 0o755, "", dir, "Echo")
	if _, err := Stale(filepath.Join(root, "away"), exe); err == nil {
		t.Error("a folder that is not there is no error")
	}
}
