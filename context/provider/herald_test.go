package provider

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/uuid"

	"zmicroservices/context/event"
	"zmicroservices/taskservice/agent"
	"zmicroservices/taskservice/bus"
	"zmicroservices/taskservice/hippodamia"
	"zmicroservices/taskservice/lifecycle"
	"zmicroservices/taskservice/message"
)

// itsOwnAgent is a service that announces itself and has an agent of its own, with a
// will or without. It never says goodbye.
func itsOwnAgent(args []string) int {
	b, err := bus.Dial(context.Background(), bus.Options{
		Frontend: os.Getenv("ZMS_FRONTEND"), Backend: os.Getenv("ZMS_BACKEND"), Topics: []string{hippodamia.Prefix},
	})
	if err != nil {
		fmt.Println(err)
		return 3
	}
	crew := agent.NewCrew(b, hippodamia.Topics{}, nil)
	crew.Add(agent.New(agent.Options{
		Type: "Own", Name: "own", Host: agent.Host(), ConfigID: os.Getenv("ZMS_CONFIG_ID"), PID: os.Getpid(), Will: args[0] == "will",
	}), nil)
	go func() { // ends with the process
		for {
			frame, err := b.Receive(context.Background())
			if err != nil {
				return
			}
			crew.Hear(frame)
		}
	}()
	frame, _ := message.Control{
		Header: message.Header{Action: "started", ServiceID: os.Getenv("ZMS_SERVICE_ID"), ServiceName: "n", Transaction: os.Getenv("ZMS_TRANSACTION")},
		Status: map[string]any{"device_action": "act", "result": "success", "pid": os.Getpid()},
	}.Frame()
	_ = b.Publish(context.Background(), frame)
	_ = crew.Run(context.Background())
	return 0
}

// ownAgent is that as a TaskService.
func ownAgent(t *testing.T, id, how string) string {
	return strings.Replace(service(id, self(t)+" agent "+how, ""), "<Process>", `<Process announce="self">`, 1)
}

// watchdog takes in whoever asks, and hears everything that agents and events say.
type watchdog struct {
	t      *testing.T
	bus    *bus.Bus
	stop   context.CancelFunc
	served chan struct{}

	mu   sync.Mutex // guards said
	said []said
}

type said struct {
	topic string
	text  map[string]any
}

func (s *stage) watchdog() *watchdog {
	s.t.Helper()
	ctx, cancel := context.WithCancel(s.t.Context())
	b, err := bus.Dial(ctx, bus.Options{
		Frontend: s.p.FrontEnd(), Backend: s.p.Backend(), Topics: []string{hippodamia.Prefix, lifecycle.Prefix, "own."},
	})
	if err != nil {
		s.t.Fatal(err)
	}
	w := &watchdog{t: s.t, bus: b, stop: cancel, served: make(chan struct{})}
	go w.serve(ctx) // ends with ctx
	s.t.Cleanup(w.end)
	return w
}

func (w *watchdog) end() {
	w.stop()
	<-w.served
	_ = w.bus.Close(context.Background())
}

func (w *watchdog) serve(ctx context.Context) {
	defer close(w.served)
	for {
		frame, err := w.bus.Receive(ctx)
		if err != nil {
			return
		}
		topic, payload, _ := message.Split(frame)
		var text map[string]any
		_ = json.Unmarshal(payload, &text)
		w.mu.Lock()
		w.said = append(w.said, said{topic, text})
		w.mu.Unlock()
		if topic == "hippodamia.contact" {
			r, err := hippodamia.Parse[hippodamia.OnboardingRequest](payload)
			if err != nil {
				w.t.Error(err)
				continue
			}
			answer, _ := hippodamia.Frame(r.Topic, hippodamia.OnboardingResponse{UUID: r.UUID, GID: hippodamia.GID(r), Timestamp: time.Now()})
			_ = w.bus.Publish(ctx, answer)
		}
	}
}

