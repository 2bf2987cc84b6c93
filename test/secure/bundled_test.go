package secure

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"zmicroservices/taskservice/keys"
	"zmicroservices/test/harness"
)

// watched is a context whose services have agents, of their own and in the provider, and
// a Watchdog and a Tally that observe them.
func watched(t *testing.T) harness.File {
	return harness.File{Tasks: []harness.Task{
		{ID: "ts000", Instance: "Watchdog", ServiceName: "watchdog", Values: map[string]string{"database": filepath.Join(t.TempDir(), "watchdog.db")}},
		{ID: "ts090", Instance: "Tally", ServiceName: "tally", Values: map[string]string{"port": "0"}},
		{
			ID: "ts092", Instance: "Scheduler", ServiceName: "scheduler",
			Values: map[string]string{"listen": "127.0.0.1:0", "force_ip": "127.0.0.1"},
		},
		{ID: "ts001", Instance: "CheckEmails", ServiceName: "open_inbox", Location: harness.Service(t, "CheckEmails")},
		{ID: "ts002", ServiceName: "lamp", Command: "/bin/sleep 86400"},
	}}
}

// The Watchdog onboards and agents speak behind keys, each by the key that it was given;
// who operates or serves asks by a key of its own, and a listener is told why it cannot.
func TestWhoIsWatchedBehindKeys(t *testing.T) {
	r := newRing(t)
	desk, eye, pump := r.client("desk", keys.Operate), r.client("eye", keys.Observe), r.client("pump", keys.Serve, "ts009")
	p := harness.Start(t, harness.Write(t, watched(t)), "--curve="+r.dir, "--start", "--ping_interval=500ms", "--alive_interval=1s")
	ask := func(key, verb string, args ...string) harness.Result {
		t.Helper()
		args = append([]string{verb, "--endpoint", p.Publish, "--listen_endpoint", p.Subscribe, "--curve_key", key}, args...)
		return harness.Run(t, []string{"ZMS_RUNTIME_DIR=" + t.TempDir(), "ZMS_CURVE="}, "conf_command", args...)
	}
	names := []string{"watchdog", "tally", "scheduler", "open_inbox", "lamp"}
	eventually(t, "all are active", func() (bool, string) {
		shown := ask(desk, "services", "-o", "json")
		var all []struct{ Name, State string }
		if shown.Code != 0 || json.Unmarshal([]byte(shown.Stdout), &all) != nil {
			return false, fmt.Sprintf("%+v", shown)
		}
		active := 0
		for _, s := range all {
			if s.State == "active" {
				active++
			}
		}
		return active == len(names), shown.Stdout
	})
	if shown := ask(desk, "ping", append(names, "--timeout", "60s")...); shown.Code != 0 {
		t.Errorf("ping: %+v", shown)
	}
	if shown := ask(desk, "runtime", "lamp", "open_inbox", "--timeout", "60s"); shown.Code != 0 {
		t.Errorf("runtime: %+v", shown)
	}
	if shown := ask(pump, "services"); shown.Code != 0 || !strings.Contains(shown.Stdout, "lamp") {
		t.Errorf("services by a key that serves: %+v", shown)
	}
	eventually(t, "a listener has seen who lives", func() (bool, string) {
		shown := harness.Run(t, []string{"ZMS_CURVE=" + eye}, "lifecycle", "view", "--endpoint", p.Subscribe, "--for", "1s")
		seen := shown.Code == 0
		for _, component := range []string{"Watchdog", "Command", "CheckEmails"} {
			seen = seen && strings.Contains(shown.Stdout, "[alive] ") && strings.Contains(shown.Stdout, ": "+component)
		}
		return seen, fmt.Sprintf("%+v", shown)
	})
	if shown := ask(eye, "services", "--timeout", "100ms"); shown.Code != 3 || !strings.Contains(shown.Stderr, `the key "eye" has the role observe`) {
		t.Errorf("a listener asked: %+v", shown)
	}

	d, listener, server := join(t, p, desk).ready(), join(t, p, eye).ready(), join(t, p, pump).ready()
	d.hail(listener, server)
	listener.say(
		`hippodamia.command.onboarding @@@ {"mark": "evil"}`, `hippodamia.contact @@@ {"mark": "evil"}`,
		`zms.will @@@ {"topic": "any", "payload": {"mark": "evil"}}`,
		order("restart", p.Transaction, "ts002"),
	)
	listener.hears("r-restart") // all before it was judged
	server.say(`hippodamia.contact @@@ {"config_id": "context001/ts002", "mark": "evil"}`, lifecycle("lamp", "edge7/context001/ts002", "evil"),
		`hippodamia.command.ping @@@ {"name": "ts002", "mark":"evil"}`, "mark @@@ last")
	d.hears("mark @@@ last")
	d.never("evil")
	denied(t, p, map[string]uint64{"eye": 4, "pump": 3})
	if kept, refused := wills(t, p); kept < 2 || refused != 0 {
		t.Errorf("%d last wills are kept and %d refused", kept, refused)
	}
	p.Stop()
}

// eventually asks until it is so.
func eventually(t *testing.T, what string, so func() (ok bool, seen string)) {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(harness.Patience); ; <-tick.C {
		ok, seen := so()
		if ok {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain until %s: %s", what, seen)
		}
	}
}
