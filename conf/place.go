package conf

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// outside returns the first path that a start of the instance could use and
// that does not lie below one of the roots, "" when all do. The folder may be
// missing: then the start fails by itself and says what it looked for.
func outside(location, instance string, roots []string) string {
	spellings := []string{instance, strings.ToLower(instance)}
	for _, name := range spellings {
		folder := filepath.Join(location, name)
		for _, program := range append([]string{".", "main.go", "main.py"}, spellings...) {
			if path := filepath.Join(folder, program); !below(path, roots) {
				return path
			}
		}
	}
	return ""
}

func below(path string, roots []string) bool {
	real, err := realPath(path)
	if err != nil {
		return false
	}
	for _, root := range roots {
		root, err := realPath(root)
		if err != nil {
			continue
		}
		if rel, err := filepath.Rel(root, real); err == nil && rel != "." && filepath.IsLocal(rel) {
			return true
		}
	}
	return false
}

// realPath resolves symbolic links as far as the path exists. What does not
// exist holds no link that could lead elsewhere.
func realPath(path string) (string, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return "", err
	}
	rest := ""
	for {
		real, err := filepath.EvalSymlinks(path)
		if err == nil {
			return filepath.Join(real, rest), nil
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return "", err
		}
		if _, err := os.Lstat(path); err == nil {
			return "", fmt.Errorf("%s: a link that leads nowhere", path)
		}
		parent := filepath.Dir(path)
		if parent == path {
			return "", err
		}
		rest = filepath.Join(filepath.Base(path), rest)
		path = parent
	}
}
