package peer

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"regexp"
	"strconv"
	"strings"
)

// DefaultPort is the port of an address that names none.
const DefaultPort = 80

// longestAddress is that of a host name (RFC 1035, 2.3.4) and of what is around it.
const longestAddress = 253 + len("[]:65535")

// Address is where a peer is called: 10.0.0.7, 10.0.0.7:8090, fd00::7, [fd00::7]:8090,
// db1.example.net:8090. It is made by ParseAddress, which knows one spelling of each.
type Address string

// hostName is a name by RFC 1123, 2.1. Its last label is no number: what looks like an
// IP address and is none is a mistake, not a name.
var hostName = regexp.MustCompile(`^([A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)*[A-Za-z]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.?$`)

// ParseAddress reads an address as it is in a file or a message. It refuses what nobody
// can be called at: the unspecified address, multicast, port 0, an interface's zone.
func ParseAddress(s string) (Address, error) {
	if s == "" {
		return "", errors.New("address is empty")
	}
	if len(s) > longestAddress {
		return "", fmt.Errorf("address has %d characters, which is more than a name can have", len(s))
	}
	host, port, err := split(s)
	if err != nil {
		return "", err
	}
	ip, err := netip.ParseAddr(host)
	if err != nil {
		if !hostName.MatchString(host) || len(host) > 253 {
			return "", fmt.Errorf("address %q: %q is neither an IP address nor the name of a host", s, host)
		}
		return join(strings.ToLower(strings.TrimSuffix(host, ".")), port), nil
	}
	ip = ip.Unmap()
	switch {
	case ip.Zone() != "":
		return "", fmt.Errorf("address %q: a zone means something on its own host only", s)
	case ip.IsUnspecified(), ip.IsMulticast(), ip == netip.AddrFrom4([4]byte{255, 255, 255, 255}):
		return "", fmt.Errorf("address %q: nobody can be called at %s", s, ip)
	}
	return join(ip.String(), port), nil
}

// split takes host and port apart. A bare IPv6 address has no port.
func split(s string) (host string, port uint16, err error) {
	if inner, ok := strings.CutPrefix(s, "["); ok && strings.HasSuffix(inner, "]") {
		return strings.TrimSuffix(inner, "]"), DefaultPort, nil
	}
	if strings.Count(s, ":") != 1 && !strings.HasPrefix(s, "[") {
		return s, DefaultPort, nil
	}
	host, text, err := net.SplitHostPort(s)
	if err != nil {
		return "", 0, fmt.Errorf("address %q: wanted is HOST, HOST:PORT or [V6]:PORT", s)
	}
	n, err := strconv.ParseUint(text, 10, 16)
	if err != nil || n == 0 || text[0] == '+' {
		return "", 0, fmt.Errorf("address %q: port %q is no number from 1 to 65535", s, text)
	}
	return host, uint16(n), nil
}

func join(host string, port uint16) Address {
	if port == DefaultPort {
		return Address(host)
	}
	return Address(net.JoinHostPort(host, strconv.Itoa(int(port))))
}

// AddressOf is a host with a port.
func AddressOf(ip netip.Addr, port uint16) Address {
	return join(ip.Unmap().WithZone("").String(), port)
}

// HostPort is the address as net.Dial and a URL want it, always with a port.
func (a Address) HostPort() string {
	host, port, err := split(string(a))
	if err != nil {
		return string(a) // not made by ParseAddress; the dial will say so
	}
	return net.JoinHostPort(host, strconv.Itoa(int(port)))
}

// Host is the address without its port.
func (a Address) Host() string {
	host, _, err := net.SplitHostPort(a.HostPort())
	if err != nil {
		return string(a)
	}
	return host
}

// IsLoopback says that the address means another process of the host that calls it.
func (a Address) IsLoopback() bool {
	host := a.Host()
	if host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return true // RFC 6761, 6.3
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.IsLoopback()
}
