package provider

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"zmicroservices/conf"
	"zmicroservices/context/command"
	"zmicroservices/context/event"
	"zmicroservices/context/journal"
	"zmicroservices/taskservice/bus"
	"zmicroservices/taskservice/message"
)

// stage is a provider in this process, with real services, and a subscriber.
type stage struct {
	t      *testing.T
	opts   Options
	p      *Provider
	bus    *bus.Bus
	cancel context.CancelFunc
	ended  chan error
}

// file writes a Context file whose bus is in a folder of its own.
func file(t *testing.T, tasks string) *conf.Context {
	t.Helper()
	dir, err := os.MkdirTemp("", "zp") // short: socket paths have 107 bytes
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	path := filepath.Join(dir, "Context.xml")
	text := fmt.Sprintf(`<Context>
  <FrontEndEndpoint>ipc://%[1]s/back</FrontEndEndpoint> <BackendEndpoint>ipc://%[1]s/front</BackendEndpoint>
  <FrontBind>ipc://%[1]s/front</FrontBind> <BackendBind>ipc://%[1]s/back</BackendBind>
  <ContextID>context001</ContextID> <TaskLogName>Test</TaskLogName>
  %[2]s
</Context>`, dir, tasks)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := conf.Load(path)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// service is a TaskService by command.
func service(id, command, transitions string) string {
	return fmt.Sprintf(`<TaskService id="%s" topic="process" instance="I%[1]s" serviceType="Process">
	<Process><command>%s</command><stop timeout="2s"/></Process>
	<Task><message><header><action>start</action><service_name>n</service_name></header>
	<content><configuration><device_action>act</device_action></configuration></content></message>
	<state type="on_start">%s</state></Task></TaskService>`, id, command, transitions)
}

func start(t *testing.T, c *conf.Context) *stage {
	t.Helper()
	return startWith(t, c, func(*Options) {})
}

// startWith starts a provider with other options.
func startWith(t *testing.T, c *conf.Context, change func(*Options)) *stage {
	t.Helper()
	dir := filepath.Dir(c.File)
	s := &stage{t: t, opts: Options{
		Context: c, Logger: slog.New(slog.DiscardHandler), StateDir: filepath.Join(dir, "s"), RuntimeDir: dir,
	}}
	change(&s.opts)
	p, err := New(s.opts)
	if err != nil {
		t.Fatal(err)
	}
	s.p = p
	ctx, cancel := context.WithCancel(context.Background())
	s.cancel, s.ended = cancel, make(chan error, 1)
	go func() { s.ended <- p.Run(ctx) }() // ends with ctx or an exit
	joining, joined := context.WithTimeout(t.Context(), 20*time.Second)
	defer joined()
	s.bus, err = bus.Dial(joining, bus.Options{Frontend: p.FrontEnd(), Backend: p.Backend(), Topics: []string{"control", "process"}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cancel()
		s.wait()
		_ = s.bus.Close(context.Background())
	})
	return s
}

// wait gives what Run returned.
func (s *stage) wait() error {
	s.t.Helper()
	select {
	case err := <-s.ended:
		s.ended <- err
		return err
	case <-time.After(30 * time.Second):
		s.t.Fatal("the provider does not end")
		return nil
	}
}

// say publishes a context command.
func (s *stage) say(action string) {
	s.t.Helper()
	c := s.opts.Context
	frame, err := message.Command{
		Header:        message.Header{Action: action, ServiceID: c.ContextID, ServiceName: "context", Transaction: "T1", RequestID: "r-" + action},
		Configuration: c.Raw, HasConfiguration: true,
	}.Frame()
	if err != nil {
		s.t.Fatal(err)
	}
	if err := s.bus.Publish(s.t.Context(), frame); err != nil {
		s.t.Fatal(err)
	}
}

// hear reads the bus until a control message of a task service with an action.
func (s *stage) hear(id, action string) message.Control {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), 20*time.Second)
	defer cancel()
	for {
		frame, err := s.bus.Receive(ctx)
		if err != nil {
			s.t.Fatalf("waiting for %s %s: %v", id, action, err)
		}
		topic, payload, err := message.Split(frame)
		if err != nil || topic != message.TopicControl {
			continue
		}
		c, err := message.ParseControl(payload)
		if err != nil {
			s.t.Fatal(err)
		}
		if c.Header.ServiceID == id && c.Header.Action == action && c.Status["device_action"] != "context_info" {
			return c
		}
	}
}

func pid(t *testing.T, c message.Control) int {
	t.Helper()
	var n int
	if _, err := fmt.Sscan(fmt.Sprint(c.Status["pid"]), &n); err != nil || n <= 0 {
		t.Fatalf("no pid in %v", c.Status)
	}
	return n
}

// alive says that there is a process that is no zombie: whose an orphan is, and when
// that one reaps it, is the machine's affair.
func alive(pid int) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	_, after, _ := strings.Cut(string(stat), ") ")
	return err == nil && !strings.HasPrefix(after, "Z")
}

