package launch

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// Stale reports whether the executable exe is missing, or older than a source
// of the Go service in dir: any .go file below dir, and the go.mod and go.sum
// of its module, in dir or above. Modules nested in dir, and the folders that
// the go command passes over, count for nothing; nor does what other folders
// of the module hold, which create_service build sees to.
func Stale(dir, exe string) (bool, error) {
	info, err := os.Stat(exe)
	if errors.Is(err, fs.ErrNotExist) {
		return true, nil
	}
	if err != nil {
		return false, err
	}
	built := info.ModTime()
	for _, path := range moduleFiles(dir) {
		if newer(path, built) {
			return true, nil
		}
	}
	err = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir():
			if path != dir && (ignored(d.Name()) || isFile(filepath.Join(path, "go.mod"))) {
				return fs.SkipDir
			}
		case strings.HasSuffix(path, ".go") && newer(path, built):
			return errStale
		}
		return nil
	})
	if errors.Is(err, errStale) {
		return true, nil
	}
	if err != nil {
		return false, fmt.Errorf("look through sources: %w", err)
	}
	return false, nil
}

// errStale ends the walk at the first newer file.
var errStale = errors.New("stale")

// ignored folders are those of `go help packages`, and vendor, whose modules
// change with go.sum.
func ignored(name string) bool {
	return name == "testdata" || name == "vendor" || strings.HasPrefix(name, ".") || strings.HasPrefix(name, "_")
}

// newer says that the file at path changed after t. One that is gone did not.
func newer(path string, t time.Time) bool {
	info, err := os.Stat(path)
	return err == nil && info.ModTime().After(t)
}

// moduleFiles are go.mod and go.sum of the module that dir is in.
func moduleFiles(dir string) []string {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil
	}
	for {
		if mod := filepath.Join(dir, "go.mod"); isFile(mod) {
			return []string{mod, filepath.Join(dir, "go.sum")}
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return nil
		}
		dir = parent
	}
}
