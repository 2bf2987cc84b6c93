package main

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	remote "zmicroservices/services/scheduler/peer"
)

func TestAnEndpointOfAnotherHostFromHere(t *testing.T) {
	for _, c := range []struct {
		endpoint string
		at       remote.Address
		want     string
	}{
		{"tcp://127.0.0.1:5556", "10.0.0.2:8090", "tcp://10.0.0.2:5556"},
		{"tcp://[::1]:5556", "fd00::2", "tcp://[fd00::2]:5556"},
		{"tcp://localhost:5556", "edge1.example.net:8090", "tcp://edge1.example.net:5556"},
		{"tcp://*:5556", "10.0.0.2", "tcp://10.0.0.2:5556"},
		{"tcp://0.0.0.0:5556", "10.0.0.2", "tcp://10.0.0.2:5556"},
		{"tcp://192.168.0.7:5556", "10.0.0.2", "tcp://192.168.0.7:5556"}, // its file knows better
		{"tcp://127.0.0.1:5556", "127.0.0.2:8090", "tcp://127.0.0.1:5556"},
		{"ipc:///run/zms/front", "127.0.0.1:8090", "ipc:///run/zms/front"},
		{"ipc:///run/zms/front", "10.0.0.2", "only its own host"},
		{"tcp://nowhere", "10.0.0.2", "missing port"},
		{"", "10.0.0.2", "no endpoints"},
	} {
		got, err := fromHere(c.endpoint, c.at, c.at.IsLoopback())
		if got != c.want && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s at %s: %q %v, want %s", c.endpoint, c.at, got, err, c.want)
		}
	}
}

func TestWhoIsMeantByAWord(t *testing.T) {
	list := []peerHost{
		{Name: "edge1", UUID: "5f0c9a1e-0000-4000-8000-000000000001", Address: "10.0.0.1:8090"},
		{Name: "edge2", UUID: "5f0d9a1e-0000-4000-8000-000000000002", Address: "10.0.0.2"},
		{Name: "edge2", UUID: "aa0d9a1e-0000-4000-8000-000000000003", Address: "[fd00::3]:8090"},
		{Address: "10.0.0.4"}, // a first peer that nobody has reached
	}
	for word, want := range map[string]string{
		"edge1": "0", "5f0c": "0", "5F0C9A1E-0000-4000-8000-000000000001": "0", "10.0.0.1": "0", "10.0.0.1:8090": "0",
		"edge2": "12", "10.0.0.2:80": "1", "fd00::3": "2", "a": "2", "10.0.0.4": "3",
		"5f0": "begins 2 uuids: 5f0c9a1e-", "edge": `did you mean "edge`, "other": "conf_command peers lists", "10.0.0.1:80": "is not known",
	} {
		got, err := (&peerOptions{name: word}).choose(list)
		text := ""
		for _, p := range got {
			for i := range list {
				if list[i].Address == p.Address {
					text += string(rune('0' + i))
				}
			}
		}
		if text != want && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: %q %v, want %s", word, text, err, want)
		}
	}
}

// withScheduler is a file with a Scheduler of this configuration.
func withScheduler(t *testing.T, configuration string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "Context.xml")
	text := `<Context><FrontEndEndpoint>tcp://127.0.0.1:1</FrontEndEndpoint><BackendEndpoint>tcp://127.0.0.1:2</BackendEndpoint>
<FrontBind>tcp://127.0.0.1:2</FrontBind><BackendBind>tcp://127.0.0.1:1</BackendBind><ContextID>context001</ContextID><TaskLogName>Peers</TaskLogName>
<TaskService id="ts001" topic="process" instance="Scheduler" serviceType="Process"><Task><message>
<header><action>start</action><service_name>scheduler</service_name></header><content><configuration><device_action>sync</device_action>` +
		configuration + `</configuration></content></message><state type="on_start"/></Task></TaskService></Context>`
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestWhichSchedulerIsAsked(t *testing.T) {
	for configuration, want := range map[string]string{
		"": "127.0.0.1:8090", "<listen>0.0.0.0:99</listen>": "127.0.0.1:99", "<listen>[::]:99</listen>": "[::1]:99", "<listen>10.0.0.1:99</listen>": "10.0.0.1:99",
		"<listen>none</listen>": "listen none: it cannot be asked; --scheduler says", "<listen>127.0.0.1:0</listen>": "its port is any; --scheduler says",
	} {
		var s schedulerOptions
		rest, err := s.fill(options{}, []string{withScheduler(t, configuration+"<secret_file>/s</secret_file>"), "edge1"})
		if err != nil && !strings.Contains(err.Error(), want) || err == nil && (s.address != want || s.secretFile != "/s" || len(rest) != 1) {
			t.Errorf("%s: %+v %q %v, want %s", configuration, s, rest, err, want)
		}
	}
	program(t, "peers", "testdata/Context-Trio.xml").expect(t, 2, "", "it has no Scheduler; --scheduler says")
	program(t, "peers", "--scheduler", "a/b", withScheduler(t, "")).expect(t, 2, "", "--scheduler: address")
	program(t, "peers", withScheduler(t, ""), "-o", "yaml").expect(t, 2, "", "neither table nor json")
}

func TestASchedulerThatIsNotThere(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	for _, args := range [][]string{{"peers"}, {"state", "--peer", "edge1"}, {"top", "--peer", "edge1"}, {"watch", "--peer", "edge1"}} {
		program(t, append(args, "--scheduler", l.Addr().String())...).expect(t, 3, "", "connection refused")
	}
}