// all gives what was said on a topic; key, if given, has this value.
func (w *watchdog) all(topic, key, value string) (out []map[string]any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, s := range w.said {
		if s.topic == topic && (key == "" || s.text[key] == value) {
			out = append(out, s.text)
		}
	}
	return out
}

// hear waits for the nth message on a topic, counted from 1.
func (w *watchdog) hear(n int, topic, key, value string) map[string]any {
	w.t.Helper()
	await(w.t, fmt.Sprintf("message %d on %s", n, topic), func() bool { return len(w.all(topic, key, value)) >= n })
	return w.all(topic, key, value)[n-1]
}

// settled waits until all that was published before has come.
func (w *watchdog) settled() {
	w.t.Helper()
	mark := uuid.NewString()
	if err := w.bus.Publish(w.t.Context(), []byte(`own.mark @@@ {"mark":"`+mark+`"}`)); err != nil {
		w.t.Fatal(err)
	}
	w.hear(1, "own.mark", "mark", mark)
}

func (w *watchdog) expect(n int, topic, key, value string) {
	w.t.Helper()
	w.settled()
	if all := w.all(topic, key, value); len(all) != n {
		w.t.Errorf("%d messages on %s, want %d: %v", len(all), topic, n, all)
	}
}

func TestACommandHasAnAgentAndALifeOfEvents(t *testing.T) {
	c := file(t, strings.Replace(service("ts001", "/bin/sleep 1000", "<on_fail><action>restart</action><call>ts001</call></on_fail>"),
		"<device_action>", "<version>1.2.3</version><password>hush</password><device_action>", 1))
	s := startWith(t, c, func(o *Options) {
		o.Version, o.PingInterval, o.AliveInterval = "9", 200*time.Millisecond, 100*time.Millisecond
	})
	w := s.watchdog()
	s.say("start")
	contact := w.hear(1, "hippodamia.contact", "", "")
	for key, want := range map[string]any{
		"type": "Its001", "name": "n", "host": agent.Host(), "config_id": "context001/ts001", "version": "1.2.3", "pid": float64(s.task("ts001", "started", isStarted).PID),
	} {
		if contact[key] != want {
			t.Errorf("contact: %s is %v, want %v", key, contact[key], want)
		}
	}
	r, _ := hippodamia.Parse[hippodamia.OnboardingRequest]([]byte(text(t, contact)))
	gid := hippodamia.GID(r)
	w.hear(1, "hippodamia.state.runtime", "gid", gid) // of a process that had hardly begun
	ask, _ := hippodamia.Frame("hippodamia.command.runtime", hippodamia.Command{GID: gid, RequestID: "r1", Timestamp: time.Now()})
	if err := w.bus.Publish(t.Context(), ask); err != nil {
		t.Fatal(err)
	}
	runtime := w.hear(2, "hippodamia.state.runtime", "gid", gid)["runtime"].(map[string]any)
	if rss, _ := runtime["rss"].(float64); rss <= 0 || runtime["threads"] != 1.0 || runtime["state"] != "started" {
		t.Errorf("runtime %v", runtime)
	}
	if config := text(t, w.hear(1, "hippodamia.state.config", "gid", gid)); !strings.Contains(config, `"version":"1.2.3"`) || strings.Contains(config, "hush") {
		t.Errorf("config %s", config)
	}
	w.hear(3, "hippodamia.state.ping", "gid", gid)
	identity := agent.Host() + "/context001/ts001"
	for _, kind := range []string{"startup", "provisioned", "alive"} {
		if e := w.hear(1, "choria.lifecycle.event."+kind+".Its001", "identity", identity); kind != "provisioned" && e["version"] != "1.2.3" {
			t.Errorf("%s: %v", kind, e)
		}
	}

	// It dies.
	first := s.task("ts001", "started", isStarted)
	kill(t, first.PID, syscall.SIGKILL)
	if end := w.hear(1, "hippodamia.state.end", "gid", gid); end["reason"] != "last-will" || end["uuid"] != contact["uuid"] {
		t.Errorf("end %v", end)
	}
	again := w.hear(2, "hippodamia.contact", "", "")
	if again["uuid"] == contact["uuid"] || again["config_id"] != contact["config_id"] {
		t.Errorf("contact %v, then %v", contact, again)
	}
	w.hear(2, "hippodamia.state.config", "gid", gid)
	w.expect(1, "hippodamia.state.end", "", "")
	w.expect(1, "choria.lifecycle.event.shutdown.Its001", "identity", identity)
	w.expect(2, "choria.lifecycle.event.startup.Its001", "identity", identity)

	// It is stopped, and is not said to live meanwhile.
	second := s.task("ts001", "another process", func(v *event.TaskView) bool { return v.State == event.Started && v.PID != first.PID })
	kill(t, second.PID, syscall.SIGSTOP)
	await(t, "it to be stopped", func() bool { return stat(second.PID) == "T" })
	w.settled()
	pings := len(w.all("hippodamia.state.ping", "gid", gid))
	w.hear(len(w.all("choria.lifecycle.event.alive.Its001", "", ""))+8, "choria.lifecycle.event.alive.Its001", "", "") // 4 pings long
	if now := len(w.all("hippodamia.state.ping", "gid", gid)); now > pings+1 {
		t.Errorf("%d pings while it is stopped", now-pings)
	}
	kill(t, second.PID, syscall.SIGCONT)
	w.hear(pings+2, "hippodamia.state.ping", "gid", gid)

	// It ends in order.
	s.say("stop")
	if end := w.hear(2, "hippodamia.state.end", "gid", gid); !strings.HasPrefix(end["reason"].(string), "stopped: operator") {
		t.Errorf("end %v", end)
	}
	w.hear(2, "choria.lifecycle.event.shutdown.Its001", "identity", identity)
	s.hear("context001", "update")
	w.expect(2, "hippodamia.state.end", "", "")
	w.expect(2, "choria.lifecycle.event.shutdown.Its001", "", "")
}

