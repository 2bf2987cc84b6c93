package conf

import (
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
)

// maxSocketPath is sizeof(sun_path) less its terminating NUL (unix(7)).
const maxSocketPath = 107

// checkEndpoint judges a ZeroMQ endpoint: tcp://host:port or ipc://path. Only a
// bind may say * for all interfaces, or 0 or * for any free port.
func checkEndpoint(s string, bind bool) error {
	scheme, rest, ok := strings.Cut(s, "://")
	switch {
	case ok && scheme == "ipc":
		return checkPath(rest)
	case !ok || scheme != "tcp":
		return errors.New("is no endpoint; write tcp://host:port or ipc:///path")
	}
	host, port, err := net.SplitHostPort(rest)
	if err != nil {
		return errors.New("is no endpoint; write tcp://host:port, an IPv6 address in brackets")
	}
	if host == "" || strings.ContainsAny(host, " \t/@") {
		return errors.New("names no host; write tcp://host:port")
	}
	if host == "*" && !bind {
		return errors.New("is an address to connect to: * stands only in FrontBind and BackendBind")
	}
	if bind && port == "*" {
		return nil
	}
	low := 1
	if bind {
		low = 0
	}
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil || int(n) < low {
		return fmt.Errorf("has port %q, which is not between 1 and 65535", port)
	}
	return nil
}

func checkPath(path string) error {
	switch {
	case path == "" || path == "*":
		return errors.New("names no path; write ipc:///path/of/socket")
	case len(path) > maxSocketPath:
		return fmt.Errorf("has a path of %d bytes; a socket's holds %d", len(path), maxSocketPath)
	}
	return nil
}

// sameDoor reports whether a client of connect would reach the socket that
// binds bind, as far as the two texts tell: the port, or the path.
func sameDoor(connect, bind string) bool {
	if strings.HasPrefix(connect, "ipc://") || strings.HasPrefix(bind, "ipc://") {
		return connect == bind
	}
	port := door(bind)
	return port == door(connect) || port == "0" || port == "*"
}

// door is what stands after the last colon: the port.
func door(endpoint string) string {
	if i := strings.LastIndexByte(endpoint, ':'); i >= 0 {
		return endpoint[i+1:]
	}
	return endpoint
}
