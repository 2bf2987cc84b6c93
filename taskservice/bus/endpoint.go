package bus

import (
	"fmt"
	"net"
	"strings"
)

// endpoint is a ZeroMQ address as net.Dial wants it.
type endpoint struct {
	text    string // as given, for errors and logs
	network string // "tcp" or "unix"
	address string
}

func (e endpoint) String() string { return e.text }

// parseEndpoint reads tcp://host:port and ipc://path. An ipc path that begins
// with @ is in Linux' abstract namespace (unix(7)), for us as for libzmq.
func parseEndpoint(text string) (endpoint, error) {
	scheme, rest, found := strings.Cut(text, "://")
	if !found {
		return endpoint{}, fmt.Errorf("endpoint %q has no scheme; tcp://host:port or ipc://path", text)
	}
	switch scheme {
	case "tcp":
		host, port, err := net.SplitHostPort(rest)
		if err != nil {
			return endpoint{}, fmt.Errorf("endpoint %q: %w", text, err)
		}
		if host == "" || host == "*" || port == "" || port == "*" || port == "0" {
			return endpoint{}, fmt.Errorf("endpoint %q can be bound, not connected to", text)
		}
		return endpoint{text, "tcp", rest}, nil
	case "ipc":
		if rest == "" || rest == "*" {
			return endpoint{}, fmt.Errorf("endpoint %q has no path to connect to", text)
		}
		return endpoint{text, "unix", rest}, nil
	default:
		return endpoint{}, fmt.Errorf("endpoint %q: scheme %q is neither tcp nor ipc", text, scheme)
	}
}