// An agent that comes with its service's process has its goodbye from us, or by its will,
// and one of them.
func TestAServiceWithAnAgentOfItsOwnThatDiesHasOneGoodbye(t *testing.T) {
	for _, how := range []string{"will", "none"} {
		for _, over := range []string{"ipc", "tcp"} {
			t.Run(how+" over "+over, func(t *testing.T) {
				t.Parallel()
				c := file(t, ownAgent(t, "ts001", how))
				if over == "tcp" {
					c.FrontBind, c.BackendBind = "tcp://127.0.0.1:0", "tcp://127.0.0.1:0"
					c.FrontEndEndpoint, c.BackendEndpoint = "tcp://127.0.0.1:1", "tcp://127.0.0.1:1"
				}
				s := start(t, c)
				w := s.watchdog()
				s.say("start")
				contact := w.hear(1, "hippodamia.contact", "", "")
				w.hear(1, "hippodamia.state.config", "", "")
				if how == "will" {
					await(t, "the will", func() bool { return s.p.wills.book.Stats().Kept == 1 })
				}
				kill(t, s.task("ts001", "started", isStarted).PID, syscall.SIGKILL)
				end := w.hear(1, "hippodamia.state.end", "", "")
				if end["reason"] != "last-will" || end["uuid"] != contact["uuid"] {
					t.Errorf("end %v", end)
				}
				w.hear(1, "choria.lifecycle.event.shutdown.Its001", "identity", agent.Host()+"/context001/ts001")

				s.say("start")
				w.hear(2, "hippodamia.contact", "", "")
				w.hear(2, "hippodamia.state.config", "", "")
				w.expect(1, "hippodamia.state.end", "", "")
				s.hear("ts001", "started") // of the first
				s.say("stop")
				if end := w.hear(2, "hippodamia.state.end", "", ""); !strings.HasPrefix(end["reason"].(string), "stopped: operator") {
					t.Errorf("end %v", end)
				}
				s.task("ts001", "stopped", func(v *event.TaskView) bool { return v.State == event.Stopped })
				w.expect(2, "hippodamia.state.end", "", "")
				w.expect(2, "choria.lifecycle.event.shutdown.Its001", "", "")
				if kept := s.p.wills.book.Stats(); kept.Kept != 0 || (kept.Published == 1) != (how == "will") {
					t.Errorf("%+v", kept)
				}
			})
		}
	}
}

