package pub

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"strings"
	"syscall"
	"time"
)

// resolveTime bounds the resolver.
const resolveTime = 5 * time.Second

// ErrBeyond refuses an address without Options.Beyond.
var ErrBeyond = errors.New("is beyond loopback: whoever reaches it could subscribe")

// listen binds an endpoint, TRANSPORT://ADDRESS.
func listen(endpoint string, beyond bool) (net.Listener, error) {
	transport, address, ok := strings.Cut(endpoint, "://")
	switch {
	case !ok:
		return nil, errors.New("not TRANSPORT://ADDRESS, as in tcp://127.0.0.1:6558")
	case transport == "tcp":
		return listenTCP(address, beyond)
	case transport == "ipc":
		return listenIPC(address)
	default:
		return nil, fmt.Errorf("transport %q: tcp and ipc are served", transport)
	}
}

func listenTCP(address string, beyond bool) (net.Listener, error) {
	i := strings.LastIndexByte(address, ':')
	if i < 0 {
		return nil, errors.New("no port")
	}
	host, port := strings.Trim(address[:i], "[]"), address[i+1:]
	switch {
	case host == "*" && beyond:
		host = "0.0.0.0"
	case host == "*":
		host = "127.0.0.1"
	}
	if port == "*" {
		port = "0"
	}
	ip, err := netip.ParseAddr(host)
	if err != nil {
		ctx, cancel := context.WithTimeout(context.Background(), resolveTime)
		defer cancel()
		found, err := net.DefaultResolver.LookupNetIP(ctx, "ip4", host)
		if err != nil || len(found) == 0 {
			return nil, fmt.Errorf("host %q: no address", host)
		}
		ip = found[0]
	}
	if !ip.Unmap().IsLoopback() && !beyond {
		return nil, fmt.Errorf("%s %w", ip, ErrBeyond)
	}
	return net.Listen("tcp", net.JoinHostPort(ip.String(), port))
}

// listenIPC binds a unix socket, for its owner only. A file that a dead owner has left
// is replaced, one that somebody listens on is not.
func listenIPC(path string) (net.Listener, error) {
	if path == "" || path == "*" {
		return nil, errors.New("ipc needs a path")
	}
	if info, err := os.Lstat(path); err == nil {
		if info.Mode().Type() != fs.ModeSocket {
			return nil, errors.New("there is a file that is no socket")
		}
		c, err := net.Dial("unix", path)
		if err == nil {
			c.Close()
			return nil, syscall.EADDRINUSE
		}
		if err := os.Remove(path); err != nil {
			return nil, err
		}
	}
	config := net.ListenConfig{Control: func(_, _ string, c syscall.RawConn) error {
		var mode error
		// The socket's mode becomes the file's when it is bound: at no moment may others connect.
		if err := c.Control(func(fd uintptr) { mode = syscall.Fchmod(int(fd), 0o600) }); err != nil {
			return err
		}
		return mode
	}}
	return config.Listen(context.Background(), "unix", path)
}

// reason strips what net wraps around a system error: the endpoint is named already.
func reason(err error) error {
	if op, ok := errors.AsType[*net.OpError](err); ok {
		if sys, ok := errors.AsType[syscall.Errno](op.Err); ok {
			return sys
		}
		return op.Err
	}
	return err
}
