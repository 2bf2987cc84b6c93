package harness

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// built is what was built for this run of a test binary, once each.
var built builds

type builds struct {
	mu   sync.Mutex // guards the rest, held while building
	dir  string
	done map[string]error
}

// Tool is the path of one of the product's tools: service_context, conf_command,
// create_service.
func Tool(t testing.TB, name string) string {
	t.Helper()
	path, err := built.get(filepath.Join("bin", name), "./tools/"+name)
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// Variant is the path of a tool that was built otherwise: with more flags of go build,
// under a name of its own.
func Variant(t testing.TB, name, tool string, flags ...string) string {
	t.Helper()
	path, err := built.get(filepath.Join("bin", name), "./tools/"+tool, flags...)
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// Service builds one of the samples below services/ and gives the folder to name
// as its <location>: it holds the executable alone, so that nothing is stale.
func Service(t testing.TB, name string) string {
	t.Helper()
	path, err := built.get(filepath.Join("services", name, name), "./services/"+name)
	if err != nil {
		t.Fatal(err)
	}
	return filepath.Dir(filepath.Dir(path))
}

func (b *builds) get(file, pkg string, flags ...string) (string, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if err := b.begin(); err != nil {
		return "", err
	}
	path := filepath.Join(b.dir, file)
	if err, known := b.done[file]; known {
		return path, err
	}
	b.done[file] = build(pkg, path, flags)
	return path, b.done[file]
}

// begin makes the folder for all. It is called under the lock.
func (b *builds) begin() error {
	if b.dir != "" {
		return nil
	}
	dir, err := os.MkdirTemp("", "zms-harness-")
	if err != nil {
		return fmt.Errorf("make directory: %w", err)
	}
	b.dir, b.done = dir, map[string]error{}
	return nil
}

func build(pkg, path string, flags []string) error {
	root, err := moduleRoot()
	if err != nil {
		return err
	}
	if err := lookAtSources(root); err != nil {
		return err
	}
	cmd := exec.Command("go", append(append([]string{"build", "-buildvcs=false", "-o", path}, flags...), pkg)...)
	cmd.Dir = root
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("build %s: %w\n%s", pkg, err, out)
	}
	return nil
}

// lookAtSources looks at every file that the product is made of. The go command
// repeats a test result from its cache while nothing has changed that the test has
// looked at, and what go build reads is not among that.
func lookAtSources(root string) error {
	return filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		switch {
		case errors.Is(err, fs.ErrNotExist): // an editor's file may go meanwhile
			return nil
		case err != nil:
			return err
		case d.IsDir() && (d.Name() == ".git" || path == filepath.Join(root, "bin")):
			return fs.SkipDir
		case d.IsDir() || strings.HasSuffix(path, "_test.go"):
			return nil
		}
		if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		return nil
	})
}

func (b *builds) remove() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.dir != "" {
		_ = os.RemoveAll(b.dir) // a folder of ours in the temporary one
		b.dir, b.done = "", nil
	}
}

// moduleRoot is the folder of our go.mod.
func moduleRoot() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir, nil
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return "", fmt.Errorf("find module: no go.mod above the working directory")
		}
		dir = parent
	}
}
