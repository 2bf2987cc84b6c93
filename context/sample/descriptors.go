package sample

import (
	"bytes"

	"github.com/shirou/gopsutil/v3/process"
	"golang.org/x/sys/unix"
)

// link is a descriptor that leads to a socket.
type link struct {
	fd     int32
	socket *socket
}

// readDescriptors reads how many there are, and with Connections or OpenFiles which.
func (e *entry) readDescriptors(s *Sampler, w Want, due bool) {
	fd, fresh, err := s.files.open(e.dir, fdName, unix.O_RDONLY|unix.O_DIRECTORY, &e.fds)
	if err != nil {
		e.refused(s, err)
		return
	}
	defer s.files.done(fd, fresh)
	if w&(Connections|OpenFiles) != 0 {
		e.listDescriptors(s, fd, w, due)
		return
	}
	e.unlink(s)
	// Linux 6.2 gives their number as the size of the folder, earlier ones 0.
	if err := unix.Fstat(fd, &s.files.info); err == nil && s.files.info.Size > 0 {
		e.NumFDs = int32(s.files.info.Size)
		return
	}
	s.list = s.list[:0]
	if err := s.files.each(fd, s.listed); err != nil {
		e.refused(s, err)
		return
	}
	e.NumFDs = int32(len(s.list))
}

// sameDescriptors says that a process that has slept has as many as before: only one that
// shares its table (clone(2), CLONE_FILES) could have changed them for it.
func (e *entry) sameDescriptors(s *Sampler) bool {
	if e.fds == 0 {
		return false
	}
	err := unix.Fstat(int(e.fds), &s.files.info)
	return err == nil && s.files.info.Size > 0 && s.files.info.Size == int64(e.NumFDs)
}

// refused is for descriptors that may not be looked at: those of a program with more
// rights than ours.
func (e *entry) refused(s *Sampler, err error) {
	e.lack("descriptors", err)
	e.unlink(s)
	e.NumFDs, e.OpenFiles = 0, e.OpenFiles[:0]
}

// listDescriptors follows every descriptor.
func (e *entry) listDescriptors(s *Sampler, fds int, w Want, due bool) {
	s.list = s.list[:0]
	if err := s.files.each(fds, s.listed); err != nil {
		e.refused(s, err)
		return
	}
	e.NumFDs = int32(len(s.list))
	if w&Connections != 0 && due {
		e.enterSpace(s)
	}
	old := e.links
	s.links = append(s.links[:0], old...)
	e.links = e.links[:0]
	files := 0
	for _, fd := range s.list {
		n, err := readlinkat(fds, s.files.path(fd, ""), s.target[:])
		if err != nil {
			continue // closed meanwhile
		}
		target := s.target[:n]
		if w&OpenFiles != 0 {
			e.file(files, fd, target)
			files++
		}
		if w&Connections == 0 || e.space == nil {
			continue
		}
		if inode, ok := socketInode(target); ok {
			e.links = append(e.links, link{fd, e.space.take(inode)})
		}
	}
	e.OpenFiles = e.OpenFiles[:min(files, len(e.OpenFiles))]
	for _, l := range s.links { // after the others were taken, so that what stays is not forgotten
		l.socket.release()
	}
}

// file notes an open file, at the place of the one before it: what has not changed
// costs no string.
func (e *entry) file(at int, fd int32, target []byte) {
	if at == len(e.OpenFiles) {
		e.OpenFiles = append(e.OpenFiles, process.OpenFilesStat{})
	}
	o := &e.OpenFiles[at]
	o.Fd = uint64(fd)
	if o.Path != string(target) {
		o.Path = string(target)
	}
}

// unlink lets go of its sockets.
func (e *entry) unlink(*Sampler) {
	for _, l := range e.links {
		l.socket.release()
	}
	e.links, e.Connections = e.links[:0], e.Connections[:0]
}

var socketPrefix = []byte("socket:[")

// socketInode reads "socket:[INODE]".
func socketInode(target []byte) (inode uint32, ok bool) {
	digits, is := bytes.CutPrefix(target, socketPrefix)
	if !is {
		return 0, false
	}
	f := fields{digits}
	n, ok := f.next()
	return uint32(n), ok
}
