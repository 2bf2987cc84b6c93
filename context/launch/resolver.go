package launch

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"zmicroservices/conf"
)

// Resolver turns task services into plans. The zero value works for absolute
// locations and no bundled tasks. It keeps nothing between calls and is safe
// for concurrent use.
type Resolver struct {
	// Dir is the folder of the Context file. Relative locations, commands and
	// directories start here.
	Dir string
	// Bundled tells the tasks that our own binary holds; nil: it holds none.
	Bundled func(instance string) bool
	// Exe is our own binary. A bundled task is run as Exe task INSTANCE.
	Exe string
	// Go is the path of the go command; "" looks in PATH and /usr/local/go/bin.
	Go string
	// Python runs a main.py without a #! line; "" is /usr/bin/python3.
	Python string
	// Environ is the environment that commands are looked up and builds are run
	// in; nil is our own.
	Environ []string
}

// Resolve finds what t is run as. The error is a *NotFoundError if there is
// nothing to run; any other names a value that cannot be right.
func (r *Resolver) Resolve(t *conf.Task) (*Plan, error) {
	plan, err := r.resolve(t)
	if err != nil {
		return nil, err
	}
	if t.Process.Directory != "" {
		plan.Dir = r.abs(t.Process.Directory)
	}
	// The kernel's own complaint about a folder that is not there reads as if
	// the executable were missing.
	if info, err := os.Stat(plan.Dir); err != nil {
		return nil, fmt.Errorf("enter directory of task %s: %w", t.ID, err)
	} else if !info.IsDir() {
		return nil, fmt.Errorf("enter directory of task %s: %s is no directory", t.ID, plan.Dir)
	}
	return plan, nil
}

func (r *Resolver) resolve(t *conf.Task) (*Plan, error) {
	if len(t.Process.Command) > 0 {
		return r.command(t)
	}
	if err := checkInstance(t.Instance); err != nil {
		return nil, err
	}
	if r.Bundled != nil && r.Bundled(t.Instance) {
		return &Plan{Path: r.abs(r.Exe), Argv: []string{r.Exe, "task", t.Instance}, Dir: r.abs("")}, nil
	}
	plan, err := r.located(t)
	if err != nil {
		return nil, err
	}
	return notBundled(plan, t), nil
}

// checkInstance keeps an instance within its location: it may come from a
// message.
func checkInstance(name string) error {
	if name == "" || name == "." || name == ".." || strings.ContainsAny(name, "/\x00") {
		return fmt.Errorf("find task service %q: the instance is the name of a folder, nothing else", name)
	}
	return nil
}

// notBundled warns of a Thread that cannot be one: a task that is not ours
// needs a process of its own to live in.
func notBundled(p *Plan, t *conf.Task) *Plan {
	if t.ServiceType == "Thread" {
		p.Warnings = append(p.Warnings, fmt.Sprintf(
			"task %s: serviceType Thread: %s is not bundled, it runs as a process", t.ID, t.Instance))
	}
	return p
}

// abs makes a path of the Context file absolute.
func (r *Resolver) abs(path string) string {
	if !filepath.IsAbs(path) {
		path = filepath.Join(r.Dir, path)
	}
	if abs, err := filepath.Abs(path); err == nil {
		return abs
	}
	return path // our working directory is gone; the spawn will say so
}

// environ is the environment that lookups and builds happen in.
func (r *Resolver) environ() []string {
	if r.Environ != nil {
		return r.Environ
	}
	return os.Environ()
}
