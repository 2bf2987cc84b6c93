package forwarder

import (
	"net"
	"net/netip"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

func addrs(c net.Conn) (local, remote netip.AddrPort) {
	return c.LocalAddr().(*net.TCPAddr).AddrPort(), c.RemoteAddr().(*net.TCPAddr).AddrPort()
}

func inode(t *testing.T, c net.Conn) (n uint64) {
	t.Helper()
	raw, err := c.(syscall.Conn).SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	_ = raw.Control(func(fd uintptr) {
		var st unix.Stat_t
		if err := unix.Fstat(int(fd), &st); err != nil {
			t.Error(err)
		}
		n = st.Ino
	})
	return n
}

func TestTheOwnerOfALoopbackPeerIsKnown(t *testing.T) {
	d := start(t, func(o *Options) { o.FrontBind = []string{"tcp://127.0.0.1:0", "tcp://[::1]:0"} })
	for _, endpoint := range d.Front() {
		p := dial(t, endpoint, 0, "PUB")
		d.t.Log(endpoint)
		eventually(t, "the publisher", func() bool { return len(d.Stats().Publishers) == 1 })
		peer := d.Stats().Publishers[0].Peer
		if peer.UID != os.Getuid() || peer.Inode != inode(t, p.Conn) || !peer.Loopback || peer.Self || peer.PID != 0 {
			t.Errorf("peer %+v, want inode %d", peer, inode(t, p.Conn))
		}
		_ = p.Close()
		eventually(t, "its end", func() bool { return len(d.Stats().Publishers) == 0 })
	}
}

// A closed socket belongs to nobody: the kernel shows uid 0 for an orphan, which
// must not pass for root's.
func TestAnOrphanIsNotRoots(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	c, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	local, remote := addrs(c)
	var diag diag
	defer diag.close()
	if o, err := diag.owner(local, remote); err != nil || int(o.uid) != os.Getuid() || uint64(o.inode) != inode(t, c) {
		t.Errorf("%+v, %v", o, err)
	}
	if _, err := diag.owner(remote, netip.AddrPortFrom(local.Addr(), 1)); err == nil {
		t.Error("a listener passes for a connection")
	}
	_ = c.Close() // the other end is open: FIN_WAIT2, without a process
	if o, err := diag.owner(local, remote); err == nil {
		t.Errorf("an orphan is owned by %+v", o)
	}
	if _, err := diag.owner(netip.MustParseAddrPort("127.0.0.1:1"), netip.MustParseAddrPort("127.0.0.1:2")); err == nil {
		t.Error("a connection that never was has an owner")
	}
}

// nobody is a uid that is not ours and needs no account.
const nobody = 65534

func TestAnotherUsersUIDIsSeen(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("needs root to become somebody else: sudo -E go test")
	}
	d := start(t, nil)
	exe, err := os.Open("/proc/self/exe")
	if err != nil {
		t.Fatal(err)
	}
	defer exe.Close()
	// By descriptor: the other user may not reach the test binary's directory.
	cmd := exec.Command("/proc/self/fd/3", "-test.run=^$")
	cmd.ExtraFiles = []*os.File{exe}
	cmd.Dir = "/"
	cmd.Env = append(os.Environ(), "ZMS_TEST_ROLE=publisher "+strings.TrimPrefix(d.Front()[0], "tcp://"))
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the other user's publisher", func() bool { return len(d.Stats().Publishers) == 1 })
	if peer := d.Stats().Publishers[0].Peer; peer.UID != nobody || peer.Inode == 0 {
		t.Errorf("peer %+v", peer)
	}
	_ = in.Close()
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}
}

func TestGarbledAnswersAreNobody(t *testing.T) {
	a, b := netip.MustParseAddrPort("127.0.0.1:1"), netip.MustParseAddrPort("127.0.0.1:2")
	for n := range 200 {
		if o, mine, err := parseDiag(make([]byte, n), 0, a, b); mine && err == nil {
			t.Errorf("%d zeros are %+v", n, o)
		}
	}
}

func FuzzDiag(f *testing.F) {
	a, b := netip.MustParseAddrPort("127.0.0.1:1"), netip.MustParseAddrPort("127.0.0.1:2")
	f.Add(diagRequest(7, a, b))
	f.Add(make([]byte, 16+72))
	f.Fuzz(func(t *testing.T, answer []byte) {
		if o, mine, err := parseDiag(answer, 7, a, b); mine && err == nil && o.inode == 0 {
			t.Error("an owner without a socket")
		}
	})
}
