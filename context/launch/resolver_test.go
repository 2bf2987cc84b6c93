package launch

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"zmicroservices/conf"
)

// write makes a file and its folders and returns its path.
func write(t *testing.T, mode os.FileMode, text string, path ...string) string {
	t.Helper()
	file := filepath.Join(path...)
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), mode); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(file, mode); err != nil { // past the umask
		t.Fatal(err)
	}
	return file
}

// echo is a task service at location services, below the Context file.
func echo() *conf.Task {
	return &conf.Task{ID: "ts001", Instance: "Echo", ServiceType: "Process", Location: "services"}
}

const script = "#!/bin/sh\nexit 0\n"

func TestResolutionTakesTheFirstThatIsThere(t *testing.T) {
	for name, c := range map[string]struct {
		files   map[string]os.FileMode // below services/
		task    func(*conf.Task)
		bundled string
		path    string // below the Context file's folder unless absolute
		argv    []string
		dir     string
	}{
		"a command before everything": {
			files:   map[string]os.FileMode{"Echo/Echo": 0o755},
			task:    func(t *conf.Task) { t.Process.Command = []string{"sh", "-c", "exit 0"} },
			bundled: "Echo",
			path:    "/bin/sh", argv: []string{"sh", "-c", "exit 0"}, dir: ".",
		},
		"a bundled task before a folder": {
			files:   map[string]os.FileMode{"Echo/Echo": 0o755},
			bundled: "Echo",
			path:    "/usr/lib/zms", argv: []string{"/usr/lib/zms", "task", "Echo"}, dir: ".",
		},
		"the executable before main.py": {
			files: map[string]os.FileMode{"Echo/Echo": 0o755, "Echo/main.py": 0o644},
			path:  "services/Echo/Echo", dir: "services/Echo",
		},
		"main.py when the executable is not executable": {
			files: map[string]os.FileMode{"Echo/Echo": 0o644, "Echo/main.py": 0o644},
			path:  "/bin/sh", argv: []string{"/bin/sh", "services/Echo/main.py"}, dir: "services/Echo",
		},
		"the folder as written before lower case": {
			files: map[string]os.FileMode{"echo/echo": 0o755, "Echo/Echo": 0o755},
			path:  "services/Echo/Echo", dir: "services/Echo",
		},
		"the folder in lower case": {
			files: map[string]os.FileMode{"echo/echo": 0o755},
			path:  "services/echo/echo", dir: "services/echo",
		},
		"the folder in lower case with an executable as written": {
			files: map[string]os.FileMode{"echo/Echo": 0o755},
			path:  "services/echo/Echo", dir: "services/echo",
		},
		"the folder in lower case when the other is empty": {
			files: map[string]os.FileMode{"Echo/README": 0o644, "echo/main.py": 0o644},
			path:  "/bin/sh", argv: []string{"/bin/sh", "services/echo/main.py"}, dir: "services/echo",
		},
		"a directory of one's own": {
			files: map[string]os.FileMode{"Echo/Echo": 0o755, "../data/keep": 0o644},
			task:  func(t *conf.Task) { t.Process.Directory = "data" },
			path:  "services/Echo/Echo", dir: "data",
		},
	} {
		t.Run(name, func(t *testing.T) {
			root := t.TempDir()
			for file, mode := range c.files {
				write(t, mode, script, root, "services", file)
			}
			below := func(path string) string {
				if strings.HasPrefix(path, "services/") || path == "data" || path == "." {
					return filepath.Join(root, path)
				}
				return path
			}
			task := echo()
			if c.task != nil {
				c.task(task)
			}
			r := &Resolver{
				Dir: root, Exe: "/usr/lib/zms", Environ: []string{"PATH=/bin"},
				Bundled: func(name string) bool { return name == c.bundled },
			}
			plan, err := r.Resolve(task)
			if err != nil {
				t.Fatal(err)
			}
			want := &Plan{Path: below(c.path), Argv: []string{below(c.path)}, Dir: below(c.dir)}
			if c.argv != nil {
				want.Argv = nil
				for _, arg := range c.argv {
					want.Argv = append(want.Argv, below(arg))
				}
			}
			if diff := cmp.Diff(want, plan); diff != "" {
				t.Errorf("plan (-want +got):\n%s", diff)
			}
		})
	}
}

