package forwarder

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// python is Debian's, which has python3-zmq: real libzmq peers.
const python = "/usr/bin/python3"

func needPyzmq(t *testing.T) {
	t.Helper()
	if err := exec.Command(python, "-c", "import zmq").Run(); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("no pyzmq: apt-get install python3-zmq")
		}
		t.Skip("no pyzmq: apt-get install python3-zmq")
	}
}

// TestLibzmqCannotTellUsFromItsOwnDevice runs testdata/interop.py, over tcp and
// over ipc.
func TestLibzmqCannotTellUsFromItsOwnDevice(t *testing.T) {
	needPyzmq(t)
	for _, transport := range []string{"tcp", "ipc"} {
		for _, name := range []string{"filters", "frames", "unsubscribe", "xpub_xsub", "large", "order", "heartbeats", "strangers", "crowd"} {
			if transport == "ipc" && name == "crowd" {
				continue // a thousand connections are a thousand connections
			}
			t.Run(transport+"/"+name, func(t *testing.T) {
				d := start(t, func(o *Options) {
					if transport == "ipc" {
						dir := t.TempDir()
						o.FrontBind, o.BackendBind = []string{"ipc://" + dir + "/f"}, []string{"ipc://" + dir + "/b"}
					}
				})
				interop(t, d, name, nil)
				eventually(t, "all peers to be gone", func() bool { return d.Stats().Connections == 0 })
			})
		}
	}
}

// And so it is by CURVE, with peers that have libzmq's own.
func TestLibzmqCannotTellUsFromItsOwnDeviceByCurve(t *testing.T) {
	needPyzmq(t)
	for _, name := range []string{"filters", "frames", "unsubscribe", "xpub_xsub", "large", "order", "heartbeats"} {
		t.Run(name, func(t *testing.T) {
			d := sealed(t, nil)
			interop(t, d, name, nil, serverPair.Public.String(), clientPair.Public.String(), clientPair.Secret.Text())
			eventually(t, "all peers to be gone", func() bool { return d.Stats().Connections == 0 })
		})
	}
}

func TestLibzmqPeersComeBackAfterARestart(t *testing.T) {
	needPyzmq(t)
	d := start(t, nil)
	endpoints := []string{d.Front()[0], d.Back()[0]}
	interop(t, d, "reconnect", func() {
		d.stop()
		d = start(t, func(o *Options) { o.FrontBind, o.BackendBind = endpoints[:1], endpoints[1:] })
	})
}

// interop runs one case; restart is called as often as it asks for it.
func interop(t *testing.T, d *device, name string, restart func(), keys ...string) {
	t.Helper()
	cmd := exec.Command(python, append([]string{"testdata/interop.py", name, d.Front()[0], d.Back()[0]}, keys...)...)
	cmd.Stderr = t.Output()
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var last string
	for lines := bufio.NewScanner(out); lines.Scan(); {
		if last = strings.TrimSpace(lines.Text()); last == "restart" {
			restart()
			fmt.Fprintln(in, "restarted")
		}
	}
	if err := cmd.Wait(); err != nil || last != "ok" {
		t.Errorf("%s: %v, said %q", name, err, last)
	}
}
