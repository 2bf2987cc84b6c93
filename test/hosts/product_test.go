package hosts

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"zmicroservices/taskservice/keys"
	"zmicroservices/test/harness"
)

// moving is a context with a Scheduler, and a task service that runs once the host's
// address has changed. Its bus is open to other hosts, and known by loopback to its own.
const moving = `<?xml version="1.0" encoding="UTF-8"?>
<Context>
  <FrontEndEndpoint>tcp://127.0.0.1:5556</FrontEndEndpoint>
  <BackendEndpoint>tcp://127.0.0.1:5557</BackendEndpoint>
  <FrontBind>tcp://*:5557</FrontBind>
  <BackendBind>tcp://*:5556</BackendBind>
  <ContextID>%s</ContextID>
  <TaskLogName>Hosts</TaskLogName>
  <TaskService id="ts001" topic="process" instance="Scheduler" serviceType="Process">
    <Task>
      <message>
        <header><action>start</action><service_name>scheduler</service_name></header>
        <content><configuration><device_action>sync</device_action><interval>1s</interval>
          <listen>0.0.0.0:8090</listen><peer>10.77.0.1:8090</peer><secret_file>%s</secret_file></configuration></content>
      </message>
      <state type="on_start">
        <on_update when="device_action=address_changed"><action>start</action><call>ts002</call></on_update>
      </state>
    </Task>
  </TaskService>
  <TaskService id="ts002" topic="process" instance="Command" serviceType="Process">
    <Process><command>/bin/sleep 600</command></Process>
    <Task>
      <message><header><action>start</action><service_name>tell_the_dns</service_name></header><content><configuration/></content></message>
      <state type="on_update"/>
    </Task>
  </TaskService>
</Context>
`

// site is a place where a provider runs.
type site struct {
	*place
	file, runtime string
	log           *book
}

// provide starts the built provider at a place.
func provide(t *testing.T, at *place, id string, ring *harness.Keyring) *site {
	t.Helper()
	dir := t.TempDir()
	s := &site{place: at, file: filepath.Join(dir, "Context.xml"), log: &book{}}
	file := filepath.Join(dir, "secret")
	runtime, err := os.MkdirTemp("", "zms-run-") // a socket's path is short
	if err == nil {
		s.runtime = runtime
		t.Cleanup(func() { os.RemoveAll(runtime) })
		err = errors.Join(os.WriteFile(file, []byte(secret), 0o600), os.WriteFile(s.file, fmt.Appendf(nil, moving, id, file), 0o600))
	}
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("ip", "netns", "exec", at.namespace, harness.Tool(t, "service_context"), "--start", "--bind_all", "--curve", ring.Dir,
		"--state_dir", filepath.Join(dir, "state"), "--runtime_dir", runtime, "--monitor_interval=0", s.file)
	cmd.Stdout, cmd.Stderr = s.log, s.log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		watch := time.AfterFunc(patience, func() { _ = cmd.Process.Kill() })
		defer watch.Stop()
		if err := cmd.Wait(); err != nil {
			t.Errorf("provider at %s: %v", at.ip, err)
		}
		if t.Failed() {
			t.Logf("provider at %s:\n%s", at.ip, s.log)
		}
	})
	until(t, "a provider at "+at.ip, func() bool {
		code, out := s.command(t, "state", s.file)
		return code == 0 && strings.Contains(out, "started")
	})
	return s
}

// command runs conf_command at the place, and gives what it says on both.
func (s *site) command(t *testing.T, args ...string) (code int, out string) {
	t.Helper()
	cmd := exec.Command("ip", append([]string{"netns", "exec", s.namespace, harness.Tool(t, "conf_command")}, args...)...)
	cmd.Env = append(os.Environ(), "ZMS_RUNTIME_DIR="+s.runtime)
	var both bytes.Buffer
	cmd.Stdout, cmd.Stderr = &both, &both
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return cmd.ProcessState.ExitCode(), both.String()
}

// TestAContextFollowsItsHost: its transition runs when the host's address changes, and
// from another host it is found at the new one.
func TestAContextFollowsItsHost(t *testing.T) {
	t.Parallel()
	n := newNetwork(t)
	ring := harness.NewKeyring(t)
	key := ring.Add(keys.Grant{Name: "desk", Role: keys.Operate})
	here := provide(t, n.plug(east, 1), "desk", ring)
	there := provide(t, n.plug(west, 2), "edge", ring)
	far := func(words ...string) func() bool {
		return func() bool {
			code, out := here.command(t, "state", "--peer", there.ip, here.file, "--curve_key", key)
			return code == 0 && !slices.ContainsFunc(words, func(word string) bool { return !strings.Contains(out, word) })
		}
	}
	until(t, "the state of edge, at the desk", far("edge", "ts001", "started", "ts002", "created"))
	if code, out := here.command(t, "state", "--peer", there.ip, here.file); code != 1 || !strings.Contains(out, "--curve_key") {
		t.Errorf("without a key: code %d, %s", code, out)
	}
	there.move(52)
	until(t, "its transition, and its new address", func() bool {
		code, out := there.command(t, "state", there.file, "ts002")
		return code == 0 && strings.Contains(out, "started")
	})
	until(t, "the state of edge from where it is now", far("edge", "ts002", "started"))
	lists := func() bool {
		code, out := here.command(t, "peers", here.file)
		return code == 0 && strings.Contains(out, "edge ") && strings.Contains(out, there.address())
	}
	until(t, "what edge runs, at the desk", lists)
	there.cut()
	if code, out := here.command(t, "state", "--peer", there.ip, here.file, "--curve_key", key); code != 3 {
		t.Errorf("cut off: code %d, %s", code, out)
	}
	if !lists() {
		t.Error("the desk has forgotten what edge runs")
	}
}
