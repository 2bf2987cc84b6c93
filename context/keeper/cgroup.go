package keeper

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
)

// Cgroup asks for a control group (cgroups(7), version 2) of the slot's own, made
// before its first instruction and removed after its last. What is in it belongs to the
// slot, whatever it does to its environment and its group, and is ended in one stroke.
// Without limits it is made where it can be had; with one that cannot be set the
// spawn fails. 0 is no limit.
type Cgroup struct {
	Memory int64   `json:"memory,omitempty"` // bytes, memory.max
	CPU    float64 `json:"cpu,omitempty"`    // percent of one processor, cpu.max
	PIDs   int     `json:"pids,omitempty"`   // processes and threads, pids.max
}

func (c *Cgroup) check() error {
	if c.Memory < 0 || c.CPU < 0 || c.PIDs < 0 {
		return fmt.Errorf("cgroup limits %+v: one is negative", *c)
	}
	return nil
}

// settings are the files to write, with the controller that each needs.
func (c *Cgroup) settings() (all []setting) {
	if c.Memory > 0 {
		all = append(all, setting{"memory", "memory.max", strconv.FormatInt(c.Memory, 10)})
	}
	if c.CPU > 0 {
		const period = 100_000 // microseconds, the kernel's default
		all = append(all, setting{"cpu", "cpu.max", fmt.Sprintf("%d %d", max(1000, int64(c.CPU*period/100)), period)})
	}
	if c.PIDs > 0 {
		all = append(all, setting{"pids", "pids.max", strconv.Itoa(c.PIDs)})
	}
	return all
}

type setting struct{ controller, file, value string }

// cgroups is the keeper's part of the tree of control groups. It is looked for when
// the first slot asks: most keepers never need it.
type cgroups struct {
	own  string // directory of our own group; "" is what /proc says
	name string // of home in it

	mu     sync.Mutex // guards what follows; held by a spawning thread
	looked bool
	home   string // below which slots have theirs; "" is none
	why    error  // it is none
}

func newCgroups(stateDir string) *cgroups {
	sum := sha256.Sum256([]byte(stateDir))
	return &cgroups{name: "zms-" + hex.EncodeToString(sum[:4])}
}

// make makes the group of a slot, and gives its directory, open. -1 without an error:
// it cannot be had, and no limit needs it.
func (g *cgroups) make(id ID, want *Cgroup) (dir string, fd int, err error) {
	limits := want.settings()
	g.mu.Lock()
	defer g.mu.Unlock()
	err = g.look()
	for _, l := range limits {
		if err == nil {
			err = g.enable(l.controller)
		}
		if err != nil {
			return "", -1, fmt.Errorf("limit %s: %w; run the provider in a unit with Delegate=yes (systemd.resource-control(5)), or drop this limit", l.controller, err)
		}
	}
	if err != nil {
		return "", -1, nil
	}
	dir = filepath.Join(g.home, cgroupName(id))
	if err = os.Mkdir(dir, 0o755); err == nil || errors.Is(err, os.ErrExist) {
		for _, l := range limits {
			if err = os.WriteFile(filepath.Join(dir, l.file), []byte(l.value), 0o644); err != nil {
				_ = os.Remove(dir)
				return "", -1, fmt.Errorf("limit %s: %w", l.controller, err)
			}
		}
		fd, err = syscall.Open(dir, syscall.O_RDONLY|syscall.O_DIRECTORY|syscall.O_CLOEXEC, 0)
	}
	switch {
	case err == nil:
		return dir, fd, nil
	case len(limits) > 0:
		return "", -1, fmt.Errorf("make cgroup: %w", err)
	}
	return "", -1, nil
}

// cgroupName is transaction.task.incarnation, which no slot has twice.
func cgroupName(id ID) string {
	name := fmt.Sprintf("%s.%s.%d", id.Transaction, id.Task, id.Incarnation)
	if id.Hook != "" {
		name += "." + id.Hook
	}
	return strings.ReplaceAll(name, "/", "_")
}

// place is our own group, as it was before we stepped aside; "" if nobody has looked.
func (g *cgroups) place() string {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.own
}

