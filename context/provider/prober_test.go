package provider

import (
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"zmicroservices/context/command"
	"zmicroservices/context/event"
)

// notifying is a service that says its words to NOTIFY_SOCKET: the first at once, one
// more for each SIGUSR1.
func notifying(words []string) int {
	next := make(chan os.Signal, 8)
	signal.Notify(next, syscall.SIGUSR1)
	for _, word := range words {
		c, err := net.Dial("unixgram", os.Getenv("NOTIFY_SOCKET"))
		if err != nil {
			fmt.Println(err)
			return 3
		}
		_, _ = c.Write([]byte(strings.ReplaceAll(word, "|", "\n")))
		<-next
	}
	return 0
}

// self is the test binary, for a <command>.
func self(t *testing.T) string {
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return exe
}

// task waits until a task service looks as the test wants.
func (s *stage) task(id event.TaskID, what string, is func(*event.TaskView) bool) *event.TaskView {
	s.t.Helper()
	deadline := time.After(20 * time.Second)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		var v *event.TaskView
		if all := s.p.View("T1"); all != nil {
			v = all.Task(id)
		}
		if v != nil && is(v) {
			return v
		}
		select {
		case <-tick.C:
		case <-deadline:
			s.t.Fatalf("%s is not %s: %+v", id, what, v)
		}
	}
}

func TestReadinessByHTTPIsStartedAndLetsOthersStart(t *testing.T) {
	var status atomic.Int64
	status.Store(503)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(int(status.Load())) }))
	defer server.Close()
	s := start(t, file(t, process("app", "/bin/sleep 1000", `<depends on="db" until="ready"/>`)+
		process("db", "/bin/sleep 1000", fmt.Sprintf(`<probe kind="readiness" http="%s" every="20ms" failures="2"/>`, server.URL))))
	s.say("start")
	s.task("db", "spawned", func(v *event.TaskView) bool { return v.PID > 0 && v.State == event.Starting })
	s.task("app", "held", func(v *event.TaskView) bool { return v.Waits == "waits for db until ready" })
	status.Store(204)
	s.hear("db", "started")
	s.hear("app", "started")
	status.Store(500)
	v := s.task("db", "not ready", func(v *event.TaskView) bool { return v.State == event.Started && !v.Ready })
	if !strings.HasPrefix(v.Reason, "its readiness probe failed 2 times: GET http://") || !strings.HasSuffix(v.Reason, "500 Internal Server Error") {
		t.Errorf("reason %q", v.Reason)
	}
	status.Store(200)
	s.task("db", "ready", func(v *event.TaskView) bool { return v.Ready })
}

