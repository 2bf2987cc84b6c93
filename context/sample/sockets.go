package sample

import (
	"net/netip"

	"github.com/shirou/gopsutil/v3/net"
	"golang.org/x/sys/unix"
)

// kind is which list a socket is in.
type kind uint8

const (
	unknown kind = iota // in none that was read: not bound or connected yet, or of another family
	tcp
	udp
	unixSocket
)

// record is a socket as the kernel lists it.
type record struct {
	kind         kind
	family       uint8 // AF_INET, AF_INET6, AF_UNIX
	sockType     uint8 // SOCK_STREAM, …
	state        uint8 // of TCP
	inode        uint32
	lport, rport uint16
	laddr, raddr [16]byte // IPv4 in the first four
}

// socket is one that a process of ours has.
type socket struct {
	space *space
	inode uint32
	users int    // descriptors that lead to it
	tick  uint64 // in which it was listed
	given uint64 // in which it was given to owner
	owner int32
	as    record // what stat was made of
	path  string // of a unix socket
	stat  net.ConnectionStat
}

func (k *socket) release() {
	if k.users--; k.users == 0 {
		delete(k.space.sockets, k.inode)
		k.space.count[k.as.kind]--
	}
}

// show makes what is shown of a record, unless it is the same as before.
func (k *socket) show(r *record, path []byte, tick uint64) {
	k.tick = tick
	if k.as == *r && (r.kind != unixSocket || k.path == string(path)) {
		return
	}
	if k.as.kind != r.kind {
		k.space.count[k.as.kind]--
		k.space.count[r.kind]++
	}
	moved := k.as.laddr != r.laddr || k.as.raddr != r.raddr || k.as.kind != r.kind || k.as.family != r.family
	k.as = *r
	k.stat.Family, k.stat.Type, k.stat.Status = uint32(r.family), uint32(r.sockType), "NONE"
	if r.kind == unixSocket {
		k.path = string(path)
		k.stat.Laddr = net.Addr{IP: k.path}
		return
	}
	if r.kind == tcp && int(r.state) < len(tcpStates) {
		k.stat.Status = tcpStates[r.state]
	}
	if moved {
		k.stat.Laddr.IP, k.stat.Raddr.IP = text(r.family, r.laddr), text(r.family, r.raddr)
	}
	k.stat.Laddr.Port, k.stat.Raddr.Port = uint32(r.lport), uint32(r.rport)
}

// tcpStates are gopsutil's and psutil's words for the numbers of tcp_states.h.
var tcpStates = [...]string{
	"NONE", "ESTABLISHED", "SYN_SENT", "SYN_RECV", "FIN_WAIT1", "FIN_WAIT2", "TIME_WAIT", "CLOSE", "CLOSE_WAIT", "LAST_ACK", "LISTEN", "CLOSING",
}

// text writes an address as gopsutil does: one of IPv4 that an IPv6 socket has, without
// its prefix.
func text(family uint8, a [16]byte) string {
	if family == unix.AF_INET {
		return netip.AddrFrom4([4]byte(a[:4])).String()
	}
	return netip.AddrFrom16(a).Unmap().String()
}

// join gives a process the sockets that were listed. One that it has under two numbers
// is shown with the first.
func (e *entry) join(s *Sampler) {
	e.Connections = e.Connections[:0]
	if e.space == nil {
		return
	}
	if e.space.err != nil && len(e.links) > 0 {
		e.lack("sockets", e.space.err)
	}
	for _, l := range e.links {
		k := l.socket
		if k.as.kind == unknown || k.tick != k.space.listed[k.as.kind] {
			continue
		}
		if k.given == s.tick && k.owner == e.PID && k.as.kind != unixSocket {
			continue
		}
		k.given, k.owner = s.tick, e.PID
		e.Connections = append(e.Connections, k.stat)
		c := &e.Connections[len(e.Connections)-1]
		c.Fd, c.Pid, c.Uids = uint32(l.fd), e.PID, e.uids
	}
}

// IsInet says that a connection is one of TCP or UDP, and no unix socket.
func IsInet(c *net.ConnectionStat) bool {
	return c.Family == unix.AF_INET || c.Family == unix.AF_INET6
}
