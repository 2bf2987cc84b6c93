package provider

import (
	"net"
	"net/netip"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// concrete gives an endpoint the port that was bound where the file says 0 or *.
func concrete(endpoint string, bound []string) string {
	at := strings.LastIndexByte(endpoint, ':')
	if at < 0 || len(bound) == 0 || endpoint[at:] != ":0" && endpoint[at:] != ":*" {
		return endpoint
	}
	real := strings.LastIndexByte(bound[0], ':')
	return endpoint[:at] + bound[0][real:]
}

// signalName is the name as signal(7) has it: "SIGKILL".
func signalName(s syscall.Signal) string {
	if name := unix.SignalName(s); name != "" {
		return name
	}
	return s.String()
}

// beyondLoopback says whether a bind address can be reached from other machines.
// An interface or a name that is not known to be loopback may be.
func beyondLoopback(endpoint string) bool {
	rest, tcp := strings.CutPrefix(endpoint, "tcp://")
	if !tcp {
		return false
	}
	host, _, err := net.SplitHostPort(rest)
	if err != nil || host == "*" || host == "localhost" || host == "lo" {
		return false
	}
	addr, err := netip.ParseAddr(host)
	return err != nil || !addr.IsLoopback()
}
