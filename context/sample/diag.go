package sample

import (
	"errors"
	"fmt"
	"os"
	"runtime"

	"golang.org/x/sys/unix"
)

// diag lists the sockets of a network namespace by NETLINK_SOCK_DIAG (sock_diag(7)):
// one question for TCP of both families, one a family for UDP, one for unix sockets; or
// one a socket, where that is cheaper.
type diag struct {
	fd    int
	seq   uint32
	buf   []byte
	one   record    // that is read
	batch []*socket // that are asked for
}

// Numbers of linux/inet_diag.h, unix_diag.h and sock_diag.h.
const (
	tcpDiag         = 18 // TCPDIAG_GETSOCK: the older question, which takes AF_UNSPEC
	diagHeader      = unix.SizeofNlMsghdr
	inetRequestV1   = 60
	inetRequestV2   = 56
	inetAnswer      = 72
	unixRequest     = 24
	unixAnswer      = 16
	unixShowName    = 1
	unixDiagName    = 0
	stateTimeWait   = 6
	stateNewSynRecv = 12
	diagPatience    = 1 // seconds for one answer, which the kernel gives at once
)

var errDiag = errors.New("sock_diag gave no answer that was asked for")

// ownSpace is the inode of our own network namespace; 0 if it cannot be told.
func ownSpace() uint64 {
	var info unix.Stat_t
	if unix.Stat("/proc/self/ns/net", &info) != nil {
		return 0
	}
	return info.Ino
}

// openDiag opens a socket in a namespace. Into another one than ours only who may
// (CAP_SYS_ADMIN) can go.
func openDiag(s *Sampler, sp *space) (*diag, error) {
	if sp.inode == s.spaces.own {
		return newDiag()
	}
	there, err := openat(s.root, s.files.path(sp.pid, "/ns/net"), unix.O_RDONLY)
	if err != nil {
		return nil, err
	}
	defer unix.Close(there)
	type opened struct {
		d   *diag
		err error
	}
	done := make(chan opened) // capacity 0: openDiag waits for the one answer
	go func() {               // ends with its answer
		// A thread that cannot come back must not carry another goroutine: it ends with
		// this one, which never unlocks it then.
		runtime.LockOSThread()
		home, err := unix.Open("/proc/thread-self/ns/net", unix.O_RDONLY|unix.O_CLOEXEC, 0)
		if err != nil {
			runtime.UnlockOSThread()
			done <- opened{nil, err}
			return
		}
		defer unix.Close(home)
		if err := unix.Setns(there, unix.CLONE_NEWNET); err != nil {
			runtime.UnlockOSThread()
			done <- opened{nil, err}
			return
		}
		d, err := newDiag()
		if unix.Setns(home, unix.CLONE_NEWNET) == nil {
			runtime.UnlockOSThread()
		}
		done <- opened{d, err}
	}()
	o := <-done
	if o.err != nil {
		return nil, fmt.Errorf("enter network namespace of process %d: %w", sp.pid, o.err)
	}
	return o.d, nil
}

func newDiag() (*diag, error) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_SOCK_DIAG)
	if err != nil {
		return nil, os.NewSyscallError("socket", err)
	}
	// Connected to the kernel, nobody else is heard. An answer comes at once or never.
	if err := errors.Join(
		unix.Connect(fd, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}),
		unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &unix.Timeval{Sec: diagPatience}),
	); err != nil {
		_ = unix.Close(fd) // unused
		return nil, err
	}
	return &diag{fd: fd, buf: make([]byte, 64<<10)}, nil
}

func (d *diag) close() { _ = unix.Close(d.fd) } // was only read

// list asks for some kinds of sockets and gives every one that is open.
func (d *diag) list(kinds [unixSocket + 1]bool, put func(*record, []byte)) error {
	if kinds[tcp] {
		q := d.question(tcpDiag, inetRequestV1)
		q[0] = unix.AF_UNSPEC
		// None that is only waited for: it has no owner any more, or none yet.
		nativeEndian.PutUint32(q[52:], ^uint32(1<<stateTimeWait|1<<stateNewSynRecv))
		if err := d.ask(inetRequestV1, tcp, put); err != nil {
			return fmt.Errorf("list TCP sockets: %w", err)
		}
	}
	if kinds[udp] {
		for _, family := range []byte{unix.AF_INET, unix.AF_INET6} {
			q := d.question(unix.SOCK_DIAG_BY_FAMILY, inetRequestV2)
			q[0], q[1] = family, unix.IPPROTO_UDP
			nativeEndian.PutUint32(q[4:], ^uint32(0))
			err := d.ask(inetRequestV2, udp, put)
			if err != nil && (family == unix.AF_INET || !errors.Is(err, unix.ENOENT)) { // no IPv6, no sockets of it
				return fmt.Errorf("list UDP sockets: %w", err)
			}
		}
	}
	if kinds[unixSocket] {
		q := d.question(unix.SOCK_DIAG_BY_FAMILY, unixRequest)
		q[0] = unix.AF_UNIX
		nativeEndian.PutUint32(q[4:], ^uint32(0))
		nativeEndian.PutUint32(q[12:], unixShowName)
		if err := d.ask(unixRequest, unixSocket, put); err != nil {
			return fmt.Errorf("list unix sockets: %w", err)
		}
	}
	return nil
}

