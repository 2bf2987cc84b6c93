package forwarder

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"

	"golang.org/x/sys/unix"
)

// identify says who is at the other end, as far as the kernel knows.
func (f *Forwarder) identify(c *conn) Peer {
	p := Peer{Conn: c.id, UID: -1}
	switch a := c.net.RemoteAddr().(type) {
	case *net.UnixAddr:
		p.Addr, p.Loopback = c.endpoint, true
		if cred, err := credentials(c); err != nil {
			f.log.Warn("peer not identified", "peer", p, "err", err)
		} else {
			p.UID, p.PID = int(cred.Uid), int(cred.Pid)
		}
	case *net.TCPAddr:
		remote := a.AddrPort()
		p.Addr = remote.String()
		if p.Loopback = isLoopback(remote); !p.Loopback {
			break
		}
		local, ok := c.net.LocalAddr().(*net.TCPAddr)
		if !ok {
			break
		}
		// Our side's remote address is the local one of the socket we ask for.
		owner, err := f.diag.owner(remote, local.AddrPort())
		if err != nil {
			f.log.Debug("peer not identified", "peer", p, "err", err)
			break
		}
		p.UID, p.Inode = int(owner.uid), uint64(owner.inode)
	}
	return p
}

// credentials are those of the process that connected a unix socket (unix(7),
// SO_PEERCRED), as of its connect.
func credentials(c *conn) (cred *unix.Ucred, err error) {
	failed := c.raw.Control(func(fd uintptr) {
		cred, err = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED)
	})
	return cred, errors.Join(failed, err)
}

// diag asks the kernel who owns a TCP socket, by NETLINK_SOCK_DIAG (sock_diag(7)):
// one exact look-up of four numbers, some 5 µs, however many sockets there are.
// Reading /proc/net/tcp would tell the same in milliseconds.
type diag struct {
	mu     sync.Mutex // guards the rest, held over one question and its answer
	fd     int        // 0: not open yet
	seq    uint32
	closed bool
}

// owner is who has a socket open.
type owner struct {
	uid   uint32
	inode uint32
}

// Sizes and values of linux/inet_diag.h.
const (
	diagRequestSize = unix.NLMSG_HDRLEN + 56 // struct inet_diag_req_v2
	diagAnswerSize  = 72                     // struct inet_diag_msg
	diagNoCookie    = 0xffffffff
	tcpEstablished  = 1
)

var (
	errNoSocket = errors.New("no such socket")
	errOrphan   = errors.New("its socket is not open any more")
)

// owner returns the owner of the TCP socket with these addresses. Only a socket
// that is established and has an inode has one: an orphan, or one in TIME_WAIT,
// shows uid 0, and would pass for root's.
func (d *diag) owner(local, remote netip.AddrPort) (owner, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := d.open(); err != nil {
		return owner{}, fmt.Errorf("open sock_diag: %w", err)
	}
	d.seq++
	request := diagRequest(d.seq, local, remote)
	if err := unix.Sendto(d.fd, request, 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		return owner{}, fmt.Errorf("ask sock_diag: %w", err)
	}
	var b [512]byte
	for {
		// The kernel answers before sendto returns: nothing here ever waits.
		n, from, err := unix.Recvfrom(d.fd, b[:], unix.MSG_DONTWAIT)
		if err != nil {
			return owner{}, fmt.Errorf("read sock_diag: %w", err)
		}
		if sender, ok := from.(*unix.SockaddrNetlink); !ok || sender.Pid != 0 {
			continue // not the kernel
		}
		if o, mine, err := parseDiag(b[:n], d.seq, local, remote); mine {
			return o, err
		}
	}
}

func (d *diag) open() error {
	if d.closed {
		return ErrClosed
	}
	if d.fd != 0 {
		return nil
	}
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_SOCK_DIAG)
	if err != nil {
		return err
	}
	d.fd = fd
	return nil
}

func (d *diag) close() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.fd != 0 {
		_ = unix.Close(d.fd) // nothing is buffered in it
	}
	d.fd, d.closed = 0, true
}

// diagRequest is a struct nlmsghdr and a struct inet_diag_req_v2.
func diagRequest(seq uint32, local, remote netip.AddrPort) []byte {
	b := make([]byte, diagRequestSize)
	ne := binary.NativeEndian
	ne.PutUint32(b[0:], diagRequestSize)
	ne.PutUint16(b[4:], unix.SOCK_DIAG_BY_FAMILY)
	ne.PutUint16(b[6:], unix.NLM_F_REQUEST)
	ne.PutUint32(b[8:], seq)
	r := b[unix.NLMSG_HDRLEN:]
	r[0], r[1] = unix.AF_INET6, unix.IPPROTO_TCP
	// A mapped address is an IPv4 connection, whatever our listener is.
	src, dst := local.Addr().Unmap(), remote.Addr().Unmap()
	if src.Is4() {
		r[0] = unix.AF_INET
	}
	ne.PutUint32(r[4:], 0xffffffff) // all states; ours is checked in the answer
	binary.BigEndian.PutUint16(r[8:], local.Port())
	binary.BigEndian.PutUint16(r[10:], remote.Port())
	copy(r[12:28], src.AsSlice())
	copy(r[28:44], dst.AsSlice())
	ne.PutUint32(r[48:], diagNoCookie)
	ne.PutUint32(r[52:], diagNoCookie)
	return b
}

// parseDiag reads the answer; mine is false if it answers something else.
func parseDiag(b []byte, seq uint32, local, remote netip.AddrPort) (o owner, mine bool, err error) {
	ne := binary.NativeEndian
	if len(b) < unix.NLMSG_HDRLEN || ne.Uint32(b[8:]) != seq {
		return owner{}, false, nil
	}
	body := b[unix.NLMSG_HDRLEN:]
	switch ne.Uint16(b[4:]) {
	case unix.NLMSG_ERROR:
		if len(body) < 4 {
			return owner{}, true, errNoSocket
		}
		if errno := unix.Errno(-int32(ne.Uint32(body))); errno != unix.ENOENT {
			return owner{}, true, errno
		}
		return owner{}, true, errNoSocket
	case unix.SOCK_DIAG_BY_FAMILY:
	default:
		return owner{}, false, nil
	}
	if len(body) < diagAnswerSize {
		return owner{}, true, errNoSocket
	}
	state := body[1]
	// Where there is no connection the kernel may answer with a listener.
	if state != tcpEstablished ||
		binary.BigEndian.Uint16(body[4:]) != local.Port() || binary.BigEndian.Uint16(body[6:]) != remote.Port() {
		return owner{}, true, errNoSocket
	}
	o = owner{uid: ne.Uint32(body[64:]), inode: ne.Uint32(body[68:])}
	if o.inode == 0 {
		return owner{}, true, errOrphan
	}
	return o, true, nil
}
