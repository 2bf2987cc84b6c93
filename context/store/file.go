package store

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"time"
)

// headerSize is the length of the header of an SQLite file, which begins with
// magic (sqlite.org/fileformat2.html, 1.3).
const (
	headerSize = 100
	magic      = "SQLite format 3\x00"
)

// errDamaged is the verdict of our own looks at a file, beside SQLite's codes.
var errDamaged = errors.New("the file is damaged")

// version reads user_version from the first bytes of a file. What a -wal beside
// it says counts more, but only SQLite can read that.
func version(header []byte) (int, error) {
	if len(header) < headerSize || string(header[:len(magic)]) != magic {
		return 0, fmt.Errorf("%w: it does not begin as an SQLite file does", errDamaged)
	}
	return int(int32(binary.BigEndian.Uint32(header[60:]))), nil //nolint:gosec // a signed 32 bit number by the format
}

// look reads the version of a file without letting SQLite touch it; 0 if it is
// missing or empty. Not for a file that this process has open: closing any
// descriptor of a file gives up all locks that SQLite has on it
// (sqlite.org/howtocorrupt.html, 2.2).
func look(path string) (int, error) {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	defer f.Close()
	header := make([]byte, headerSize)
	n, err := io.ReadFull(f, header)
	switch {
	case n == 0 && errors.Is(err, io.EOF):
		return 0, nil
	case err != nil && !errors.Is(err, io.ErrUnexpectedEOF):
		return 0, err
	}
	return version(header[:n])
}

// create makes the file if it is missing, for its owner's eyes only. SQLite
// gives -wal and -shm the same mode. A file that is there is not opened, see look.
func create(path string) error {
	if _, err := os.Stat(path); err == nil {
		return nil
	}
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	return f.Close()
}

// companions are what SQLite keeps beside a file in WAL mode.
var companions = []string{"-wal", "-shm"}

// moveAside renames a damaged file and its companions and gives the new name.
func moveAside(path string, now time.Time) (string, error) {
	aside := fmt.Sprintf("%s.corrupt-%s", path, now.UTC().Format("20060102T150405.000000000Z"))
	if err := os.Rename(path, aside); err != nil {
		return "", fmt.Errorf("move damaged file aside: %w", err)
	}
	for _, c := range companions {
		if err := os.Rename(path+c, aside+c); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return "", fmt.Errorf("move damaged file aside: %w", err)
		}
	}
	return aside, nil
}

// name is the file as SQLite is told of it: a URI, since a path may hold a
// question mark.
func name(path string, query url.Values) (string, error) {
	full, err := filepath.Abs(path)
	if err != nil {
		return "", err
	}
	return (&url.URL{Scheme: "file", Path: full, RawQuery: query.Encode()}).String(), nil
}