func TestAServiceIsStartedKilledRestartedAndStoppedAtExit(t *testing.T) {
	s := start(t, file(t, service("ts001", "/bin/sleep 1000", "<on_fail><action>restart</action><call>ts001</call></on_fail>")))
	s.say("start")
	first := pid(t, s.hear("ts001", "started"))
	if r := s.hear("context001", "update"); r.Status["result"] != "success" || r.Header.RequestID != "r-start" {
		t.Errorf("result %+v", r)
	}
	if err := syscall.Kill(first, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	if f := s.hear("ts001", "failed"); f.Status["signal"] != "SIGKILL" || f.Status["result"] != "failure" {
		t.Errorf("failed %+v", f)
	}
	second := pid(t, s.hear("ts001", "started"))
	s.say("exit")
	s.hear("ts001", "stopped")
	if err := s.wait(); err != nil {
		t.Errorf("run: %v", err)
	}
	if alive(first) || alive(second) {
		t.Error("a service is left")
	}
	if _, err := os.Stat(s.p.socket()); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the control socket is left: %v", err)
	}
}

func TestAnUnknownInstanceIsAFailedStartThatSaysWhatWasTried(t *testing.T) {
	s := start(t, file(t, `<TaskService id="ts001" topic="process" instance="Nope" serviceType="Process">
	<Task><message><header><service_name>n</service_name></header><content><configuration>
	<location>/nowhere</location></configuration></content></message><state type="on_start"/></Task></TaskService>`))
	s.say("start")
	c := s.hear("ts001", "started")
	reason, _ := c.Status["reason"].(string)
	if c.Status["result"] != "failure" || !strings.Contains(reason, "/nowhere/Nope") || !strings.Contains(reason, "create_service") {
		t.Errorf("status %v", c.Status)
	}
}

func TestAGoServiceIsBuiltBeforeItsStartAndABuildThatFailsSaysWhy(t *testing.T) {
	c := file(t, `<TaskService id="ts001" topic="process" instance="Good" serviceType="Process">
	<Process announce="provider"/>
	<Task><message><header><service_name>n</service_name></header><content><configuration>
	<location>src</location></configuration></content></message><state type="on_start"/></Task></TaskService>
	<TaskService id="ts002" topic="process" instance="Bad" serviceType="Process">
	<Task><message><header><service_name>n</service_name></header><content><configuration>
	<location>src</location></configuration></content></message><state type="on_start"/></Task></TaskService>`)
	src := filepath.Join(filepath.Dir(c.File), "src")
	for name, text := range map[string]string{
		"go.mod":       "module src\n\ngo 1.26\n",
		"Good/main.go": "package main\n\nfunc main() { select {} }\n",
		"Bad/main.go":  "package main\n\nfunc main() { nonsense }\n",
	} {
		path := filepath.Join(src, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	s := start(t, c)
	s.say("start")
	for range 2 {
		started := s.hear2("ts001", "ts002", "started")
		reason, _ := started.Status["reason"].(string)
		switch started.Header.ServiceID {
		case "ts001":
			if started.Status["result"] != "success" {
				t.Errorf("Good: %v", started.Status)
			}
		case "ts002":
			if started.Status["result"] != "failure" || !strings.Contains(reason, "nonsense") {
				t.Errorf("Bad: %v", started.Status)
			}
		}
	}
}

// hear2 hears either of two task services.
func (s *stage) hear2(a, b, action string) message.Control {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), 100*time.Second)
	defer cancel()
	for {
		frame, err := s.bus.Receive(ctx)
		if err != nil {
			s.t.Fatalf("waiting for %s or %s %s: %v", a, b, action, err)
		}
		topic, payload, err := message.Split(frame)
		if err != nil || topic != message.TopicControl {
			continue
		}
		c, err := message.ParseControl(payload)
		if err == nil && c.Header.Action == action && (c.Header.ServiceID == a || c.Header.ServiceID == b) {
			return c
		}
	}
}

func TestASignalEndsEverythingAndHurryDoesNotWait(t *testing.T) {
	s := start(t, file(t, strings.Replace(service("ts001", `/bin/sh -c "trap '' TERM; echo up; while :; do sleep 1; done"`, ""), `timeout="2s"`, `timeout="1h"`, 1)))
	s.say("start")
	n := pid(t, s.hear("ts001", "started"))
	await(t, "the trap to be set", func() bool {
		text, _ := os.ReadFile(filepath.Join(s.opts.StateDir, "logs", "T1", "ts001.log"))
		return strings.Contains(string(text), "up")
	})
	s.cancel()
	c, err := command.Dial(t.Context(), s.p.socket())
	if err == nil { // it may have ended meanwhile
		c.Close()
	}
	s.p.Hurry()
	if err := s.wait(); err != nil {
		t.Errorf("run: %v", err)
	}
	if alive(n) {
		t.Error("the service is left")
	}
}

