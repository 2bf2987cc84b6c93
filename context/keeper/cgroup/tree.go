package cgroup

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
)

// Tree is a keeper's part of the tree of control groups. It is looked for when the first
// slot asks: most keepers never need it. Its methods may be called from any goroutine.
type Tree struct {
	own  string // directory of our own group; "" is what /proc says
	name string // of home in it

	mu     sync.Mutex // guards what follows; held by a spawning thread
	looked bool
	home   string // below which slots have theirs; "" is none
	why    error  // it is none
}

// New is the tree of the keeper of a state directory. own is the group that the keeper
// was born in, where that is known from before it stepped aside; "" is what /proc says.
func New(stateDir, own string) *Tree {
	sum := sha256.Sum256([]byte(stateDir))
	return &Tree{own: own, name: "zms-" + hex.EncodeToString(sum[:4])}
}

// Make makes the group of this name, and gives its directory, open. -1 without an error:
// it cannot be had, and no limit needs it.
func (g *Tree) Make(name string, want *Limits) (dir string, fd int, err error) {
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
	dir = filepath.Join(g.home, name)
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

// Place is our own group, as it was before we stepped aside; "" if nobody has looked.
func (g *Tree) Place() string {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.own
}

// look makes home, once. What a killed keeper left empty there is removed.
func (g *Tree) look() error {
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
func (g *Tree) locate() (err error) {
	if g.own == "" {
		mounts, _ := os.ReadFile("/proc/self/mountinfo")
		groups, _ := os.ReadFile("/proc/self/cgroup")
		g.own, err = ownCgroup(string(mounts), string(groups))
	}
	return err
}

// Left is the group of this name that the keeper before has made; "" is none, or one
// elsewhere.
func (g *Tree) Left(name string) string {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.locate() != nil {
		return ""
	}
	dir := filepath.Join(g.own, g.name, name)
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

// Close removes home and what is in it, as far as it is empty.
func (g *Tree) Close() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.own != "" {
		Remove(filepath.Join(g.own, g.name))
	}
}

// State is where the groups are, or why there are none; "" until somebody asked.
func (g *Tree) State() string {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.why != nil {
		return g.why.Error()
	}
	return g.home
}
