package lifeview

import (
	"errors"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"zmicroservices/context/forwarder"
	"zmicroservices/taskservice/keys"
	"zmicroservices/taskservice/zmtp"
	"zmicroservices/taskservice/zmtp/curve"
	"zmicroservices/tools/internal/exit"
)

const (
	startup = `{"protocol":"io.choria.lifecycle.v1.startup","id":"01e72410-d734-4611-9485-8c6a2dd2579b","identity":"c1.example.net","version":"0.6.0","timestamp":1535369537,"component":"server"}`
	alive   = `{"protocol": "choria:lifecycle:alive:1", "id": "2", "identity": "c2", "version": "0.6.1", "timestamp": 1535369537, "component": "server"}`
	other   = `{"protocol":"io.choria.lifecycle.v1.startup","id":"3","identity":"c3","version":"1","timestamp":1,"component":"server2"}`
	hostile = `{"protocol":"io.choria.lifecycle.v1.provisioned","id":"4","identity":"\u001b[2Jc4","timestamp":1,"component":"broker"}`
	cloud   = `{"specversion":"1.0","source":"io.choria.lifecycle","type":"x","id":"5","data":{"protocol":"io.choria.lifecycle.v1.shutdown","id":"5","identity":"c5","component":"server","timestamp":5}}`
	last    = `{"protocol":"io.choria.lifecycle.v1.upgraded","id":"6","identity":"last","version":"1","new_version":"2","component":"server","timestamp":6}`
	lastUp  = `{"protocol":"io.choria.lifecycle.v1.startup","id":"7","identity":"last","version":"1","component":"server","timestamp":7}`
)

// said is what publishers in these tests say, with what is no event between.
var said = []string{
	"choria.lifecycle.event.startup.server @@@ " + startup,
	"choria.lifecycle.event.alive.server @@@ " + alive,
	"choria.lifecycle.event.startup.server2 @@@ " + other,
	"choria.lifecycle.event.startup.server @@@ garbage",
	"control @@@ " + startup,
	"choria.lifecycle.event.provisioned.broker @@@ " + hostile,
	"choria.lifecycle.event.shutdown.server @@@ " + cloud,
	"choria.lifecycle.event.upgraded.server @@@ " + last,
	"choria.lifecycle.event.startup.server @@@ " + lastUp,
}

var clock = regexp.MustCompile(`(?m)^\d\d:\d\d:\d\d `)

func TestEventsAreShownAsTheyCome(t *testing.T) {
	t.Setenv("ZMS_CONTEXT", "")
	frontend, backend := startBus(t, nil)
	file := contextFile(t, frontend, backend)
	views := []struct {
		args []string
		want string // once the times are cut
	}{
		{[]string{"--endpoint", frontend}, `[startup] c1.example.net: server version 0.6.0
[alive] c2: server version 0.6.1
[startup] c3: server2 version 1
[provisioned] \x1b[2Jc4: broker
[shutdown] c5: server
[upgraded] last: server version 1 to 2
[startup] last: server version 1
`},
		{[]string{file, "--component", "server", "--type", "startup"}, `[startup] c1.example.net: server version 0.6.0
[startup] last: server version 1
`},
		{[]string{"--context-file", file, "--component", "server2"}, "[startup] c3: server2 version 1\n"},
		{[]string{file, "--type", "startup", "--debug"}, startup + "\n" + other + "\n" + lastUp + "\n"},
		{[]string{file, "--type", "shutdown", "-o", "json"}, `{"protocol":"io.choria.lifecycle.v1.shutdown","id":"5","identity":"c5","component":"server","timestamp":5}` + "\n"},
	}
	running := make([]*viewing, len(views))
	for i, v := range views {
		running[i] = waiting(t, v.args...)
	}
	publish(t, backend, said...)
	for i, v := range views {
		ends := v.want[strings.LastIndex(strings.TrimSpace(v.want), "\n")+1:]
		running[i].out.await(t, ends)
		running[i].interrupt()
		got := running[i].out.String()
		if !strings.HasPrefix(v.want, "{") {
			if n := len(clock.FindAllString(got, -1)); n != strings.Count(v.want, "\n") {
				t.Errorf("%q: %d times in %s", v.args, n, got)
			}
			got = clock.ReplaceAllString(got, "")
		}
		if got != v.want {
			t.Errorf("%q\n got %s\nwant %s", v.args, got, v.want)
		}
	}
	if got, want := running[0].err.String(), "1 messages on topics of events were none"; !strings.Contains(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestAViewEndsAfterItsTime(t *testing.T) {
	frontend, _ := startBus(t, nil)
	waiting(t, "--endpoint", frontend, "--for", "20ms").ends(exit.CodeDone)
}

func TestAViewThatCannotBe(t *testing.T) {
	t.Setenv("ZMS_CONTEXT", "")
	frontend, _ := startBus(t, nil)
	for _, c := range []struct {
		args string
		code int
		says string
	}{
		{"", 2, "nothing to view: name a Context file or --endpoint"},
		{"--endpoint " + frontend + " --type start", 2, `--type: unknown event type "start"; known are startup, shutdown, provisioned, alive, upgraded`},
		{"--endpoint " + frontend + " --for -1s", 2, "--for -1s is negative"},
		{"--endpoint " + frontend + " -o xml", 2, `--output "xml" is neither table nor json`},
		{"--endpoint tcp://*:1", 2, "can be bound, but not connected to"},
		{"a.xml b.xml", 2, "accepts at most 1 arg(s)"},
		{filepath.Join(t.TempDir(), "none.xml"), 2, "read context file: open"},
		{"--endpoint " + frontend + " --curve_key none.key_secret", 2, "none.key_secret"},
		{"--endpoint ipc:///nonexistent/bus", 3, "nobody listens on ipc:///nonexistent/bus"},
	} {
		v := start(t, strings.Fields(c.args)...)
		v.ends(c.code)
		if !strings.Contains(v.err.String(), c.says) || v.out.String() != "" {
			t.Errorf("%s: %q %q, want %q", c.args, v.out, v.err, c.says)
		}
	}
}

// A bus that wants a key is viewed with one, and not without.
func TestAViewHasAKey(t *testing.T) {
	server, err := curve.NewPair()
	if err != nil {
		t.Fatal(err)
	}
	mine, err := keys.New(keys.Grant{Name: "viewer"})
	if err != nil {
		t.Fatal(err)
	}
	mine.Server = server.Public
	path := filepath.Join(t.TempDir(), "viewer"+keys.SecretSuffix)
	if err := mine.CreateSecret(path); err != nil {
		t.Fatal(err)
	}
	frontend, _ := startBus(t, &forwarder.Security{Mechanism: curve.Name, New: func(m zmtp.Metadata) zmtp.Mechanism {
		return curve.NewServer(curve.ServerOptions{Pair: server, Metadata: m, Authorize: func(k curve.Key) error {
			if k != mine.Public {
				return errors.New("nobody knows it")
			}
			return nil
		}})
	}})
	waiting(t, "--endpoint", frontend, "--curve_key", path).interrupt()
	v := start(t, "--endpoint", frontend)
	v.ends(exit.CodeFailed)
	if got, want := v.err.String(), "--curve_key and --plain_login say who we are"; !strings.Contains(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}