// await waits for something that the provider cannot tell.
func await(t *testing.T, what string, there func() bool) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(20 * time.Second)
	for !there() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("waited in vain for %s", what)
		}
	}
}

func TestWhatIsTakenIsSaidAndNamed(t *testing.T) {
	s := start(t, file(t, ""))
	if _, err := New(s.opts); err == nil || !strings.Contains(err.Error(), s.opts.StateDir) {
		t.Errorf("the state directory twice: %v", err)
	}
	o := s.opts
	o.StateDir += "2"
	if _, err := New(o); err == nil || !strings.Contains(err.Error(), s.opts.Context.FrontBind) {
		t.Errorf("the bus twice: %v", err)
	}
}

func TestAnAddressBeyondLoopbackMustBeMeant(t *testing.T) {
	for _, c := range []struct {
		bind              string
		bindAll, insecure bool
		curve, plain      string
		refused           bool
	}{
		{"tcp://*:0", false, false, "", "", false},
		{"tcp://*:0", true, false, "", "", true},
		{"tcp://*:0", true, true, "", "", false},
		{"tcp://*:0", true, false, "keys", "", false},
		{"tcp://*:0", true, false, "", "users", true},
		{"tcp://*:0", true, true, "", "users", false},
		{"tcp://0.0.0.0:0", false, false, "", "", true},
		{"tcp://192.0.2.7:0", false, false, "", "", true},
		{"tcp://192.0.2.7:0", false, false, "", "users", true},
		{"tcp://192.0.2.7:0", false, false, "keys", "", false},
		{"tcp://127.0.0.1:0", false, false, "", "", false},
		{"tcp://127.0.0.1:0", false, false, "", "users", false},
		{"tcp://[::1]:0", false, false, "", "", false},
		{"tcp://localhost:0", false, false, "", "", false},
		{"ipc:///tmp/x", false, false, "", "", false},
	} {
		o := Options{
			Context: &conf.Context{FrontBind: c.bind, BackendBind: c.bind}, Logger: slog.New(slog.DiscardHandler),
			BindAll: c.bindAll, Insecure: c.insecure, Curve: c.curve, Plain: c.plain, RuntimeDir: t.TempDir(), StateDir: t.TempDir(),
		}
		err := o.complete()
		if (err != nil) != c.refused {
			t.Errorf("%+v: %v", c, err)
		}
		if err != nil && (!strings.Contains(err.Error(), "--insecure") || !strings.Contains(err.Error(), "--curve")) {
			t.Errorf("%+v: the remedy is not named: %v", c, err)
		}
	}
}

func TestQuietTransactionsLeaveMemory(t *testing.T) {
	s := start(t, file(t, service("ts001", "/bin/true", "")))
	for n := range keepQuiet + 20 {
		id := event.TransactionID(fmt.Sprintf("Q%03d", n))
		if err := s.p.Ask(command.Request{
			Transaction: id, Action: "start", Tasks: s.opts.Context.Tasks, Cause: event.Cause{Origin: event.ByOperator},
		}); err != nil {
			t.Fatal(err)
		}
		await(t, "the service to end", func() bool {
			v := s.p.View(id)
			return v != nil && len(v.Tasks) == 1 && v.Tasks[0].State == event.Stopped
		})
	}
	if n := len(s.p.Views()); n > keepQuiet {
		t.Errorf("%d transactions in memory", n)
	}
	if s.p.View("Q000") != nil || s.p.View("Q119") == nil {
		t.Error("not the oldest left")
	}
}

func TestTwoProvidersLiveInOneProcess(t *testing.T) {
	one := start(t, file(t, service("ts001", "/bin/sleep 1000", "")))
	two := start(t, file(t, service("ts001", "/bin/sleep 1000", "")))
	one.say("start")
	two.say("start")
	if pid(t, one.hear("ts001", "started")) == pid(t, two.hear("ts001", "started")) {
		t.Error("one process for two")
	}
}

// A transaction's name becomes a folder's: it must not lead elsewhere.
func TestATransactionNamedLikeAPathIsRefused(t *testing.T) {
	s := start(t, file(t, service("a", "/bin/echo out", "")))
	err := s.p.Ask(command.Request{Transaction: "../../elsewhere", Action: "start", Tasks: s.opts.Context.Tasks})
	if err == nil || !strings.Contains(err.Error(), "path separator") {
		t.Errorf("Ask gave %v, want a refusal", err)
	}
}

// Jitter that is the same everywhere spreads nothing.
func TestEveryTransactionHasAJitterOfItsOwn(t *testing.T) {
	p := &Provider{opts: Options{Context: file(t, "")}}
	if one, two := p.groupOptions(journal.Transaction{}), p.groupOptions(journal.Transaction{}); one.Seed == two.Seed {
		t.Errorf("both have seed %d", one.Seed)
	}
}