func TestARelativeCommandStartsAtTheContextFile(t *testing.T) {
	root := t.TempDir()
	exe := write(t, 0o755, script, root, "bin", "echo")
	task := echo()
	task.Process.Command = []string{"bin/echo", "hello"}
	plan, err := (&Resolver{Dir: root}).Resolve(task)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(&Plan{Path: exe, Argv: []string{"bin/echo", "hello"}, Dir: root}, plan); diff != "" {
		t.Errorf("plan (-want +got):\n%s", diff)
	}
}

func TestACommandIsLookedUpInThePathOfTheChild(t *testing.T) {
	root := t.TempDir()
	for _, dir := range []string{"inherited", "own", "fromfile"} {
		write(t, 0o755, script, root, dir, "echo")
	}
	file := write(t, 0o644, "PATH="+filepath.Join(root, "fromfile")+"\n", root, "vars")
	r := &Resolver{Dir: root, Environ: []string{"PATH=relative:" + filepath.Join(root, "inherited")}}
	for want, env := range map[string][]conf.Env{
		"inherited": nil,
		"own":       {{Name: "PATH", Value: filepath.Join(root, "own")}},
		"fromfile":  {{File: file}},
	} {
		task := echo()
		task.Process.Command, task.Process.Env = []string{"echo"}, env
		plan, err := r.Resolve(task)
		if err != nil {
			t.Fatal(err)
		}
		if want := filepath.Join(root, want, "echo"); plan.Path != want {
			t.Errorf("path is %s, want %s", plan.Path, want)
		}
	}
}

func TestWhatIsNotFoundSaysWhereAndWhatHelps(t *testing.T) {
	root := t.TempDir()
	write(t, 0o644, script, root, "plain")
	write(t, 0o644, "", root, "old", "Echo", "ServiceEcho.py")
	for name, c := range map[string]struct {
		task func(*conf.Task)
		says []string
	}{
		"nothing in the location": {
			func(*conf.Task) {},
			[]string{
				"Echo", root + "/services/Echo/Echo", root + "/services/Echo/main.go", root + "/services/Echo/main.py",
				root + "/services/echo/echo", root + "/services/echo/main.go", "create_service --service_path=" + root + " --task_service=Echo",
			},
		},
		"a service of the original": {
			func(t *conf.Task) { t.Location = "old" },
			[]string{"ServiceEcho.py but no main.py", "create_service --task_lang=python"},
		},
		"no location":           {func(t *conf.Task) { t.Location = "" }, []string{"bundled task Echo", "<location>"}},
		"a command nowhere":     {func(t *conf.Task) { t.Process.Command = []string{"sing"} }, []string{"/nowhere/sing", "install sing"}},
		"a command path":        {func(t *conf.Task) { t.Process.Command = []string{"./sing"} }, []string{root + "/sing (not there)", "<command>"}},
		"a command not allowed": {func(t *conf.Task) { t.Process.Command = []string{"./plain"} }, []string{"not executable", "chmod +x " + root + "/plain"}},
		"a command that is a folder": {
			func(t *conf.Task) { t.Process.Command = []string{root} }, []string{root + " (a folder)"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			task := echo()
			c.task(task)
			_, err := (&Resolver{Dir: root, Environ: []string{"PATH=/nowhere"}}).Resolve(task)
			var missing *NotFoundError
			if !errors.As(err, &missing) {
				t.Fatalf("error is %v, want a *NotFoundError", err)
			}
			for _, want := range c.says {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("error does not say %q: %v", want, err)
				}
			}
		})
	}
}

