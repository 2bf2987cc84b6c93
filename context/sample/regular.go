package sample

import (
	"bytes"
	"errors"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// Regular is an open regular file, as psutil's open_files gives it.
type Regular struct {
	Path     string
	FD       uint64
	Position int64
	Flags    int // as in open(2)
}

// Mode is what the flags allow, in the words of open(3): r, w, a, r+, a+.
func (r Regular) Mode() string {
	appends := r.Flags&unix.O_APPEND != 0
	switch {
	case r.Flags&unix.O_ACCMODE == unix.O_RDONLY:
		return "r"
	case r.Flags&unix.O_ACCMODE == unix.O_RDWR && appends:
		return "a+"
	case r.Flags&unix.O_ACCMODE == unix.O_RDWR:
		return "r+"
	case appends:
		return "a"
	default:
		return "w"
	}
}

// Regular reads of the tree's first process which regular files it has open, and where
// in them it is. They are looked up among its OpenFiles of the last tick; a file that
// was closed or unlinked since is left out, as with psutil. It is no part of a tick:
// each costs two calls that no figure needs.
func (t *Tree) Regular() []Regular {
	list := []Regular{}
	if len(t.order) == 0 {
		return list
	}
	e := t.order[0]
	for _, f := range e.OpenFiles {
		if !strings.HasPrefix(f.Path, "/") {
			continue // a socket, a pipe, an eventfd
		}
		fd := strconv.FormatUint(f.Fd, 10)
		var info unix.Stat_t
		if unix.Fstatat(e.dir, "fd/"+fd, &info, 0) != nil || info.Mode&unix.S_IFMT != unix.S_IFREG || info.Nlink == 0 {
			continue
		}
		r := Regular{Path: f.Path, FD: f.Fd}
		var none file
		b, err := t.sampler.files.read(e.dir, []byte("fdinfo/"+fd+"\x00"), &none)
		t.sampler.files.drop(&none)
		if err != nil || parseFDInfo(b, &r) != nil {
			continue
		}
		list = append(list, r)
	}
	return list
}

var errFDInfo = errors.New("no pos or no flags in fdinfo")

// parseFDInfo reads proc_pid_fdinfo(5): pos is decimal, flags octal.
func parseFDInfo(b []byte, r *Regular) error {
	found := 0
	for line := range bytes.Lines(b) {
		key, value, _ := strings.Cut(strings.TrimSpace(string(line)), ":")
		value = strings.TrimSpace(value)
		switch key {
		case "pos":
			n, err := strconv.ParseInt(value, 10, 64)
			if err != nil {
				return err
			}
			r.Position, found = n, found+1
		case "flags":
			n, err := strconv.ParseInt(value, 8, 64)
			if err != nil {
				return err
			}
			r.Flags, found = int(n), found+1
		}
	}
	if found != 2 {
		return errFDInfo
	}
	return nil
}
