package sample

import (
	"io"

	"golang.org/x/sys/unix"
)

// file is a descriptor that may be kept open; 0 is none: the runtime's own are never
// closed, so that no file of ours is number 0.
type file int32

// files opens and reads below /proc, and bounds what is kept open.
type files struct {
	keep int    // how many more may be kept
	buf  []byte // what was read last
	name []byte // a path that is being made
	info unix.Stat_t
}

const firstBuffer = 64 << 10

// open opens path below a folder, to be kept if there is room; else it is the caller's
// to close after use. fresh tells which.
func (f *files) open(dir int, path []byte, flags int, kept *file) (fd int, fresh bool, err error) {
	if *kept > 0 {
		return int(*kept), false, nil
	}
	fd, err = openat(dir, path, flags)
	if err != nil {
		return -1, false, err
	}
	if f.keep > 0 {
		f.keep--
		*kept = file(fd)
		return fd, false, nil
	}
	return fd, true, nil
}

// done ends a use that open began.
func (f *files) done(fd int, fresh bool) {
	if fresh {
		_ = unix.Close(fd) // was only read
	}
}

// drop closes what was kept.
func (f *files) drop(kept *file) {
	if *kept > 0 {
		_ = unix.Close(int(*kept)) // was only read
		*kept = 0
		f.keep++
	}
}

// read gives all of a small file, good until the next read: stat, statm, status, io,
// children. The kernel makes them anew at offset 0.
func (f *files) read(dir int, path []byte, kept *file) ([]byte, error) {
	fd, fresh, err := f.open(dir, path, unix.O_RDONLY, kept)
	if err != nil {
		return nil, err
	}
	defer f.done(fd, fresh)
	return f.whole(fd)
}

// whole reads a file from its beginning.
func (f *files) whole(fd int) ([]byte, error) {
	n := 0
	for {
		if n == len(f.buf) {
			f.buf = append(f.buf, make([]byte, max(firstBuffer, len(f.buf)))...)
		}
		more, err := unix.Pread(fd, f.buf[n:], int64(n))
		switch {
		case err == unix.EINTR:
			continue
		case err != nil:
			return nil, err
		case more == 0:
			return f.buf[:n], nil
		}
		n += more
		// One that fits a page comes whole: the read that would give 0 is saved. Longer
		// ones come in pieces.
		if n < 2048 {
			return f.buf[:n], nil
		}
	}
}

// each gives the numbers among the names in a folder.
func (f *files) each(fd int, number func(n int32)) error {
	if len(f.buf) == 0 {
		f.buf = make([]byte, firstBuffer)
	}
	if _, err := unix.Seek(fd, 0, io.SeekStart); err != nil {
		return err
	}
	for {
		n, err := unix.ReadDirent(fd, f.buf)
		if err == unix.EINTR {
			continue
		}
		if err != nil || n <= 0 {
			return err
		}
		for b := f.buf[:n]; len(b) > direntName; {
			size := int(nativeEndian.Uint16(b[16:])) // struct linux_dirent64, getdents64(2)
			if size < direntName || size > len(b) {
				break
			}
			if n, ok := leading(b[direntName:size]); ok {
				number(n)
			}
			b = b[size:]
		}
	}
}

// direntName is where the name begins in a struct linux_dirent64.
const direntName = 19

// leading is the number that a NUL-terminated name is.
func leading(name []byte) (n int32, ok bool) {
	for i, c := range name {
		if c == 0 {
			return n, i > 0
		}
		if c < '0' || c > '9' {
			return 0, false
		}
		n = n*10 + int32(c-'0')
	}
	return 0, false
}

// path makes "NUMBER" + tail + NUL.
func (f *files) path(n int32, tail string) []byte {
	f.name = appendNumber(f.name[:0], n)
	f.name = append(append(f.name, tail...), 0)
	return f.name
}
