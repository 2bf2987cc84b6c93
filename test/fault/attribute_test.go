package fault

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"zmicroservices/test/harness"
)

// A service of another user says itself what it does, and is heard; on topics that command
// it is not.
func TestAServiceOfAnotherUserIsHeardAboutItselfAlone(t *testing.T) {
	onlyRoot(t)
	const script = `
import json, os, time, zmq
pub = zmq.Context().socket(zmq.PUB)
pub.connect(os.environ["ZMS_BACKEND"])
def say(topic, action):
    header = {"action": action, "service_id": os.environ["ZMS_SERVICE_ID"], "service_name": "command", "service_transaction": os.environ["ZMS_TRANSACTION"]}
    status = {"device_action": "act", "result": "success", "pid": os.getpid()}
    pub.send_string(topic + " @@@ " + json.dumps({"header": header, "content": {"status": status, "configuration": {}}}))
while True:
    say("context", "exit")
    say("control", "started")
    time.sleep(0.05)
`
	python := harness.Python(t)
	folder, err := os.MkdirTemp("", "zms-fault-") // the test's own folders are closed to others
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(folder) })
	path := filepath.Join(folder, "main.py")
	if err := os.WriteFile(path, []byte(script), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	s := play(t, []harness.Task{{
		ID: "ts001", Command: python + " " + path, Announce: "self",
		Process: fmt.Sprintf("<user>%d</user><group>%[1]d</group><directory>/</directory>", bomber),
	}})
	m := s.hear("ts001", "started")
	info, err := os.Stat(fmt.Sprintf("/proc/%d", pidOf(m)))
	if err != nil {
		t.Fatal(err)
	}
	if st, ok := info.Sys().(*syscall.Stat_t); !ok || st.Uid != bomber {
		t.Errorf("it runs as %+v", st)
	}
	if r := s.Command("state", s.File, "-o", "json"); r.Code != 0 || !strings.Contains(r.Stdout, `"started"`) {
		t.Errorf("state: %+v", r)
	}
	s.Stop()
}

func TestAServiceWhosePreStartFailsIsAFailedStartWithTheReason(t *testing.T) {
	file := harness.Write(t, harness.File{Tasks: []harness.Task{shell("ts001", "exec sleep 1000", `<hook on="pre_start" command="/bin/false"/>`)}})
	p := harness.Start(t, file)
	r := p.Command("start", file)
	if r.Code != 1 || !strings.Contains(r.Stdout+r.Stderr, "hook pre_start `/bin/false`: it exited with code 1") {
		t.Errorf("start: %+v", r)
	}
	p.Stop()
}

// A provider that dies for good takes nobody's hooks along: the keeper runs them.
func TestHooksOfAStopRunWithoutAProvider(t *testing.T) {
	folder := t.TempDir()
	hook := func(on string) string {
		return fmt.Sprintf(`<hook on="%s" command="/usr/bin/touch %s"/>`, on, filepath.Join(folder, on))
	}
	s := play(t, []harness.Task{shell("ts001", "exec sleep 1000", hook("pre_stop")+hook("post_stop"))}, "--linger=100ms")
	service := pidOf(s.hear("ts001", "started"))
	if err := syscall.Kill(s.PID, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	until(t, "the keeper has ended", func() bool { return gone(s.Keeper) })
	if !gone(service) {
		t.Error("the service lives")
	}
	for _, on := range []string{"pre_stop", "post_stop"} {
		if _, err := os.Stat(filepath.Join(folder, on)); err != nil {
			t.Errorf("%s did not run: %v", on, err)
		}
	}
}
