// Package mqtt has the built product's Watchdog meet a real Mosquitto: agents there are
// watched, ours are seen there, and nobody's password is.
package mqtt

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"zmicroservices/test/harness"
)

func TestMain(m *testing.M) { harness.Main(m, nil) }

const secret = "sesame-4711"

// microservice is one as conf_command tells it.
type microservice struct{ Name, Type, State, GID string }

// until asks the watchdog until one of a name is in a state.
func until(t *testing.T, p *harness.Provider, name, state string) microservice {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	var r harness.Result
	for deadline := time.Now().Add(harness.Patience); time.Now().Before(deadline); <-tick.C {
		r = p.Command("services", "--endpoint", p.Publish, "--listen_endpoint", p.Subscribe, "-o", "json")
		var all []microservice
		if r.Code != 0 || json.Unmarshal([]byte(r.Stdout), &all) != nil {
			continue // not there yet
		}
		for _, m := range all {
			if m.Name == name && m.State == state {
				return m
			}
		}
	}
	t.Fatalf("%s is not %s: %s%s", name, state, r.Stdout, r.Stderr)
	return microservice{}
}

func TestABrokerAndABusAreOne(t *testing.T) {
	broker := harness.StartMosquitto(t, func(dir string) {
		for name, text := range map[string]string{"passwd": "dog:" + secret + "\n", "secret": secret + "\n"} {
			if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if out, err := exec.Command("mosquitto_passwd", "-U", filepath.Join(dir, "passwd")).CombinedOutput(); err != nil {
			t.Fatalf("mosquitto_passwd: %v\n%s", err, out)
		}
	}, "allow_anonymous true", "password_file %DIR%/passwd")
	there := broker.Sub("hippodamia/#")
	p := harness.Start(t, harness.Write(t, harness.File{Tasks: []harness.Task{
		{ID: "ts000", Instance: "Watchdog", ServiceName: "watchdog", Values: map[string]string{
			"device_action": "watchdog", "mqtt": broker.URL(), "mqtt_user": "dog", "mqtt_password_file": filepath.Join(broker.Dir, "secret"),
		}},
		{ID: "ts001", Instance: "EchoAction", ServiceName: "echo_action", Location: harness.Service(t, "EchoAction")},
	}}), "--start")
	there.Until("hippodamia/gateway/", `"online"`)

	// Theirs is onboarded here, ours is seen there.
	pump := harness.StartPahoAgent(t, broker, "pump")
	theirs, ours := until(t, p, "pump", "active"), until(t, p, "echo_action", "active")
	pump.Until("gid "+theirs.GID, 1)
	there.Until("hippodamia/contact", "echo_action", "hippodamia/uuid/")
	there.Until("hippodamia/uuid/", ours.GID)
	there.Until("hippodamia/state/ping", ours.GID)

	// What somebody there asks is answered from here, and the other way about.
	broker.Pub("hippodamia/command/runtime", fmt.Sprintf(`{"gid":%q,"request_id":"r1","timestamp":"2026-11-21T10:00:00Z"}`, ours.GID))
	there.Until("hippodamia/state/runtime", ours.GID)
	if r := p.Command("config", "--endpoint", p.Publish, "--listen_endpoint", p.Subscribe, "pump"); r.Code != 0 || !strings.Contains(r.Stdout, "127.0.0.1") {
		t.Errorf("code %d: %s%s", r.Code, r.Stdout, r.Stderr)
	}
	pump.Until("command config", 1)

	// A stranger there is nobody here.
	broker.Pub("context", `{"header":{"action":"exit","service_id":"all"}}`)
	broker.Pub("hippodamia/contact", `{"uuid":"u","topic":"context","type":"t","name":"fox","timestamp":"2026-11-21T10:00:00Z"}`)

	pump.Kill()
	there.Until("hippodamia/state/end", theirs.GID, "last-will")
	until(t, p, "pump", "terminated")
	nobodySeesIt(t)
	p.Stop()
	there.Until("hippodamia/gateway/", `"offline","reason":"shutdown"`)
	seen := map[string]bool{} // no two messages are the same: each has a number, or a time
	for _, message := range there.All() {
		if seen[message] {
			t.Errorf("twice: %s", message)
		}
		seen[message] = true
	}
	logs, err := filepath.Glob(filepath.Join(p.StateDir, "logs", "*", "*"))
	if err != nil || len(logs) == 0 {
		t.Errorf("%v %v", logs, err)
	}
	for _, path := range logs {
		if text, err := os.ReadFile(path); err != nil || strings.Contains(string(text), secret) || strings.Contains(string(text), `name=fox`) {
			t.Errorf("%s: %v\n%s", path, err, text)
		}
	}
}

// nobodySeesIt looks at all processes' arguments, as ps does.
func nobodySeesIt(t *testing.T) {
	t.Helper()
	all, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil || len(all) == 0 {
		t.Fatal(all, err)
	}
	for _, path := range all {
		if text, err := os.ReadFile(path); err == nil && strings.Contains(string(text), secret) {
			t.Errorf("%s has the password", path)
		}
	}
}
