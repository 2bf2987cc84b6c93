package sample

import (
	"encoding/binary"
	"fmt"
	"io"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"
)

// raw reads what a tick of ours reads and looks at nothing: the limit of what can be
// had from /proc.
type raw struct {
	b     *testing.B
	buf   []byte
	files [][]int // of each process, kept open
	fds   []int   // folders
	tasks []int
	diag  int
}

func newRaw(b *testing.B, pids []int) *raw {
	b.Helper()
	r := &raw{b: b, buf: make([]byte, 64<<10)}
	for _, pid := range pids {
		var kept []int
		names := []string{"stat", "statm", "io", "status"}
		tasks := r.open(pid, "task", unix.O_DIRECTORY)
		for _, tid := range r.list(tasks) {
			names = append(names, "task/"+tid+"/stat", "task/"+tid+"/children")
		}
		for _, name := range names {
			kept = append(kept, r.open(pid, name, 0))
		}
		r.files, r.tasks, r.fds = append(r.files, kept), append(r.tasks, tasks), append(r.fds, r.open(pid, "fd", unix.O_DIRECTORY))
	}
	var err error
	if r.diag, err = unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_SOCK_DIAG); err != nil {
		b.Fatal(err)
	}
	return r
}

func (r *raw) close() {
	for _, kept := range append(r.files, r.tasks, r.fds, []int{r.diag}) {
		for _, fd := range kept {
			_ = unix.Close(fd)
		}
	}
}

func (r *raw) open(pid int, name string, flags int) int {
	r.b.Helper()
	fd, err := unix.Open(fmt.Sprintf("/proc/%d/%s", pid, name), unix.O_RDONLY|unix.O_CLOEXEC|flags, 0)
	if err != nil {
		r.b.Fatal(err)
	}
	return fd
}

// list are the names in a folder.
func (r *raw) list(fd int) []string {
	if _, err := unix.Seek(fd, 0, io.SeekStart); err != nil {
		r.b.Fatal(err)
	}
	var names []string
	for {
		n, err := unix.ReadDirent(fd, r.buf)
		if err != nil || n <= 0 {
			return names
		}
		_, _, names = unix.ParseDirent(r.buf[:n], -1, names)
	}
}

// tick reads everything once.
func (r *raw) tick() {
	for i, kept := range r.files {
		for _, fd := range kept {
			if _, err := unix.Pread(fd, r.buf, 0); err != nil {
				r.b.Fatal(err)
			}
		}
		r.entries(r.tasks[i])
		r.entries(r.fds[i])
		for fd := range 10 {
			// Not unix.Readlinkat, which copies the name.
			name := [3]byte{'0' + byte(fd)}
			if _, _, errno := unix.Syscall6(unix.SYS_READLINKAT, uintptr(r.fds[i]), uintptr(unsafe.Pointer(&name[0])),
				uintptr(unsafe.Pointer(&r.buf[0])), uintptr(len(r.buf)), 0, 0); errno != 0 {
				r.b.Fatal(errno)
			}
		}
	}
	r.sockets()
}

func (r *raw) entries(fd int) {
	_, _ = unix.Seek(fd, 0, io.SeekStart)
	for {
		if n, err := unix.ReadDirent(fd, r.buf); n <= 0 || err != nil {
			return
		}
	}
}

// sockets lists those of TCP, of both families.
func (r *raw) sockets() {
	const tcpDiag, size = 18, unix.SizeofNlMsghdr + 60
	var q [size]byte
	binary.NativeEndian.PutUint32(q[0:], size)
	binary.NativeEndian.PutUint16(q[4:], tcpDiag)
	binary.NativeEndian.PutUint16(q[6:], unix.NLM_F_REQUEST|unix.NLM_F_DUMP)
	binary.NativeEndian.PutUint32(q[unix.SizeofNlMsghdr+52:], ^uint32(1<<6|1<<12))
	if _, err := unix.Write(r.diag, q[:]); err != nil {
		r.b.Fatal(err)
	}
	for {
		n, err := unix.Read(r.diag, r.buf)
		if err != nil || n < unix.SizeofNlMsghdr {
			r.b.Fatal(n, err)
		}
		if binary.NativeEndian.Uint16(r.buf[4:]) == unix.NLMSG_DONE {
			return
		}
	}
}
