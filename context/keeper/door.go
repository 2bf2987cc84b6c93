package keeper

import (
	"os"
	"path/filepath"
	"syscall"
	"time"
)

const (
	maxStrangers  = 16
	maxHello      = 64 << 10 // bytes a stranger may send
	helloPatience = 10 * time.Second
)

// door is the listening socket and those who have not said hello yet.
type door struct {
	strangers map[*conn]bool
	path      string // unlinked at the end
}

// open watches a listening socket, or takes a connected one as the provider's.
func (d *door) open(s *server, fd int) error {
	d.strangers = make(map[*conn]bool)
	if err := syscall.SetNonblock(fd, true); err != nil {
		return os.NewSyscallError("fcntl", err)
	}
	listens, err := syscall.GetsockoptInt(fd, syscall.SOL_SOCKET, syscall.SO_ACCEPTCONN)
	if err != nil {
		return os.NewSyscallError("getsockopt", err)
	}
	if listens == 0 {
		d.enter(s, fd, 0)
		return nil
	}
	s.listener = fd
	d.path = filepath.Join(s.opts.runtimeDir, SocketName)
	s.watch(fd, d)
	return nil
}

// ready accepts.
func (d *door) ready(s *server) {
	fd, _, err := syscall.Accept4(s.listener, syscall.SOCK_NONBLOCK|syscall.SOCK_CLOEXEC)
	if err == syscall.EMFILE || err == syscall.ENFILE {
		// It stays in the backlog; asking again at once would burn the processor.
		s.rewatch(s.listener, 0)
		s.timers.after(time.Second, func() { s.rewatch(s.listener, syscall.EPOLLIN) })
	}
	if err != nil {
		return
	}
	cred, err := syscall.GetsockoptUcred(fd, syscall.SOL_SOCKET, syscall.SO_PEERCRED)
	if err != nil || cred.Uid != 0 && int(cred.Uid) != os.Geteuid() || len(d.strangers) >= maxStrangers {
		_ = syscall.Close(fd)
		return
	}
	d.enter(s, fd, int(cred.Pid))
}

func (d *door) enter(s *server, fd, pid int) {
	c := &conn{fd: fd, pid: pid}
	d.strangers[c] = true
	s.watch(fd, c)
	c.timer = s.timers.after(helloPatience, func() { s.drop(c, "no hello") })
}

// admit takes a connection off the list of strangers.
func (d *door) admit(c *conn) { delete(d.strangers, c) }

func (d *door) close(s *server) {
	if d.path != "" {
		_ = syscall.Unlink(d.path)
	}
}