func TestAnInstanceCannotLeaveItsLocation(t *testing.T) {
	for _, instance := range []string{"", ".", "..", "../Echo", "a/b", "/bin/sh", "a\x00"} {
		task := echo()
		task.Instance = instance
		if plan, err := (&Resolver{Dir: "/"}).Resolve(task); err == nil {
			t.Errorf("instance %q gave %v", instance, plan)
		}
	}
}

func TestADirectoryThatIsNotThereIsNamed(t *testing.T) {
	task := echo()
	task.Process.Command, task.Process.Directory = []string{"/bin/sh"}, "away"
	dir := t.TempDir()
	_, err := (&Resolver{Dir: dir}).Resolve(task)
	if err == nil || !strings.Contains(err.Error(), filepath.Join(dir, "away")) {
		t.Errorf("error is %v", err)
	}
}

func TestAThreadThatIsNotBundledRunsAsAProcessWithOneWarning(t *testing.T) {
	root := t.TempDir()
	write(t, 0o755, script, root, "services", "Echo", "Echo")
	for _, command := range [][]string{nil, {"/bin/sh"}} {
		task := echo()
		task.ServiceType, task.Process.Command = "Thread", command
		plan, err := (&Resolver{Dir: root}).Resolve(task)
		if err != nil {
			t.Fatal(err)
		}
		if len(plan.Warnings) != 1 || !strings.Contains(plan.Warnings[0], "runs as a process") {
			t.Errorf("warnings are %q", plan.Warnings)
		}
	}
	task := echo()
	task.ServiceType = "Thread"
	plan, err := (&Resolver{Dir: root, Exe: "/bin/sh", Bundled: func(string) bool { return true }}).Resolve(task)
	if err != nil {
		t.Fatal(err)
	}
	if len(plan.Warnings) != 0 {
		t.Errorf("a bundled Thread warns: %q", plan.Warnings)
	}
}

func TestTheFirstLineOfMainPyNamesItsInterpreter(t *testing.T) {
	for name, c := range map[string]struct {
		text string
		argv []string // without the script
	}{
		"none":                {"import sys\n", []string{"/bin/true"}},
		"empty file":          {"", []string{"/bin/true"}},
		"bare":                {"#!/bin/sh\n", []string{"/bin/sh"}},
		"blank before it":     {"#!  /bin/sh\n", []string{"/bin/sh"}},
		"one argument":        {"#!/usr/bin/env python3\n", []string{"/usr/bin/env", "python3"}},
		"an argument of two":  {"#!/bin/sh -e -u \n", []string{"/bin/sh", "-e -u"}},
		"a carriage return":   {"#!/bin/sh\r\nimport sys\r\n", []string{"/bin/sh"}},
		"no end of line":      {"#!/bin/sh", []string{"/bin/sh"}},
		"nothing after it":    {"#!\nimport sys\n", []string{"/bin/true"}},
		"not on the 1st line": {"\n#!/bin/sh\n", []string{"/bin/true"}},
	} {
		t.Run(name, func(t *testing.T) {
			root := t.TempDir()
			main := write(t, 0o644, c.text, root, "services", "Echo", "main.py")
			plan, err := (&Resolver{Dir: root, Python: "/bin/true"}).Resolve(echo())
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(append(c.argv, main), plan.Argv); diff != "" {
				t.Errorf("argv (-want +got):\n%s", diff)
			}
			if plan.Path != c.argv[0] {
				t.Errorf("path is %s", plan.Path)
			}
		})
	}
}

func TestAnInterpreterThatIsGoneIsNamed(t *testing.T) {
	root := t.TempDir()
	write(t, 0o755, "#!/opt/none/python2.7\n", root, "services", "Echo", "main.py")
	_, err := (&Resolver{Dir: root}).Resolve(echo())
	var missing *NotFoundError
	if !errors.As(err, &missing) || !strings.Contains(err.Error(), "/opt/none/python2.7 (not there)") {
		t.Errorf("error is %v", err)
	}
}
