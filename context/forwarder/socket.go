package forwarder

import (
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// Socket is a listening socket by the name under which a later forwarder of the
// same endpoints looks for it.
type Socket struct {
	Name   string
	Socket syscall.Conn
}

// Sockets are the listening sockets. Whoever keeps copies of them open keeps their
// ports, whatever becomes of this process: peers that connect meanwhile wait in the
// backlog.
func (f *Forwarder) Sockets() []Socket {
	all := make([]Socket, len(f.listeners))
	for i, l := range f.listeners {
		all[i] = Socket{l.name, l}
	}
	return all
}

// SocketNames are the names of all sockets that New would make or inherit.
func (o Options) SocketNames() []string {
	var names []string
	for _, e := range o.FrontBind {
		names = append(names, socketName(e, front, o.BindAll))
	}
	for _, e := range o.BackendBind {
		names = append(names, socketName(e, back, o.BindAll))
	}
	return names
}

// socketName says all that makes one socket stand for another: with another address
// in the file, or on more interfaces, it is another one.
func socketName(endpoint string, side side, bindAll bool) string {
	name := side.String() + " " + endpoint
	if bindAll {
		name += " on every interface"
	}
	return name
}

// IsSocketName says whether a name is that of some forwarder's Socket.
func IsSocketName(name string) bool {
	return strings.HasPrefix(name, front.String()+" ") || strings.HasPrefix(name, back.String()+" ")
}

// open gives the inherited socket of an endpoint, or binds one.
func (o *Options) open(endpoint string, side side) (*listener, error) {
	name := socketName(endpoint, side, o.BindAll)
	if i := slices.IndexFunc(o.Inherited, func(f *os.File) bool { return f.Name() == name }); i >= 0 {
		l, err := inherit(endpoint, o.Inherited[i])
		if err == nil {
			l.side, l.name = side, name
			return l, nil
		}
		o.Logger.Warn("socket not inherited: another one is bound", "endpoint", endpoint, "err", err)
	}
	l, err := listen(endpoint, side, o.BindAll)
	if err == nil {
		l.name = name
	}
	return l, err
}

// inherit makes a listener of a socket that is bound already.
func inherit(endpoint string, f *os.File) (*listener, error) {
	l, err := net.FileListener(f)
	if err != nil {
		return nil, err
	}
	transport, address, _ := strings.Cut(endpoint, "://")
	switch l := l.(type) {
	case *net.TCPListener:
		if transport == "tcp" {
			return &listener{deadlineListener: l, endpoint: "tcp://" + l.Addr().String()}, nil
		}
	case *net.UnixListener:
		if transport != "ipc" {
			break
		}
		if err := reachable(address); err != nil {
			return nil, errors.Join(err, l.Close())
		}
		l.SetUnlinkOnClose(true) // as one that we had bound
		return &listener{deadlineListener: l, endpoint: endpoint}, nil
	}
	return nil, errors.Join(fmt.Errorf("it is a socket of %s", l.Addr().Network()), l.Close())
}

// reachable finds out whether the file of a unix socket is still there: without it
// nobody comes to the socket.
func reachable(path string) error {
	if path == "" || path[0] == '@' {
		return nil
	}
	var st unix.Stat_t
	if err := unix.Lstat(path, &st); err != nil {
		return fmt.Errorf("its file %s: %w", path, err)
	}
	if st.Mode&unix.S_IFMT != unix.S_IFSOCK {
		return fmt.Errorf("its file %s is no socket any more", path)
	}
	return nil
}
