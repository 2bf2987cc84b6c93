package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// errNoGo tells what to do about it, too.
var errNoGo = errors.New("go is not in PATH: install Go, then run create_service build, or use --no_build")

// buildService builds the Go service in dir into dir/<name of dir>. The new
// executable takes its place in one step, so that nobody starts half of one and
// a running service keeps its own.
func buildService(dir string) error {
	name := filepath.Base(dir)
	fresh := "." + name + ".new"
	// Version control stamps would need git, and its trust in the directory.
	if err := runGo(dir, "build", "-buildvcs=false", "-o", fresh, "."); err != nil {
		return fmt.Errorf("build %s: %w", short(dir), err)
	}
	if err := os.Rename(filepath.Join(dir, fresh), filepath.Join(dir, name)); err != nil {
		return fmt.Errorf("build %s: %w", short(dir), err)
	}
	return nil
}

// runGo runs the go command in dir, with its output on our standard error. A
// workspace above dir does not count: services belong to their own module.
//
// It starts the process itself: package os/exec is for tests alone here, so that
// there is one place that starts task services, and this is not it.
func runGo(dir string, args ...string) error {
	path, err := findGo(os.Getenv("PATH"))
	if err != nil {
		return err
	}
	process, err := os.StartProcess(path, append([]string{"go"}, args...), &os.ProcAttr{
		Dir:   dir,
		Env:   append(os.Environ(), "GOWORK=off", "PWD="+dir),
		Files: []*os.File{nil, os.Stderr, os.Stderr},
	})
	if err != nil {
		return fmt.Errorf("start go: %w", err)
	}
	state, err := process.Wait()
	if err != nil {
		return fmt.Errorf("await go: %w", err)
	}
	if !state.Success() {
		return fmt.Errorf("go %s: %s", args[0], state)
	}
	return nil
}

// goHome is where Go's own archives are unpacked; not every PATH has it.
const goHome = "/usr/local/go/bin"

// findGo finds the go command in a list of directories, or at home.
func findGo(list string) (string, error) {
	for _, dir := range append(filepath.SplitList(list), goHome) {
		path := filepath.Join(dir, "go")
		info, err := os.Stat(path)
		// A relative directory in PATH is no place to take programs from.
		if filepath.IsAbs(path) && err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0 {
			return path, nil
		}
	}
	return "", errNoGo
}
