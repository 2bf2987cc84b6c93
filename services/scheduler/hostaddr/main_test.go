package hostaddr

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"go.uber.org/goleak"
)

// inside says that this process is the child of the test, in a network of its own.
const inside = "ZMS_TEST_NETWORK"

func TestMain(m *testing.M) {
	if os.Getenv(inside) != "" {
		os.Exit(follow())
	}
	goleak.VerifyTestMain(m)
}

// follow is the child: it changes its network's addresses and watches them.
func follow() int {
	seen := make(chan string, 64) // sent by the watcher
	w, err := New(Options{
		Logger: slog.New(slog.DiscardHandler), Port: 8090, Poll: time.Hour,
		Changed: func(a string) { seen <- a },
	})
	if err != nil {
		fmt.Println(err)
		return 1
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	ended := make(chan error, 1)
	go func() { ended <- w.Run(ctx) }()
	until := func(want string) error {
		deadline := time.After(20 * time.Second)
		for {
			select {
			case got := <-seen:
				fmt.Printf("seen %q\n", got)
				if got == want {
					return nil
				}
			case <-deadline:
				return fmt.Errorf("%q is not seen", want)
			}
		}
	}
	link := &netlink.Veth{LinkAttrs: netlink.LinkAttrs{Name: "zms0"}, PeerName: "zms1"}
	address := func(change func(netlink.Link, *netlink.Addr) error, text string) func() error {
		return func() error {
			a, err := netlink.ParseAddr(text)
			if err != nil {
				return err
			}
			a.Flags = 2 // IFA_F_NODAD: there is nobody else
			return change(link, a)
		}
	}
	route := func(text string) func() error {
		return func() error {
			_, all, err := net.ParseCIDR(text)
			if err != nil {
				return err
			}
			return netlink.RouteAdd(&netlink.Route{LinkIndex: link.Index, Dst: all})
		}
	}
	for i, step := range []func() error{
		func() error { return until("") },
		func() error { return netlink.LinkAdd(link) },
		func() error {
			end, err := netlink.LinkByName("zms1")
			if err != nil {
				return err
			}
			return errors.Join(netlink.LinkSetUp(end), netlink.LinkSetUp(link))
		},
		address(netlink.AddrAdd, "10.1.0.1/24"),
		route("0.0.0.0/0"),
		func() error { return until("10.1.0.1:8090") },
		address(netlink.AddrAdd, "fd00:1::1/64"),
		route("2001:db8::/32"),
		func() error { return until("10.1.0.1:8090 [fd00:1::1]:8090") },
		address(netlink.AddrAdd, "10.1.0.2/24"),
		address(netlink.AddrDel, "10.1.0.1/24"),
		func() error { return until("[fd00:1::1]:8090") }, // the kernel takes the second and the route along
		address(netlink.AddrAdd, "10.2.0.9/24"),
		route("0.0.0.0/0"),
		func() error { return until("10.2.0.9:8090 [fd00:1::1]:8090") },
	} {
		if err := step(); err != nil {
			fmt.Printf("step %d: %v\n", i, err)
			return 1
		}
	}
	if got := w.Self("[fd00:1::7]:99"); got != "[fd00:1::1]:8090" {
		fmt.Println("towards IPv6:", got)
		return 1
	}
	cancel()
	if err := <-ended; err != nil {
		fmt.Println(err)
		return 1
	}
	fmt.Println("followed")
	return 0
}

func TestTheKernelTellsOfAddresses(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("a network namespace needs root")
	}
	child := exec.CommandContext(t.Context(), "/proc/self/exe")
	child.Env = append(os.Environ(), inside+"=1")
	child.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET, Pdeathsig: syscall.SIGKILL}
	out, err := child.CombinedOutput()
	if err != nil && strings.Contains(err.Error(), "operation not permitted") {
		t.Skip("this root may not make a network namespace: ", err)
	}
	if strings.Contains(string(out), "operation not supported") {
		t.Skip("this kernel has no virtual interfaces: ", string(out))
	}
	if err != nil || !strings.Contains(string(out), "followed") {
		t.Errorf("%v\n%s", err, out)
	}
}
