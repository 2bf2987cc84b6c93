package hosts

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync/atomic"
	"testing"
)

// network is a switch of two halves with a trunk between them, and the hosts at it. All
// of it is in namespaces, whose names nobody else has.
type network struct {
	t      *testing.T
	prefix string
	v6     bool
	ports  int
}

// networks tells those of one run apart.
var networks atomic.Int64

// The halves of the switch.
const (
	east = "east"
	west = "west"
)

// newNetwork makes one. Where it may not, the test is skipped.
func newNetwork(t *testing.T) *network {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("network namespaces take root")
	}
	for program, pkg := range map[string]string{"ip": "iproute2", "nft": "nftables"} {
		if _, err := exec.LookPath(program); err != nil {
			if os.Getenv("CI") == "true" {
				t.Fatalf("no %s: apt-get install %s", program, pkg)
			}
			t.Skipf("no %s: apt-get install %s", program, pkg)
		}
	}
	n := &network{t: t, prefix: fmt.Sprintf("zms%d-%d-", os.Getpid(), networks.Add(1))}
	if out, err := n.try("ip", "netns", "add", n.prefix+"switch"); err != nil {
		t.Skipf("no network namespaces here: %v: %s", err, out)
	}
	t.Cleanup(func() { n.run("ip", "netns", "del", n.prefix+"switch") })
	for _, half := range []string{east, west} {
		// Without snooping: a bridge that listens for who wants which multicast loses the
		// first words of IPv6's neighbour discovery.
		n.make("link", "add", half, "type", "bridge", "mcast_snooping", "0")
		n.run("ip", "-n", n.prefix+"switch", "link", "set", half, "up")
	}
	n.make("link", "add", "trunk-"+east, "type", "veth", "peer", "name", "trunk-"+west)
	for _, half := range []string{east, west} {
		n.run("ip", "-n", n.prefix+"switch", "link", "set", "trunk-"+half, "master", half, "up")
	}
	return n
}

// make makes a part of the switch, which not every kernel has.
func (n *network) make(args ...string) {
	n.t.Helper()
	out, err := n.try("ip", append([]string{"-n", n.prefix + "switch"}, args...)...)
	switch {
	case err == nil:
	case strings.Contains(out, "Unknown device type"), strings.Contains(out, "not supported"):
		n.t.Skipf("this kernel has no ip %s: %s", strings.Join(args, " "), out)
	default:
		n.t.Fatalf("ip %s: %v: %s", strings.Join(args, " "), err, out)
	}
}

func (n *network) try(name string, args ...string) (string, error) {
	out, err := exec.Command(name, args...).CombinedOutput()
	return strings.TrimSpace(string(out)), err
}

func (n *network) run(name string, args ...string) {
	n.t.Helper()
	if out, err := n.try(name, args...); err != nil {
		n.t.Errorf("%s %s: %v: %s", name, strings.Join(args, " "), err, out)
	}
}

// place is where a host is connected to the network.
type place struct {
	*network
	namespace string
	port      string // its end at the switch
	ip        string
}

// plug makes a place at a half of the switch. number is the end of its address.
func (n *network) plug(half string, number int) *place {
	n.t.Helper()
	n.ports++
	p := &place{network: n, namespace: fmt.Sprintf("%sp%d", n.prefix, n.ports), port: fmt.Sprintf("port%d", n.ports)}
	n.run("ip", "netns", "add", p.namespace)
	n.t.Cleanup(func() { n.run("ip", "netns", "del", p.namespace) })
	n.run("ip", "-n", n.prefix+"switch", "link", "add", p.port, "type", "veth", "peer", "name", "eth0", "netns", p.namespace)
	n.run("ip", "-n", n.prefix+"switch", "link", "set", p.port, "master", half, "up")
	n.run("ip", "-n", p.namespace, "link", "set", "lo", "up")
	n.run("ip", "-n", p.namespace, "link", "set", "eth0", "up")
	p.move(number)
	return p
}

// move gives a place another address, and takes away the one that it had.
func (p *place) move(number int) {
	p.t.Helper()
	ip, bits := fmt.Sprintf("10.77.0.%d", number), "/24"
	add := []string{"-n", p.namespace, "addr", "add", ip + bits, "dev", "eth0"}
	if p.v6 {
		ip, bits = fmt.Sprintf("fd00:77::%d", number), "/64"
		add = []string{"-n", p.namespace, "addr", "add", ip + bits, "dev", "eth0", "nodad"}
	}
	if p.ip != "" {
		p.run("ip", "-n", p.namespace, "addr", "del", p.ip+bits, "dev", "eth0")
	}
	p.run("ip", add...)
	p.ip = ip
}

// cut pulls the cable of a place, heal puts it in again.
func (p *place) cut()  { p.run("ip", "-n", p.prefix+"switch", "link", "set", p.port, "down") }
func (p *place) heal() { p.run("ip", "-n", p.prefix+"switch", "link", "set", p.port, "up") }

// split takes the halves of the switch apart, join puts them together again.
func (n *network) split() { n.run("ip", "-n", n.prefix+"switch", "link", "set", "trunk-"+east, "down") }
func (n *network) join()  { n.run("ip", "-n", n.prefix+"switch", "link", "set", "trunk-"+east, "up") }

// lose has a place lose so many of a hundred packets that come to it.
func (p *place) lose(percent int) {
	p.t.Helper()
	cmd := exec.Command("ip", "netns", "exec", p.namespace, "nft", "-f", "-")
	cmd.Stdin = strings.NewReader(fmt.Sprintf(`table inet loss {
	chain in {
		type filter hook input priority 0; policy accept;
		iifname "eth0" numgen random mod 100 < %d drop
	}
}`, percent))
	switch out, err := cmd.CombinedOutput(); {
	case err == nil:
	case strings.Contains(string(out), "not supported"), strings.Contains(string(out), "No such file or directory"):
		p.t.Skipf("this kernel loses no packets by nftables: %s", out)
	default:
		p.t.Fatalf("nft: %v: %s", err, out)
	}
}
