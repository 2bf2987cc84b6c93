package forwarder

import (
	"io/fs"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// bind makes a forwarder on one front endpoint, and closes it with the test.
func bind(t *testing.T, all bool, endpoint string) (*Forwarder, error) {
	t.Helper()
	f, err := New(Options{
		FrontBind: []string{endpoint}, BackendBind: []string{"tcp://127.0.0.1:0"}, BindAll: all,
		Logger: slog.New(slog.DiscardHandler),
	})
	if err == nil {
		t.Cleanup(func() { _ = f.Close() })
	}
	return f, err
}

func TestEndpointsAreBoundAsTheyAreWritten(t *testing.T) {
	dir := t.TempDir()
	for _, c := range []struct {
		all            bool
		endpoint, want string
	}{
		{false, "tcp://*:0", "tcp://127.0.0.1:"},
		{false, "tcp://*:*", "tcp://127.0.0.1:"},
		{false, "tcp://127.0.0.1:*", "tcp://127.0.0.1:"},
		{false, "tcp://127.0.0.7:0", "tcp://127.0.0.7:"},
		{false, "tcp://localhost:0", "tcp://127.0.0.1:"},
		{false, "tcp://lo:0", "tcp://127.0.0.1:"},
		{true, "tcp://*:0", "tcp://0.0.0.0:"},
		{true, "tcp://0.0.0.0:0", "tcp://0.0.0.0:"},
		{false, "ipc://" + dir + "/a.sock", "ipc://" + dir + "/a.sock"},
		{false, "ipc://@zms-forwarder-test", "ipc://@zms-forwarder-test"},
	} {
		f, err := bind(t, c.all, c.endpoint)
		if err != nil {
			t.Errorf("%s: %v", c.endpoint, err)
			continue
		}
		if got := f.Front()[0]; !strings.HasPrefix(got, c.want) || strings.HasSuffix(got, ":0") {
			t.Errorf("%s is bound to %s", c.endpoint, got)
		}
	}
}

func TestAnEndpointThatCannotBeBoundIsNamed(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	taken := "tcp://" + l.Addr().String()
	dir := t.TempDir()
	if err := os.WriteFile(dir+"/file", []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
	for endpoint, want := range map[string]string{
		taken:                                "bind " + taken + ": address already in use",
		"tcp://0.0.0.0:0":                    "bind tcp://0.0.0.0:0: 0.0.0.0 is beyond loopback; --bind_all allows that",
		"tcp://192.0.2.1:5556":               "bind tcp://192.0.2.1:5556: 192.0.2.1 is beyond loopback; --bind_all allows that",
		"tcp://[::]:5556":                    "bind tcp://[::]:5556: :: is beyond loopback; --bind_all allows that",
		"tcp://127.0.0.1":                    "bind tcp://127.0.0.1: no port",
		"tcp://127.0.0.1:65536":              `bind tcp://127.0.0.1:65536: port "65536" is not a number up to 65535`,
		"tcp://no.such.invalid:1":            `bind tcp://no.such.invalid:1: host "no.such.invalid": no address`,
		"pgm://1.2.3.4:5":                    `bind pgm://1.2.3.4:5: transport "pgm": tcp and ipc are served`,
		"5556":                               "bind 5556: not TRANSPORT://ADDRESS",
		"ipc://":                             "bind ipc://: ipc needs a path",
		"ipc://" + dir + "/file":             "bind ipc://" + dir + "/file: exists and is not a socket",
		"ipc://" + dir + "/no/dir":           "bind ipc://" + dir + "/no/dir: no such file or directory",
		"ipc:///" + strings.Repeat("x", 107): "bind ipc:///" + strings.Repeat("x", 107) + ": path of 108 bytes, at most 107 fit a socket address",
	} {
		if _, err := bind(t, false, endpoint); err == nil || err.Error() != want {
			t.Errorf("got  %v\nwant %v", err, want)
		}
	}
}

func TestAnIPCSocketIsOursAloneAndRemovedAtTheEnd(t *testing.T) {
	path := filepath.Join(t.TempDir(), "front.sock")
	d := start(t, func(o *Options) {
		o.FrontBind = []string{"ipc://" + path}
		o.BackendBind = []string{"ipc://" + path + ".back", "tcp://*:0"}
	})
	st, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if st.Mode() != fs.ModeSocket|0o600 {
		t.Errorf("mode %v", st.Mode())
	}
	if _, err := bind(t, false, "ipc://"+path); err == nil || !strings.HasSuffix(err.Error(), "address already in use") {
		t.Errorf("bound twice: %v", err)
	}
	s, p := d.subscriber(t, ""), d.publisher(t, 1)
	p.say("over ipc")
	s.hears("over ipc")
	stats := d.Stats()
	for _, peer := range []Peer{stats.Publishers[0].Peer, stats.Subscribers[0].Peer} {
		if peer.UID != os.Getuid() || peer.PID != os.Getpid() || !peer.Loopback || !strings.HasPrefix(peer.Addr, "ipc://"+path) {
			t.Errorf("peer %+v", peer)
		}
	}
	d.stop()
	if _, err := os.Stat(path); err == nil {
		t.Error("the socket is still there")
	}
}

func TestTheSocketOfADeadOwnerIsReplaced(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	l.SetUnlinkOnClose(false)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := bind(t, false, "ipc://"+path); err != nil {
		t.Error(err)
	}
}

func TestAForwarderGetsItsPortBackAtOnce(t *testing.T) {
	d := start(t, nil)
	endpoints := []string{d.Front()[0], d.Back()[0]}
	s, p := d.subscriber(t, ""), d.publisher(t, 0)
	d.stop()
	s.closed()
	p.closed()
	again := start(t, func(o *Options) { o.FrontBind, o.BackendBind = endpoints[:1], endpoints[1:] })
	s, p = again.subscriber(t, ""), again.publisher(t, 0)
	p.say("back")
	s.hears("back")
}

func TestOptionsThatCannotWorkAreNamed(t *testing.T) {
	good := Options{FrontBind: []string{"tcp://*:0"}, BackendBind: []string{"tcp://*:0"}, Logger: slog.New(slog.DiscardHandler)}
	for want, change := range map[string]func(*Options){
		"options: no FrontBind":                      func(o *Options) { o.FrontBind = nil },
		"options: no BackendBind":                    func(o *Options) { o.BackendBind = nil },
		"options: no Logger":                         func(o *Options) { o.Logger = nil },
		"options: Guarded without Admit":             func(o *Options) { o.Guarded = []string{"a"} },
		"options: tap 0 has no Deliver":              func(o *Options) { o.Taps = []Tap{{}} },
		`options: topic " a" cannot be one`:          func(o *Options) { o.Priority = []string{" a"} },
		"options: limits: QueueMessages is negative": func(o *Options) { o.Limits.QueueMessages = -1 },
	} {
		o := good
		change(&o)
		if _, err := New(o); err == nil || err.Error() != want {
			t.Errorf("got %v, want %v", err, want)
		}
	}
}

func TestDefaultLimitsAreThoseOfTheContract(t *testing.T) {
	l := Limits{}.fill()
	if l.MaxMessage != 64<<20 || l.QueueMessages != 10_000 || l.QueueBytes != 32<<20 || l.Handshake.Seconds() != 10 || l.MaxConnections > 20_000 || l.MaxConnections < 1 {
		t.Errorf("%+v", l)
	}
}
