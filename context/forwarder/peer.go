package forwarder

import (
	"log/slog"
	"net/netip"
)

// Peer is who is at the other end of a connection, as far as the kernel and the
// mechanism vouch for it. It is fixed when the handshake ends.
type Peer struct {
	// Conn numbers the connections of a Forwarder from 1; 0 is nobody's.
	Conn uint64
	// Addr is the peer's address: "127.0.0.1:40312", or the endpoint for ipc.
	Addr string
	// Mechanism is the security mechanism: "NULL", "CURVE", "PLAIN".
	Mechanism string
	// Key is whom the mechanism has let in: by CURVE a public key in Z85, by PLAIN
	// a user; empty where it lets in everybody.
	Key string
	// Name, Role and Services are what Options.Vouch says of the key. They mean
	// nothing here.
	Name, Role string
	Services   []string
	// Mute is Vouch's word that the peer may listen only: all that it publishes is
	// denied.
	Mute bool
	// UID owns the peer's socket: by SO_PEERCRED (ipc) or sock_diag (tcp over
	// loopback). -1 is unknown, and unknown is nobody's friend.
	UID int
	// PID is the peer's process (ipc only), 0 if unknown.
	PID int
	// Inode is the inode of the peer's socket (tcp over loopback), as in
	// /proc/PID/fd; 0 if unknown.
	Inode uint64
	// Self is true for what Publish sends.
	Self bool
	// Loopback is true for ipc and for tcp from a loopback address.
	Loopback bool
}

// LogValue names a peer in a log: what is known, and no more.
func (p Peer) LogValue() slog.Value {
	if p.Self {
		return slog.StringValue("self")
	}
	attrs := []slog.Attr{slog.Uint64("conn", p.Conn), slog.String("addr", p.Addr)}
	if p.UID >= 0 {
		attrs = append(attrs, slog.Int("uid", p.UID))
	}
	if p.PID > 0 {
		attrs = append(attrs, slog.Int("pid", p.PID))
	}
	if p.Key != "" {
		attrs = append(attrs, slog.String("key", p.Key))
	}
	if p.Name != "" {
		attrs = append(attrs, slog.String("name", p.Name))
	}
	if p.Role != "" {
		attrs = append(attrs, slog.String("role", p.Role))
	}
	return slog.GroupValue(attrs...)
}

// isLoopback reports whether an address is this machine's own by its number
// alone. Other addresses of this machine are not: what comes in by them may have
// come by any road.
func isLoopback(a netip.AddrPort) bool { return a.Addr().Unmap().IsLoopback() }
