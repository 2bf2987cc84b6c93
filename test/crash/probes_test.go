package crash

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"zmicroservices/context/event"
	"zmicroservices/test/harness"
)

// beating is a program that says ready once, and then that it is alive, until it is
// told to hang by a file.
const beating = `
import os, socket, sys, time
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
def tell(text):
    try: s.sendto(text, os.environ["NOTIFY_SOCKET"])
    except OSError: pass
tell(b"READY=1\nSTATUS=beating")
print("up", flush=True)
while True:
    if not os.path.exists(os.path.join(os.environ["ZMS_STATE_DIR"], "hung")): tell(b"WATCHDOG=1")
    time.sleep(0.02)
`

// TestProbesGoOnWhenProviderAndKeeperAreKilled: what was ready stays ready, a watchdog
// is judged by whoever holds the service, and its failure is still the reason of a restart.
func TestProbesGoOnWhenProviderAndKeeperAreKilled(t *testing.T) {
	script := filepath.Join(t.TempDir(), "beating.py")
	if err := os.WriteFile(script, []byte(beating), 0o600); err != nil {
		t.Fatal(err)
	}
	b := newBench(t, 1, fmt.Sprintf(`<Process><command>%s %s</command><restart policy="on-failure"/>
		<probe kind="startup" log="^up$"/><probe kind="readiness" notify="true"/>
		<probe kind="readiness" exec="/bin/true" every="100ms" timeout="20s"/>
		<probe kind="liveness" notify="true" every="500ms" failures="4"/></Process>`, harness.Python(t), script))
	b.start()
	task := func() event.TaskView {
		views, err := b.client.State(t.Context(), b.transaction)
		if err != nil || len(views) == 0 || views[0].Task("ts000") == nil {
			return event.TaskView{}
		}
		return *views[0].Task("ts000")
	}
	well := func(what string, incarnation event.Incarnation) event.TaskView {
		t.Helper()
		var v event.TaskView
		await(t, what, func() bool {
			v = task()
			return v.State == event.Started && v.Ready && v.Incarnation == incarnation && v.Status == "beating"
		})
		return v
	}
	first := well("it to be ready", 1)
	b.written()
	b.kill()
	b.start()
	if v := well("it to be ready under the second provider", 1); v.PID != first.PID {
		t.Errorf("pid %d, and was %d", v.PID, first.PID)
	}
	b.killKeeper()
	if v := well("it to be ready under the second keeper", 1); v.PID != first.PID {
		t.Errorf("pid %d, and was %d", v.PID, first.PID)
	}
	hung := filepath.Join(b.state, "hung")
	if err := os.WriteFile(hung, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	await(t, "the watchdog to bite", func() bool { return task().Incarnation == 2 })
	if err := os.Remove(hung); err != nil {
		t.Fatal(err)
	}
	v := well("it to be ready again", 2)
	entries, err := b.client.Why(t.Context(), b.transaction, "ts000")
	if err != nil || v.Cause.Origin != event.ByPolicy {
		t.Errorf("cause %+v, why %s: %v", v.Cause, entries.Text, err)
	}
	b.stop()
	if left := harness.Left(t, b.transaction); len(left) > 0 {
		t.Errorf("processes are left: %v", left)
	}
}
