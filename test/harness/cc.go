package harness

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// Compile makes a program of a C source of a test's own, once a run, and gives its
// path. Without a compiler or a library the test is skipped with the help, or
// fails where everything has to be judged.
func Compile(t testing.TB, help, source string, flags ...string) string {
	t.Helper()
	path, err := built.compile(source, flags)
	if err == nil {
		return path
	}
	if os.Getenv("CI") == "true" {
		t.Fatalf("%s\n%v", help, err)
	}
	t.Skipf("%s\n%v", help, err)
	return ""
}

func (b *builds) compile(source string, flags []string) (string, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if err := b.begin(); err != nil {
		return "", err
	}
	path := filepath.Join(b.dir, filepath.Base(source)+".out")
	if err, known := b.done[path]; known {
		return path, err
	}
	err := cc(path, source, flags)
	b.done[path] = err
	return path, err
}

func cc(path, source string, flags []string) error {
	gcc, err := exec.LookPath("gcc")
	if err != nil {
		return errors.New("no gcc")
	}
	out, err := exec.Command(gcc, append([]string{"-O2", "-o", path, source}, flags...)...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("compile %s: %w\n%s", source, err, out)
	}
	return nil
}
