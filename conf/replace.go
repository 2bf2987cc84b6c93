package conf

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// replaceFile puts data in the place of path so that a reader, and a machine
// that loses power, sees the old file or the new one and nothing between: it
// writes beside, syncs, renames and syncs the folder. Without the second sync
// the name may come back to the old file after a crash. An existing file keeps
// its mode, and its owner where that is allowed.
func replaceFile(path string, data []byte) (err error) {
	old, err := os.Stat(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	folder := filepath.Dir(path)
	temp := filepath.Join(folder, fmt.Sprintf(".%s.%d.tmp", filepath.Base(path), os.Getpid()))
	// Not os.CreateTemp: its 0600 would outlive the umask of whoever runs us.
	f, err := os.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(temp))
		}
	}()
	if old != nil {
		err = keepMode(f, old)
	}
	if err == nil {
		_, err = f.Write(data)
	}
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	if err = os.Rename(temp, path); err != nil {
		return err
	}
	return syncFolder(folder)
}

func keepMode(f *os.File, old fs.FileInfo) error {
	if st, ok := old.Sys().(*syscall.Stat_t); ok {
		// Only root may give a file away; for others it is theirs already, or
		// becomes theirs as it does with every editor.
		if err := f.Chown(int(st.Uid), int(st.Gid)); err != nil && !errors.Is(err, fs.ErrPermission) {
			return err
		}
	}
	return f.Chmod(old.Mode().Perm())
}

func syncFolder(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// lockFolder makes those who change files of a folder wait for each other. The
// lock is on the folder itself, so that no lock file stays behind; it ends with
// the returned function or with the process.
func lockFolder(path string) (unlock func() error, err error) {
	d, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	for {
		err = syscall.Flock(int(d.Fd()), syscall.LOCK_EX)
		if !errors.Is(err, syscall.EINTR) {
			break
		}
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("lock %s: %w", path, err), d.Close())
	}
	return d.Close, nil
}
