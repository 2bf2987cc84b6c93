package launch

import (
	"encoding/json"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"zmicroservices/conf"
	"zmicroservices/context/event"
)

var vars = Vars{
	Ref:       event.Ref{Transaction: "5HGAHZ3WPZUI71PACRPP", Task: "ts001", Incarnation: 3},
	ContextID: "context001", Frontend: "tcp://127.0.0.1:1", Backend: "ipc:///run/b", StateDir: "/var/lib/zms",
	Object: map[string]any{"id": "ts001", "Task": map[string]any{"description": "<a & b>"}},
	Watch:  Watch{Ping: time.Minute, Alive: 1500 * time.Millisecond, Prefix: "hippodamia", Ordinal: 1},
}

func TestAChildIsToldWhoItIsAndNothingThatWasMeantForUs(t *testing.T) {
	base := []string{
		"PATH=/bin", "NOTIFY_SOCKET=/run/n", "LISTEN_FDS=2", "LISTEN_PID=1", "LISTEN_FDNAMES=a", "WATCHDOG_USEC=1", "WATCHDOG_PID=1",
		"ZMS_TASK=other/ts009/1", "ZMS_CONTEXT=x", "LANG=C", "broken", "LANG=de_DE.UTF-8", "ZMSX=kept",
	}
	got := Environ(NewBase(base), vars, []conf.Env{{Name: "PATH", Value: "/opt/bin"}, {Name: "EMPTY"}, {File: "passed over"}, {Name: "LAST", Value: "a=b "}})
	want := []string{
		"PATH=/opt/bin", "LANG=de_DE.UTF-8", "ZMSX=kept",
		"ZMS_TASK=5HGAHZ3WPZUI71PACRPP/ts001/3", "ZMS_SERVICE_ID=ts001", "ZMS_TRANSACTION=5HGAHZ3WPZUI71PACRPP",
		"ZMS_CONTEXT_ID=context001", "ZMS_FRONTEND=tcp://127.0.0.1:1", "ZMS_BACKEND=ipc:///run/b",
		`ZMS_CONFIG={"Task":{"description":"<a & b>"},"id":"ts001"}`, "ZMS_STATE_DIR=/var/lib/zms", "ZMS_REPLICA=1", "ZMS_REPLICAS=1",
		"ZMS_CONFIG_ID=context001/ts001", "ZMS_PING_INTERVAL=60s", "ZMS_ALIVE_INTERVAL=1.5s", "ZMS_WATCH_PREFIX=hippodamia",
		"EMPTY=", "LAST=a=b ",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("environment (-want +got):\n%s", diff)
	}
}

func TestTheBaseIsNotChanged(t *testing.T) {
	base := []string{"A=1", "ZMS_TASK=x", "A=2"}
	before, made := slices.Clone(base), NewBase(base)
	for range 2 {
		env := Environ(made, vars, []conf.Env{{Name: "A", Value: "3"}})
		if env[0] != "A=3" {
			t.Errorf("environment is %q", env)
		}
	}
	if diff := cmp.Diff(before, base); diff != "" {
		t.Errorf("base (-want +got):\n%s", diff)
	}
	if env := Environ(made, vars, nil); env[0] != "A=2" {
		t.Errorf("one child's environment is another's base: %q", env)
	}
}

func TestAChildIsToldWhatItsAgentIsToDo(t *testing.T) {
	v := vars
	v.Watch.Ordinal, v.Watch.Original = 2, true
	env := Environ(Base{}, v, nil)
	for _, want := range []string{"ZMS_CONFIG_ID=context001/ts001#2", "ZMS_WIRE=original"} {
		if !slices.Contains(env, want) {
			t.Errorf("no %s in %q", want, env)
		}
	}
}

// A real process reads it, with quotes, line ends and other alphabets in it.
func TestTheConfigurationArrivesWhole(t *testing.T) {
	v := vars
	v.Object = map[string]any{"text": "a \"b\"\n\tc=d 'e' ü 語", "hosts": []any{"a", "b"}}
	cmd := exec.Command("/bin/sh", "-c", `printf %s "$ZMS_CONFIG"`)
	cmd.Env = Environ(NewBase(os.Environ()), v, nil)
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	var got map[string]any
	if err := json.Unmarshal(out, &got); err != nil {
		t.Fatalf("%v in %s", err, out)
	}
	if diff := cmp.Diff(v.Object, got); diff != "" {
		t.Errorf("object (-want +got):\n%s", diff)
	}
	v.Object = nil
	if !slices.Contains(Environ(Base{}, v, nil), "ZMS_CONFIG={}") {
		t.Error("without an object ZMS_CONFIG is not {}")
	}
}

func TestEnvironmentFilesTakeTheirPlaceInTheList(t *testing.T) {
	dir := t.TempDir()
	write(t, 0o644, "# comment\n; and another\n\nA=1\nexport B = \"two words\" \r\nC='$A'\nD=a=b\nE=\nF=\"\n", dir, "vars")
	got, err := ReadEnv(dir, []conf.Env{{Name: "A", Value: "0"}, {File: "vars"}, {Name: "D", Value: "last"}})
	if err != nil {
		t.Fatal(err)
	}
	want := []conf.Env{
		{Name: "A", Value: "0"},
		{Name: "A", Value: "1"}, {Name: "B", Value: "two words"}, {Name: "C", Value: "$A"}, {Name: "D", Value: "a=b"}, {Name: "E"}, {Name: "F", Value: `"`},
		{Name: "D", Value: "last"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("variables (-want +got):\n%s", diff)
	}
}

func TestAWrongEnvironmentFileIsNamedWithItsLine(t *testing.T) {
	dir := t.TempDir()
	for text, want := range map[string]string{
		"A=1\nnonsense\n":    `vars:2: "nonsense" is no NAME=value`,
		"=1\n":               `vars:1: "=1" is no NAME=value`,
		"A B=1\n":            `vars:1: "A B=1" is no NAME=value`,
		"A=1\n\nZMS_TASK=x/": "vars:3: ZMS_TASK is the provider's to set",
		"A=\x00\n":           "vars:1: the value of A holds a NUL",
	} {
		write(t, 0o644, text, dir, "vars")
		if _, err := ReadEnv(dir, []conf.Env{{File: "vars"}}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: error is %v, want %q", text, err, want)
		}
	}
	if _, err := ReadEnv(dir, []conf.Env{{File: "away"}}); err == nil || !strings.Contains(err.Error(), "away") {
		t.Errorf("error is %v", err)
	}
}

func TestAVariableThatNoProcessCanHaveIsToldBeforeItIsTried(t *testing.T) {
	limit := 32 * os.Getpagesize()
	for entry, want := range map[string]string{
		"A=" + strings.Repeat("x", limit-3):          "",
		"A=" + strings.Repeat("x", limit-2):          "environment variable A has",
		"ZMS_CONFIG=" + strings.Repeat("x", limit-2): "keep large values in a file",
	} {
		err := CheckLength([]string{"PATH=/bin", entry})
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%d bytes: %v, want %q", len(entry), err, want)
		}
		command := exec.Command("/bin/true")
		command.Env = []string{entry}
		if ran := command.Run(); (ran == nil) != (err == nil) {
			t.Errorf("%d bytes: the kernel says %v, we %v", len(entry), ran, err)
		}
	}
}