// question makes a message for a dump and gives the place of its body, all zero.
func (d *diag) question(kind uint16, size int) []byte {
	d.seq++
	b := d.buf[:diagHeader+size]
	clear(b)
	nativeEndian.PutUint32(b[0:], uint32(len(b)))
	nativeEndian.PutUint16(b[4:], kind)
	nativeEndian.PutUint16(b[6:], unix.NLM_F_REQUEST|unix.NLM_F_DUMP)
	nativeEndian.PutUint32(b[8:], d.seq)
	return b[diagHeader:]
}

// ask sends the question and reads its answers to the end.
func (d *diag) ask(size int, as kind, put func(*record, []byte)) error {
	if _, err := unix.Write(d.fd, d.buf[:diagHeader+size]); err != nil {
		return err
	}
	for {
		n, err := unix.Read(d.fd, d.buf)
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return err
		}
		done, err := parseAnswers(d.buf[:n], d.seq, as, &d.one, put)
		if done || err != nil {
			return err
		}
	}
}

// parseAnswers reads a datagram of netlink messages (netlink(7)).
func parseAnswers(b []byte, seq uint32, as kind, r *record, put func(*record, []byte)) (done bool, err error) {
	for len(b) >= diagHeader {
		size := int(nativeEndian.Uint32(b))
		if size < diagHeader || size > len(b) {
			return false, errDiag
		}
		body := b[diagHeader:size]
		kind := nativeEndian.Uint16(b[4:])
		if nativeEndian.Uint32(b[8:]) == seq {
			switch kind {
			case unix.NLMSG_DONE:
				return true, nil
			case unix.NLMSG_ERROR:
				if len(body) < 4 {
					return true, errDiag
				}
				return true, unix.Errno(-int32(nativeEndian.Uint32(body)))
			default:
				if path, ok := parseSocket(body, as, r); ok {
					put(r, path)
				}
			}
		}
		b = b[min(len(b), (size+3)&^3):]
	}
	return false, nil
}

// parseSocket reads a struct inet_diag_msg, or a unix_diag_msg and the name after it.
func parseSocket(b []byte, as kind, r *record) (path []byte, ok bool) {
	*r = record{kind: as}
	if as == unixSocket {
		if len(b) < unixAnswer {
			return nil, false
		}
		r.family, r.sockType, r.inode = b[0], b[1], nativeEndian.Uint32(b[4:])
		for b = b[unixAnswer:]; len(b) >= 4; {
			size := int(nativeEndian.Uint16(b))
			if size < 4 || size > len(b) {
				break
			}
			if nativeEndian.Uint16(b[2:]) == unixDiagName {
				return unixName(b[4:size]), true
			}
			b = b[min(len(b), (size+3)&^3):]
		}
		return nil, true
	}
	if len(b) < inetAnswer {
		return nil, false
	}
	r.family, r.state, r.inode = b[0], b[1], nativeEndian.Uint32(b[68:])
	r.sockType = unix.SOCK_STREAM
	if as == udp {
		r.sockType, r.state = unix.SOCK_DGRAM, 0
	}
	r.lport, r.rport = uint16(b[4])<<8|uint16(b[5]), uint16(b[6])<<8|uint16(b[7])
	copy(r.laddr[:], b[8:24])
	copy(r.raddr[:], b[24:40])
	return nil, true
}

// unixName is a name as /proc/net/unix shows it: that of an abstract one with @ for NUL.
func unixName(b []byte) []byte {
	if len(b) > 0 && b[0] == 0 {
		for i, c := range b {
			if c == 0 {
				b[i] = '@'
			}
		}
		return b
	}
	for i, c := range b {
		if c == 0 {
			return b[:i]
		}
	}
	return b
}
