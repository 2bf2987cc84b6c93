package keys

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// maxFile bounds a file of ours: a certificate has some 500 bytes.
const maxFile = 1 << 20

// file is a file's text, and what tells whether it has changed.
type file struct {
	text string
	mode fs.FileMode
	stamp
}

// stamp changes when a file does, and when another takes its place.
type stamp struct {
	info fs.FileInfo
}

func (s stamp) same(info fs.FileInfo) bool {
	return s.info != nil && info != nil && os.SameFile(s.info, info) &&
		s.info.Size() == info.Size() && s.info.ModTime().Equal(info.ModTime()) && s.info.Mode() == info.Mode()
}

func readFile(path string) (file, error) {
	f, err := os.Open(path)
	if err != nil {
		return file{}, err
	}
	defer f.Close()
	// Of the open file, not of the path: another may stand there by now.
	info, err := f.Stat()
	if err != nil {
		return file{}, err
	}
	if !info.Mode().IsRegular() {
		return file{}, fmt.Errorf("%s is no regular file", path)
	}
	text, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return file{}, err
	}
	if len(text) > maxFile {
		return file{}, fmt.Errorf("%s has more than %d bytes", path, maxFile)
	}
	return file{text: string(text), mode: info.Mode(), stamp: stamp{info}}, nil
}

// private refuses a secret that others than its owner may read or change.
func (f file) private() error {
	if f.mode.Perm()&0o077 != 0 {
		return fmt.Errorf("mode %04o lets others at the secret in it; chmod 600 mends that, if nobody has seen it", f.mode.Perm())
	}
	return nil
}

// guarded refuses what anybody may change: he could write his own key into it.
func guarded(info fs.FileInfo) error {
	if info.Mode().Perm()&0o002 != 0 {
		return fmt.Errorf("%s: mode %04o lets everybody change it; chmod o-w mends that", info.Name(), info.Mode().Perm())
	}
	return nil
}

// create writes a file that is there as a whole or not at all, and never in the
// place of another: errors.Is(err, fs.ErrExist) then.
func create(path string, text string, mode fs.FileMode) error {
	dir := filepath.Dir(path)
	f, err := os.CreateTemp(dir, ".new-*") // 0600
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) // the other name stays
	_, err = f.WriteString(text)
	err = errors.Join(err, f.Chmod(mode), f.Sync(), f.Close())
	if err != nil {
		return err
	}
	// A rename would take the place of what is there; a link does not.
	switch err := os.Link(f.Name(), path); {
	case errors.Is(err, fs.ErrExist):
		return &fs.PathError{Op: "create", Path: path, Err: fs.ErrExist}
	case err != nil:
		return err
	}
	return syncDir(dir)
}

// syncDir makes the name of a new file survive a crash, too.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}
