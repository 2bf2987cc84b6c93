package access

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"syscall"

	"zmicroservices/tools/internal/exit"
)

// Dialable is a ZeroMQ endpoint as net.Dial takes it.
func Dialable(endpoint string) (network, address string, err error) {
	scheme, rest, found := strings.Cut(endpoint, "://")
	switch {
	case !found || rest == "":
		return "", "", fmt.Errorf("endpoint %q: wanted is tcp://host:port or ipc://path", endpoint)
	case scheme == "ipc":
		return "unix", rest, nil
	case scheme != "tcp":
		return "", "", fmt.Errorf("endpoint %q: %s is neither tcp nor ipc", endpoint, scheme)
	}
	host, port, err := net.SplitHostPort(rest)
	if err != nil {
		return "", "", fmt.Errorf("endpoint %q: %w", endpoint, err)
	}
	if host == "" || host == "*" || port == "" || port == "*" {
		return "", "", fmt.Errorf("endpoint %q can be bound, but not connected to", endpoint)
	}
	return "tcp", rest, nil
}

// Knock tells at once when nobody listens at an endpoint. A ZeroMQ socket would
// go on trying for ever, as the original's does: nobody hears, nobody knows.
func Knock(ctx context.Context, endpoint string) error {
	network, address, err := Dialable(endpoint)
	if err != nil {
		return err
	}
	var d net.Dialer
	conn, err := d.DialContext(ctx, network, address)
	switch {
	case err == nil:
		return conn.Close()
	case errors.Is(err, syscall.ECONNREFUSED), errors.Is(err, os.ErrNotExist):
		return exit.Nobody("nobody listens on %s", endpoint)
	}
	return absent(ctx, fmt.Errorf("connect to %s: %w", endpoint, err))
}

// absent is why there is nobody, unless it was the user who would not wait.
func absent(ctx context.Context, err error) error {
	if errors.Is(ctx.Err(), context.Canceled) {
		return exit.Failed("interrupted")
	}
	return exit.Nobody("%w", err)
}