// look makes home, once. What a killed keeper left empty there is removed.
func (g *cgroups) look() error {
	if g.looked {
		return g.why
	}
	g.looked = true
	if g.why = g.locate(); g.why != nil {
		return g.why
	}
	home := filepath.Join(g.own, g.name)
	if err := os.Mkdir(home, 0o755); err != nil && !errors.Is(err, os.ErrExist) {
		g.why = fmt.Errorf("make cgroup: %w", err)
		return g.why
	}
	g.home = home
	left, _ := os.ReadDir(home)
	for _, entry := range left {
		if entry.IsDir() {
			_ = os.Remove(filepath.Join(home, entry.Name()))
		}
	}
	return nil
}

// locate finds our own group.
func (g *cgroups) locate() (err error) {
	if g.own == "" {
		mounts, _ := os.ReadFile("/proc/self/mountinfo")
		groups, _ := os.ReadFile("/proc/self/cgroup")
		g.own, err = ownCgroup(string(mounts), string(groups))
	}
	return err
}

// left is the group that a slot was given by the keeper before; "" is none, or one that
// it had elsewhere.
func (g *cgroups) left(id ID) string {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.locate() != nil {
		return ""
	}
	dir := filepath.Join(g.own, g.name, cgroupName(id))
	if _, err := os.Stat(dir); err != nil {
		return ""
	}
	return dir
}

// ownCgroup is where the group of version 2 that we are in is mounted.
func ownCgroup(mounts, groups string) (string, error) {
	path := ""
	for line := range strings.Lines(groups) {
		if p, ok := strings.CutPrefix(strings.TrimSpace(line), "0::"); ok {
			path = p
		}
	}
	for line := range strings.Lines(mounts) {
		fields, tail, _ := strings.Cut(line, " - ")
		f := strings.Fields(fields)
		if !strings.HasPrefix(tail, "cgroup2 ") || len(f) < 5 || path == "" {
			continue
		}
		if rel, ok := strings.CutPrefix(path, strings.TrimSuffix(f[3], "/")); ok {
			return filepath.Join(f[4], rel), nil
		}
	}
	return "", errors.New("there is no cgroup file system of version 2")
}

// enable has a controller in the groups below home. Where we are in the way ourselves (no
// group may have both processes and controllers for others) we step aside, if the
// group was given to us whole.
func (g *cgroups) enable(controller string) error {
	for _, dir := range []string{g.own, g.home} {
		if has(dir, "cgroup.subtree_control", controller) {
			continue
		}
		if !has(dir, "cgroup.controllers", controller) {
			return fmt.Errorf("the %s controller is not there for the groups below %s", controller, dir)
		}
		control := filepath.Join(dir, "cgroup.subtree_control")
		err := os.WriteFile(control, []byte("+"+controller), 0o644)
		if errors.Is(err, syscall.EBUSY) && dir == g.own && isDelegated(dir) && stepAside(dir, filepath.Join(g.home, "keeper")) == nil {
			err = os.WriteFile(control, []byte("+"+controller), 0o644)
		}
		if err != nil {
			return fmt.Errorf("have the %s controller: %w", controller, err)
		}
	}
	return nil
}

func has(dir, file, word string) bool {
	text, _ := os.ReadFile(filepath.Join(dir, file))
	for field := range strings.FieldsSeq(string(text)) {
		if field == word {
			return true
		}
	}
	return false
}

// isDelegated reads the mark that systemd leaves (Delegate=, since version 251).
func isDelegated(dir string) bool {
	var mark [8]byte
	n, err := syscall.Getxattr(dir, "user.delegate", mark[:])
	return err == nil && string(mark[:n]) == "1"
}

// stepAside moves everything that is in a group, ourselves among it, to a leaf.
func stepAside(dir, leaf string) error {
	if err := os.Mkdir(leaf, 0o755); err != nil && !errors.Is(err, os.ErrExist) {
		return err
	}
	text, err := os.ReadFile(filepath.Join(dir, "cgroup.procs"))
	for _, pid := range parsePIDs(string(text)) {
		// One at a time, as the kernel takes them; one that has ended is no loss.
		if e := os.WriteFile(filepath.Join(leaf, "cgroup.procs"), []byte(strconv.Itoa(pid)), 0o644); e != nil && !errors.Is(e, syscall.ESRCH) {
			err = errors.Join(err, e)
		}
	}
	return err
}

// close removes home and what is in it, as far as it is empty.
func (g *cgroups) close() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.own != "" {
		walkGroup(filepath.Join(g.own, g.name), func(dir string) { _ = syscall.Rmdir(dir) })
	}
}

// state is where the groups are, or why there are none; "" until somebody asked.
func (g *cgroups) state() string {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.why != nil {
		return g.why.Error()
	}
	return g.home
}
