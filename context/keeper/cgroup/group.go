package cgroup

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"zmicroservices/context/keeper/kernel"
)

// Of is the name of the group that a process is in, if it is one of ours, or one that
// was made in it.
func (g *Tree) Of(pid int) (name string, ours bool) {
	var buf [4096]byte
	n, _ := kernel.ReadFile("/proc/"+strconv.Itoa(pid)+"/cgroup", buf[:])
	_, below, ours := bytes.Cut(buf[:n], []byte("/"+g.name+"/"))
	if !ours {
		return "", false
	}
	name, _, _ = strings.Cut(strings.TrimSpace(string(below)), "/")
	name, _, _ = strings.Cut(name, "\n")
	return name, true
}

// Kill ends everything in a group in one stroke, what is being forked included
// (cgroup.kill, Linux 5.14).
func Kill(dir string) {
	_ = os.WriteFile(filepath.Join(dir, "cgroup.kill"), []byte("1"), 0o644)
}

// Members are the processes in a group and in those that were made in it; zombies are
// not.
func Members(dir string) (pids []int) {
	walk(dir, func(dir string) {
		text, _ := os.ReadFile(filepath.Join(dir, "cgroup.procs"))
		pids = append(pids, kernel.ParsePIDs(string(text))...)
	})
	return pids
}

// Remove removes a group and those that were made in it. Busy: the kernel counts somebody
// in it still, perhaps one who is dead already.
func Remove(dir string) (busy bool) {
	walk(dir, func(dir string) { busy = errors.Is(syscall.Rmdir(dir), syscall.EBUSY) })
	return busy
}

// walk visits a group and all below it, what is below first.
func walk(dir string, visit func(dir string)) {
	entries, _ := os.ReadDir(dir)
	for _, entry := range entries {
		if entry.IsDir() {
			walk(filepath.Join(dir, entry.Name()), visit)
		}
	}
	visit(dir)
}