func TestProbesOfLogAndCommand(t *testing.T) {
	s := start(t, file(t, process("ts001",
		`/bin/sh -c 'echo warming up; echo listening on 4711; while :; do sleep 0.1; done'`,
		`<probe kind="startup" log="^listening on \d+$"/>
		 <probe kind="readiness" exec="/bin/sh -c 'test -e &quot;$ZMS_STATE_DIR/flag&quot;'" every="20ms" timeout="10s"/>`)))
	s.say("start")
	s.task("ts001", "started up", func(v *event.TaskView) bool { return v.Cause.Origin == event.ByProbe })
	if err := os.WriteFile(filepath.Join(s.opts.StateDir, "flag"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	s.hear("ts001", "started")
}

func TestAStartupThatDoesNotComeIsAFailedStart(t *testing.T) {
	s := start(t, file(t, process("ts001", "/bin/sleep 1000", `<probe kind="startup" log="never" every="50ms" failures="2"/>`)))
	s.say("start")
	started := s.hear("ts001", "started")
	if reason := fmt.Sprint(started.Status["reason"]); started.Status["result"] != "failure" || reason != "its startup probe did not succeed within 100ms" {
		t.Errorf("status %v", started.Status)
	}
	if r := s.hear("context001", "update"); r.Status["result"] != "failed" {
		t.Errorf("answer %v", r.Status)
	}
}

func TestAFailedLivenessProbeIsTheReasonOfARestart(t *testing.T) {
	s := start(t, file(t, process("frames", "/bin/sleep 1000", `<restart policy="on-failure"/>
		<probe kind="liveness" exec="/bin/sh -c 'test ! -e &quot;$ZMS_STATE_DIR/bad&quot;'" every="50ms" timeout="10s" failures="2"/>`)))
	s.say("start")
	first := pid(t, s.hear("frames", "started"))
	bad := filepath.Join(s.opts.StateDir, "bad")
	if err := os.WriteFile(bad, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	failed := s.hear("frames", "failed")
	if err := os.Remove(bad); err != nil {
		t.Fatal(err)
	}
	if reason := fmt.Sprint(failed.Status["reason"]); reason != "its liveness probe failed 2 times: /bin/sh exited with code 1" {
		t.Errorf("reason %q", reason)
	}
	if second := pid(t, s.hear("frames", "started")); second == first || alive(first) {
		t.Errorf("pid %d after %d", second, first)
	}
	why, err := s.p.Why(t.Context(), "T1", "frames")
	if err != nil || !strings.Contains(why.Text, "its restart policy called for it") || !strings.Contains(why.Text, "frames failed because its liveness probe failed 2 times") {
		t.Errorf("why %q: %v", why.Text, err)
	}
}

func TestHowLongProbesTookAndRestartsAreRemembered(t *testing.T) {
	var status atomic.Int64
	status.Store(200)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(int(status.Load())) }))
	defer server.Close()
	s := startWith(t, file(t, process("frames", "/bin/sleep 1000", fmt.Sprintf(`<restart policy="on-failure"/>
		<probe kind="readiness" exec="/bin/sh -c 'sleep 0.03'" every="100ms" timeout="10s"/>
		<probe kind="liveness" http="%s" every="50ms" timeout="10s" failures="2"/>`, server.URL))), func(o *Options) { o.HTTP = "127.0.0.1:0" })
	s.say("start")
	s.task("frames", "started", func(v *event.TaskView) bool { return v.State == event.Started })
	status.Store(500)
	s.hear("frames", "failed")
	status.Store(200)
	s.task("frames", "started again", func(v *event.TaskView) bool { return v.State == event.Started && v.Restarts > 0 })
	q := command.StatsQuery{Transaction: "T1", Task: "frames", Since: time.Now().Add(-time.Hour)}
	probes, err := past{s.p}.Probes(t.Context(), q)
	var checks, failures int
	var most, sum time.Duration
	for _, p := range probes {
		checks, failures, most, sum = checks+p.Checks, failures+p.Failures, max(most, p.LatencyMax), sum+p.Latency*time.Duration(p.Checks)
	}
	if err != nil || checks < 4 || failures < 2 || failures > checks-2 || most < 30*time.Millisecond || sum < 60*time.Millisecond {
		t.Errorf("probes %+v: %v", probes, err)
	}
	await(t, "a sample after the restart", func() bool {
		s.p.meter.costs(t.Context())
		rows, err := past{s.p}.Stats(t.Context(), q)
		return err == nil && len(rows) > 0 && rows[len(rows)-1].Restarts > 0
	})
	_, text := s.visit("/metrics")
	for _, want := range []string{"success", "failure"} {
		if !strings.Contains(text, `zms_task_probe_seconds_count{context="context001",result="`+want+`",task="frames",task_instance="Iframes"} `) {
			t.Errorf("%s is not counted", want)
		}
	}
}

func TestAServiceThatNotifies(t *testing.T) {
	s := start(t, file(t, process("ts001", self(t)+` notify "STATUS=reading" "READY=1|STATUS=serving" "STOPPING=1"`, `<probe kind="readiness" notify="true"/>`)+
		process("ts002", self(t)+` notify "READY=1"`, `<probe kind="startup" notify="true"/><probe kind="liveness" notify="true" every="50ms" failures="2"/>`)))
	s.say("start")
	v := s.task("ts001", "reading", func(v *event.TaskView) bool { return v.Status == "reading" })
	if v.State != event.Starting || v.Ready {
		t.Errorf("view %+v", v)
	}
	s.signal(v.PID)
	s.task("ts001", "serving", func(v *event.TaskView) bool { return v.Status == "serving" && v.Ready && v.State == event.Started })
	s.signal(v.PID)
	s.task("ts001", "leaving", func(v *event.TaskView) bool { return !v.Ready && v.State == event.Started })
	s.signal(v.PID)
	s.task("ts001", "completed", func(v *event.TaskView) bool { return v.Completed })
	dead := s.task("ts002", "failed", func(v *event.TaskView) bool { return v.State == event.Failed && !v.Present })
	if dead.Reason != "its liveness probe timed out 2 times: no WATCHDOG=1" {
		t.Errorf("view %+v", dead)
	}
}

func (s *stage) signal(pid int) {
	s.t.Helper()
	if err := syscall.Kill(pid, syscall.SIGUSR1); err != nil {
		s.t.Fatal(err)
	}
}

func TestReadinessByAMessageOnTheBus(t *testing.T) {
	s := start(t, file(t, process("ts001", "/bin/sleep 1000", `<probe kind="readiness" topic="frames"/>`)))
	s.say("start")
	s.task("ts001", "spawned", func(v *event.TaskView) bool { return v.PID > 0 })
	if err := s.bus.Publish(t.Context(), []byte("framesets @@@ {}")); err != nil {
		t.Fatal(err)
	}
	// The first may come before the topic is listened to: a camera says more than one.
	s.task("ts001", "started", func(v *event.TaskView) bool {
		if err := s.bus.Publish(t.Context(), []byte("frames @@@ {}")); err != nil {
			t.Fatal(err)
		}
		return v.State == event.Started && v.Ready
	})
}
