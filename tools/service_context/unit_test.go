package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// The unit is one that systemd takes without a word, but for the program's place.
func TestUnitIsOneThatSystemdTakes(t *testing.T) {
	analyze, err := exec.LookPath("systemd-analyze")
	if err != nil {
		const need = "systemd-analyze is not here: apt-get install systemd"
		if os.Getenv("CI") == "true" {
			t.Fatal(need)
		}
		t.Skip(need)
	}
	text, err := os.ReadFile("zmicroservices@.service")
	if err != nil {
		t.Fatal(err)
	}
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	unit := filepath.Join(t.TempDir(), "zmicroservices@.service")
	here := strings.Replace(string(text), "/usr/local/bin/service_context", exe, 1)
	if err := os.WriteFile(unit, []byte(here), 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command(analyze, "verify", "--man=no", strings.Replace(unit, "@", "@test", 1)).CombinedOutput()
	for line := range strings.Lines(string(out)) {
		if strings.Contains(line, "zmicroservices@") {
			t.Error(line)
		}
	}
	if err != nil && !t.Failed() {
		t.Logf("of other units: %s", out)
	}
	for _, want := range []string{"Type=notify", "KillMode=mixed", "Delegate=yes", "--init"} {
		if !strings.Contains(string(text), want) {
			t.Errorf("the unit has no %s", want)
		}
	}
}
