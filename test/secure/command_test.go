package secure

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"zmicroservices/test/harness"
)

// The walk through the README's section on keys: conf_command makes them, and is an
// operator on another machine by one of them. That machine is a runtime
// directory with no control socket in it.
func TestAnOperatorWithAKeyOnAnotherMachine(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "keys")
	conf := func(code int, args ...string) harness.Result {
		t.Helper()
		r := harness.Run(t, []string{"ZMS_RUNTIME_DIR=" + t.TempDir(), "ZMS_CURVE="}, "conf_command", args...)
		if r.Code != code {
			t.Fatalf("%q: exit %d, want %d: %s%s", args, r.Code, code, r.Stdout, r.Stderr)
		}
		return r
	}
	conf(0, "keygen", dir)
	conf(0, "keygen", dir, "--name", "desk", "--role", "operate")
	conf(0, "keygen", dir, "--name", "screen")
	p := harness.Start(t, harness.Write(t, harness.File{Tasks: []harness.Task{{ID: "ts001", Command: "/bin/sleep 86400"}}}), "--curve="+dir, "--start")
	over := func(code int, who string, args ...string) harness.Result {
		t.Helper()
		args = append(args, "--endpoint", p.Publish, "--listen_endpoint", p.Subscribe, "--transaction", p.Transaction)
		if who != "" {
			args = append(args, "--curve_key", filepath.Join(dir, who+".key_secret"))
		}
		return conf(code, args...)
	}
	if r := over(0, "desk", "restart", p.File, "ts001", "-o", "json"); !strings.Contains(r.Stdout, `"started"`) {
		t.Errorf("restarted: %s", r.Stdout)
	}
	if r := over(0, "desk", "state", p.File); !strings.Contains(r.Stdout, "ts001") {
		t.Errorf("state: %s", r.Stdout)
	}
	if r := over(1, "screen", "stop", p.File, "ts001"); !strings.Contains(r.Stderr, "observe") {
		t.Errorf("an observer's order: %s", r.Stderr)
	}
	if r := over(1, "", "stop", p.File, "ts001"); !strings.Contains(r.Stderr, "peer asks for CURVE") || !strings.Contains(r.Stderr, "--curve_key") {
		t.Errorf("without a key: %s", r.Stderr)
	}
	conf(0, "watch", "--endpoint", p.Subscribe, "--curve_key", filepath.Join(dir, "screen.key_secret"), "--for", "10ms")
	if err := os.Remove(filepath.Join(dir, "clients", "desk.key")); err != nil {
		t.Fatal(err)
	}
	if r := over(1, "desk", "stop", p.File, "ts001"); !strings.Contains(r.Stderr, "does not let this key in") {
		t.Errorf("with a key that was withdrawn: %s", r.Stderr)
	}
	p.Stop()
}
