package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// write puts a file where it belongs, unless there is one that differs: that one
// may have been edited. With force it is set aside first.
func (r *report) write(path string, data []byte, mode fs.FileMode, force bool) error {
	old, err := os.ReadFile(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return fmt.Errorf("write %s: %w", short(path), err)
		}
		if err := writeNew(path, data, mode); err != nil {
			return fmt.Errorf("write %s: %w", short(path), err)
		}
		r.add(created, path, "")
	case err != nil:
		return fmt.Errorf("write %s: %w", short(path), err)
	case bytes.Equal(old, data):
		r.add(unchanged, path, "")
	case !force:
		r.add(kept, path, "differs; --force replaces it and keeps a backup")
	default:
		backup, err := setAside(path)
		if err != nil {
			return fmt.Errorf("write %s: %w", short(path), err)
		}
		if err := writeNew(path, data, mode); err != nil {
			return fmt.Errorf("write %s: %w", short(path), err)
		}
		r.add(replaced, path, "backup "+filepath.Base(backup))
	}
	return nil
}

// writeNew writes a file that must not exist: whoever made it since we looked
// wants to keep it.
func writeNew(path string, data []byte, mode fs.FileMode) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	return errors.Join(err, f.Close())
}

// setAside renames a file or directory to its first free backup name: path.~1~,
// path.~2~ and so on, as cp --backup=numbered does. It returns that name.
func setAside(path string) (string, error) {
	for n := 1; ; n++ {
		backup := fmt.Sprintf("%s.~%d~", path, n)
		if _, err := os.Lstat(backup); errors.Is(err, fs.ErrNotExist) {
			return backup, os.Rename(path, backup)
		} else if err != nil {
			return "", err
		}
	}
}
