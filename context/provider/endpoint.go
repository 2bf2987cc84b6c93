package provider

import (
	"fmt"
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
	if err != nil {
		return true // an address that is read in one way here may be bound in another
	}
	if host == "*" || host == "localhost" || host == "lo" {
		return false
	}
	addr, err := netip.ParseAddr(host)
	return err != nil || !addr.IsLoopback()
}

// beyondLoopback refuses an address that others can reach, unless they have to prove
// a key or it was said in so many words: whoever can write to the context topic runs
// code here.
func (o *Options) beyondLoopback() error {
	for _, bind := range [][2]string{{"FrontBind", o.Context.FrontBind}, {"BackendBind", o.Context.BackendBind}} {
		name, endpoint := bind[0], bind[1]
		open := beyondLoopback(endpoint)
		star := strings.HasPrefix(endpoint, "tcp://*:")
		log := o.Logger.With("element", name, "endpoint", endpoint)
		switch {
		case star && !o.BindAll:
			log.Info("wildcard address bound on loopback only; --bind_all binds every interface")
		case !open && !star:
		case o.Curve != "":
			log.Info("bus is open to other machines, for the owners of keys", "curve", o.Curve)
		case !o.Insecure && o.Plain != "":
			return fmt.Errorf("%s %s is reachable from other machines, and PLAIN sends passwords and everything else for all to read: use --curve, or add --insecure if that is meant, or bind 127.0.0.1", name, endpoint)
		case !o.Insecure:
			return fmt.Errorf("%s %s is reachable from other machines, and nothing would authenticate them: use --curve, or add --insecure if that is meant, or bind 127.0.0.1", name, endpoint)
		case o.Plain != "":
			log.Warn("bus is open to other machines without encryption: whoever is on the way reads passwords and messages, and may change them")
		default:
			log.Warn("bus is open to other machines without authentication: whoever can connect may command it")
		}
	}
	return nil
}
