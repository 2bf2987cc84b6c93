package launch

import (
	"fmt"
	"os"
	"os/user"
	"path/filepath"
)

// goHome is where Go's own archives are unpacked; a daemon's PATH lacks it.
const goHome = "/usr/local/go/bin/go"

// built plans a Go service: its executable, renewed first if it is older than
// its sources.
func (r *Resolver) built(dir, exe, instance string) (*Plan, error) {
	plan := &Plan{Path: exe, Argv: []string{exe}, Dir: dir}
	missing := unrunnable(exe) != ""
	stale, err := Stale(dir, exe)
	if err != nil {
		return nil, fmt.Errorf("compare executable with sources: %w", err)
	}
	if !missing && !stale {
		return plan, nil
	}
	command, tried := r.goCommand()
	switch {
	case command == "" && !missing:
		// Yesterday's build serves better than none: the machine that runs a
		// service need not have a compiler.
		plan.Warnings = append(plan.Warnings, fmt.Sprintf(
			"%s is older than its sources and there is no go command to build it: run as it is", exe))
		return plan, nil
	case command == "":
		return nil, &NotFoundError{
			Instance: instance,
			Tried:    append([]string{exe + unrunnable(exe)}, tried...),
			Help:     "install Go, or build it elsewhere with `create_service build " + dir + "`",
		}
	}
	plan.Build = &Build{
		// No version control stamp: it would be another binary after every
		// commit, and git refuses a checkout that another user owns.
		Argv:   []string{command, "build", "-buildvcs=false", "-o", exe, "."},
		Dir:    dir,
		Env:    buildEnviron(r.environ()),
		Why:    "stale",
		Output: exe,
	}
	if missing {
		plan.Build.Why = "missing"
	}
	return plan, nil
}

// goCommand finds the go command; "" and where it was looked for if there is none.
func (r *Resolver) goCommand() (path string, tried []string) {
	candidates := []string{r.Go}
	if r.Go == "" {
		path, _ := lookup(r.environ(), "PATH")
		candidates = nil
		for _, dir := range filepath.SplitList(path) {
			if filepath.IsAbs(dir) {
				candidates = append(candidates, filepath.Join(dir, "go"))
			}
		}
		candidates = append(candidates, goHome)
	}
	for _, path := range candidates {
		remark := unrunnable(path)
		if remark == "" {
			return path, nil
		}
		tried = append(tried, path+remark)
	}
	return "", tried
}

// buildEnviron is base with what the go command cannot do without. A daemon
// often has neither HOME nor PATH: the one holds the build cache, the other
// the C compiler.
func buildEnviron(base []string) []string {
	// A workspace above the folder does not count, as for create_service build:
	// a service belongs to its own module.
	env := set(inherited(base), "GOWORK", "off")
	if path, found := lookup(env, "PATH"); !found || path == "" {
		env = set(env, "PATH", defaultPath)
	}
	for _, name := range []string{"GOCACHE", "XDG_CACHE_HOME", "HOME"} {
		if value, _ := lookup(env, name); value != "" {
			return env
		}
	}
	home := os.TempDir()
	if u, err := user.Current(); err == nil && u.HomeDir != "" {
		home = u.HomeDir
	}
	return set(env, "HOME", home)
}
