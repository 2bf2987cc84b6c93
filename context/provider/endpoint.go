package provider

import (
	"net"
	"net/netip"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// concrete gives an endpoint the port that was really bound, where the address
// that it leads to leaves the choice to the kernel: port 0 or *.
func concrete(endpoint, bind string, bound []string) string {
	if len(bound) == 0 || !strings.HasSuffix(bind, ":0") && !strings.HasSuffix(bind, ":*") {
		return endpoint
	}
	tcp := strings.HasPrefix(endpoint, "tcp://") && strings.HasPrefix(bind, "tcp://")
	at, real := strings.LastIndexByte(endpoint, ':'), strings.LastIndexByte(bound[0], ':')
	if !tcp || at < 0 || real < 0 {
		return endpoint
	}
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