func TestNothingIsSaidOnTheOriginalsWire(t *testing.T) {
	s := startWith(t, file(t, service("ts001", "/bin/sleep 1000", "")), func(o *Options) { o.Original, o.AliveInterval = true, 10*time.Millisecond })
	w := s.watchdog()
	s.say("start")
	s.hear("ts001", "started")
	s.say("stop")
	s.hear("ts001", "stopped")
	w.settled()
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.said) != 1 { // the mark
		t.Errorf("said %v", w.said)
	}
}

func isStarted(v *event.TaskView) bool { return v.State == event.Started && v.Present }

func kill(t *testing.T, pid int, sig syscall.Signal) {
	t.Helper()
	if err := syscall.Kill(pid, sig); err != nil {
		t.Fatal(err)
	}
}

// stat is the letter of a process's state.
func stat(pid int) string {
	line, _ := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	_, after, _ := strings.Cut(string(line), ") ")
	return after[:min(1, len(after))]
}

func text(t *testing.T, o map[string]any) string {
	t.Helper()
	b, err := json.Marshal(o)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// A real libzmq peer lays down its wills and is killed.
func TestAPeersWillsArePublishedWhenItIsKilled(t *testing.T) {
	if err := exec.Command("/usr/bin/python3", "-c", "import zmq").Run(); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("no pyzmq: apt-get install python3-zmq")
		}
		t.Skip("no pyzmq: apt-get install python3-zmq")
	}
	s := start(t, file(t, ""))
	w := s.watchdog()
	script := filepath.Join(filepath.Dir(s.opts.Context.File), "agent.py")
	if err := os.WriteFile(script, []byte(`import json, sys, time, zmq
pub = zmq.Context().socket(zmq.XPUB)
pub.sndhwm = 0
pub.connect(sys.argv[1])
pub.recv()                      # the bus has subscribed: nothing is lost any more
def lay(topic, payload):
    pub.send_string("zms.will @@@ " + json.dumps({"topic": topic, "payload": payload}))
lay("own.alarm", {"text": "gone"})
lay("own.alarm", {"text": "gone for good"})
lay("own.other", {"text": "withdrawn"})
lay("own.other", None)
for topic in "context", "process", "state", "control":
    lay(topic, {"header": {"action": "exit"}})
for n in range(10000):
    lay("own.many.%d" % n, {"n": n})
print("laid", flush=True)
time.sleep(1000)
`), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("/usr/bin/python3", script, s.p.Backend())
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	await(t, "all wills", func() bool {
		stats := s.p.wills.book.Stats()
		return stats.Laid+stats.Refused == 10_000+3+4
	})
	if stats := s.p.wills.book.Stats(); stats.Kept != 16 || stats.Withdrawn != 1 || stats.Refused != 4+10_000-15 {
		t.Errorf("%+v", stats)
	}
	w.expect(0, "own.alarm", "", "")
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	if alarm := w.hear(1, "own.alarm", "", ""); alarm["text"] != "gone for good" {
		t.Errorf("%v", alarm)
	}
	w.hear(1, "own.many.14", "", "")
	w.expect(1, "own.alarm", "", "")
	w.expect(0, "own.other", "", "")
	if stats := s.p.wills.book.Stats(); stats.Kept != 0 || stats.Bytes != 0 || stats.Published != 16 {
		t.Errorf("%+v", stats)
	}
}
