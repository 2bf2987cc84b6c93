package forwarder

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// maxSocketPath is the size of sun_path less its final zero (unix(7)).
const maxSocketPath = 107

// side is which way messages go.
type side uint8

const (
	front side = iota // publishers connect
	back              // subscribers connect
)

func (s side) String() string {
	if s == front {
		return "front"
	}
	return "back"
}

// listener is one bound endpoint.
type listener struct {
	deadlineListener
	side     side
	endpoint string // with the real port
	name     string // see Socket
}

// deadlineListener is a *net.TCPListener or a *net.UnixListener.
type deadlineListener interface {
	net.Listener
	syscall.Conn
	SetDeadline(t time.Time) error
}

// listen binds one endpoint of a Context file.
func listen(endpoint string, side side, bindAll bool) (*listener, error) {
	l, err := func() (*listener, error) {
		transport, address, ok := strings.Cut(endpoint, "://")
		switch {
		case !ok:
			return nil, errors.New("not TRANSPORT://ADDRESS")
		case transport == "tcp":
			return listenTCP(address, bindAll)
		case transport == "ipc":
			return listenIPC(address)
		default:
			return nil, fmt.Errorf("transport %q: tcp and ipc are served", transport)
		}
	}()
	if err != nil {
		return nil, fmt.Errorf("bind %s: %w", endpoint, reason(err))
	}
	l.side = side
	return l, nil
}

// reason strips what net wraps around a system error: the endpoint is named
// already.
func reason(err error) error {
	if op, ok := errors.AsType[*net.OpError](err); ok {
		if sys, ok := errors.AsType[syscall.Errno](op.Err); ok {
			return sys
		}
		return op.Err
	}
	return err
}

func listenTCP(address string, bindAll bool) (*listener, error) {
	host, port, err := splitHostPort(address)
	if err != nil {
		return nil, err
	}
	ip, err := bindAddr(host, bindAll)
	if err != nil {
		return nil, err
	}
	network := "tcp" // of [::], both families
	if ip.Is4() {
		network = "tcp4" // Go takes 0.0.0.0 for both families otherwise
	}
	// Go sets SO_REUSEADDR: a forwarder started again gets its port back at once.
	l, err := net.ListenTCP(network, net.TCPAddrFromAddrPort(netip.AddrPortFrom(ip, port)))
	if err != nil {
		return nil, err
	}
	return &listener{deadlineListener: l, endpoint: "tcp://" + l.Addr().String()}, nil
}

// splitHostPort splits at the last colon. "*" is port 0.
func splitHostPort(address string) (host string, port uint16, err error) {
	i := strings.LastIndexByte(address, ':')
	if i < 0 {
		return "", 0, errors.New("no port")
	}
	host, text := address[:i], address[i+1:]
	if text == "*" {
		return host, 0, nil
	}
	n, err := strconv.ParseUint(text, 10, 16)
	if err != nil {
		return "", 0, fmt.Errorf("port %q is not a number up to 65535", text)
	}
	return host, uint16(n), nil
}

// bindAddr turns what stands before the port into an address: "*", a number, an
// interface's name (as libzmq takes it) or a host's.
func bindAddr(host string, bindAll bool) (netip.Addr, error) {
	if host == "*" {
		if bindAll {
			return netip.IPv4Unspecified(), nil
		}
		return netip.AddrFrom4([4]byte{127, 0, 0, 1}), nil
	}
	ip, err := netip.ParseAddr(strings.TrimSuffix(strings.TrimPrefix(host, "["), "]"))
	if err != nil {
		if ip, err = lookup(host); err != nil {
			return ip, err
		}
	}
	if !ip.Unmap().IsLoopback() && !bindAll {
		return ip, fmt.Errorf("%s is beyond loopback; --bind_all allows that", ip)
	}
	return ip, nil
}

// lookupTimeout bounds the resolver: a Context file is checked at a start, where
// somebody waits.
const lookupTimeout = 5 * time.Second

func lookup(host string) (netip.Addr, error) {
	if dev, err := net.InterfaceByName(host); err == nil {
		addrs, err := dev.Addrs()
		if err != nil {
			return netip.Addr{}, fmt.Errorf("interface %s: %w", host, err)
		}
		for _, a := range addrs {
			if p, err := netip.ParsePrefix(a.String()); err == nil && p.Addr().Is4() {
				return p.Addr(), nil
			}
		}
		return netip.Addr{}, fmt.Errorf("interface %s has no IPv4 address", host)
	}
	ctx, cancel := context.WithTimeout(context.Background(), lookupTimeout)
	defer cancel()
	// IPv4 only, as libzmq without ZMQ_IPV6, which is its default.
	ips, err := net.DefaultResolver.LookupNetIP(ctx, "ip4", host)
	if err != nil || len(ips) == 0 {
		return netip.Addr{}, fmt.Errorf("host %q: no address", host)
	}
	return ips[0], nil
}

// listenIPC binds a unix socket. A file left by a dead owner is replaced, one
// that somebody listens on is not.
func listenIPC(path string) (*listener, error) {
	switch {
	case path == "" || path == "*":
		return nil, errors.New("ipc needs a path")
	case len(path) > maxSocketPath:
		return nil, fmt.Errorf("path of %d bytes, at most %d fit a socket address", len(path), maxSocketPath)
	}
	if path[0] != '@' {
		if err := removeStale(path); err != nil {
			return nil, err
		}
	}
	config := net.ListenConfig{Control: func(_, _ string, c syscall.RawConn) error {
		var mode error
		// The mode of the socket becomes the file's when it is bound: there is no
		// moment at which others could connect.
		if err := c.Control(func(fd uintptr) { mode = unix.Fchmod(int(fd), 0o600) }); err != nil {
			return err
		}
		return mode
	}}
	l, err := config.Listen(context.Background(), "unix", path)
	if err != nil {
		return nil, err
	}
	return &listener{deadlineListener: l.(*net.UnixListener), endpoint: "ipc://" + path}, nil
}

// removeStale removes a socket that nobody listens on.
func removeStale(path string) error {
	var st unix.Stat_t
	switch err := unix.Lstat(path, &st); {
	case errors.Is(err, unix.ENOENT):
		return nil
	case err != nil:
		return err
	case st.Mode&unix.S_IFMT != unix.S_IFSOCK:
		return errors.New("exists and is not a socket")
	}
	c, err := net.Dial("unix", path)
	if err == nil {
		_ = c.Close() // it was opened only to see whether somebody answers
		return unix.EADDRINUSE
	}
	if !errors.Is(err, unix.ECONNREFUSED) {
		return err // a full backlog too: its owner lives
	}
	if err := unix.Unlink(path); err != nil && !errors.Is(err, unix.ENOENT) {
		return err
	}
	return nil
}
