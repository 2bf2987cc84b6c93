package cgroup

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"zmicroservices/context/keeper/kernel"
)

// enable has a controller in the groups below home. Where we are in the way ourselves (no
// group may have both processes and controllers for others) we step aside, if the
// group was given to us whole.
func (g *Tree) enable(controller string) error {
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
	for _, pid := range kernel.ParsePIDs(string(text)) {
		// One at a time, as the kernel takes them; one that has ended is no loss.
		if e := os.WriteFile(filepath.Join(leaf, "cgroup.procs"), []byte(strconv.Itoa(pid)), 0o644); e != nil && !errors.Is(e, syscall.ESRCH) {
			err = errors.Join(err, e)
		}
	}
	return err
}
