package monitor

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"zmicroservices/test/harness"
)

// withMonitor is a file as the original's, with the Monitor beside a service of ours.
const withMonitor = `<?xml version="1.0" encoding="UTF-8"?>
<Context>
  <FrontEndEndpoint>tcp://127.0.0.1:1</FrontEndEndpoint>
  <BackendEndpoint>tcp://127.0.0.1:2</BackendEndpoint>
  <FrontBind>tcp://127.0.0.1:0</FrontBind>
  <BackendBind>tcp://127.0.0.1:0</BackendBind>
  <ContextID>context001</ContextID>
  <TaskLogName>MonAll</TaskLogName>
  <TaskService id="ts000" topic="process" instance="Monitor" serviceType="%s">
    <Task>
      <description>Monitor desc</description>
      <message>
        <header><action>start</action><service_name>monitor</service_name></header>
        <content><configuration><device_action>task_monitor</device_action>%s</configuration></content>
      </message>
      <state type="on_start"><on_start><action></action><call></call></on_start><on_update><action></action><call></call></on_update><on_fail><action>restart</action><call>ts000</call></on_fail><on_exit><action></action><call></call></on_exit></state>
    </Task>
  </TaskService>
  <TaskService id="ts001" topic="process" instance="Fork" serviceType="Process">
    <Process><command>%s</command><env name="%s" value="fork"/><env name="MARKS" value="%s"/></Process>
    <Task>
      <message>
        <header><action>start</action><service_name>fork</service_name></header>
        <content><configuration><device_action>forks</device_action></configuration></content>
      </message>
      <state type="on_start"/>
    </Task>
  </TaskService>
</Context>
`

// stage is a provider with a Monitor and a service, and where the Monitor publishes.
type stage struct {
	*harness.Provider
	t        *testing.T
	endpoint string
}

// monitored starts one; publisher is the Monitor's configuration, with %s for its endpoint.
func monitored(t *testing.T, kind, publisher string) *stage {
	t.Helper()
	s := &stage{t: t, endpoint: place(t)}
	file := filepath.Join(t.TempDir(), "Context.xml")
	if strings.Contains(publisher, "%s") {
		publisher = fmt.Sprintf(publisher, s.endpoint)
	}
	text := fmt.Sprintf(withMonitor, kind, publisher, harness.Self(t), harness.RoleVariable, t.TempDir())
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	s.Provider = harness.Start(t, file, "--start", "--monitor_interval=0")
	return s
}

// place is an endpoint that nobody else has.
func place(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "zms-mon-") // not t.TempDir: a socket's path has 107 bytes
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return "ipc://" + filepath.Join(dir, "m")
}

// listener is a pyzmq subscriber of the topic monitor.
type listener struct {
	t     *testing.T
	lines chan string // sent by the reader, which closes it at the end of the subscriber; 64: a test does not read all
}

const subscriber = `
import sys, zmq
s = zmq.Context().socket(zmq.SUB)
s.setsockopt(zmq.SUBSCRIBE, b"monitor")
s.connect(sys.argv[1])
while True:
    print(s.recv().decode(), flush=True)
`

func listen(t *testing.T, endpoint string) *listener {
	t.Helper()
	cmd := exec.Command(harness.Python(t), "-c", subscriber, endpoint)
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	l := &listener{t: t, lines: make(chan string, 64)}
	ended := make(chan struct{})
	go func() { // ends with the subscriber
		defer close(ended)
		defer close(l.lines)
		for r := bufio.NewScanner(bufio.NewReaderSize(out, 1<<20)); r.Scan(); {
			select {
			case l.lines <- r.Text():
			default: // the test has seen enough
			}
		}
	}()
	t.Cleanup(func() { _ = cmd.Process.Kill(); <-ended; _ = cmd.Wait() })
	return l
}

// until reads messages until one has the entries that are looked for, by task id.
func (l *listener) until(what, transaction string, enough func(map[string]entry) bool) map[string]entry {
	l.t.Helper()
	late := time.After(harness.Patience)
	for last := ""; ; {
		select {
		case line, ok := <-l.lines:
			if !ok {
				l.t.Fatalf("the subscriber has ended, before %s", what)
			}
			last = line
		case <-late:
			l.t.Fatalf("no %s within %v; the last was %q", what, harness.Patience, last)
		}
		payload, found := strings.CutPrefix(last, "monitor @@@ ")
		var m map[string][]entry
		if err := json.Unmarshal([]byte(payload), &m); !found || err != nil || len(m) != 1 {
			l.t.Fatalf("%v in %q", err, last)
		}
		by := map[string]entry{}
		for _, e := range m[transaction] {
			id, _ := e["serviceId"].(string)
			by[id] = e
		}
		if enough(by) {
			return by
		}
	}
}

const everySecond = `<publisher><endpoint>%s</endpoint><frequency_s>1.0</frequency_s><type>pub</type></publisher>`

func TestTheMonitorPublishesAtItsOwnEndpointAsTheOriginal(t *testing.T) {
	// The original's README calls it service, and its options are any text.
	for kind, publisher := range map[string]string{
		"Process": everySecond + `<monitor_options><opened_files>1</opened_files><open_connections>true</open_connections><memory_maps>1</memory_maps></monitor_options>`,
		"Thread":  `<service><endpoint>%s</endpoint><frequency_s>0.2</frequency_s></service><monitor_options><memory_maps>0</memory_maps></monitor_options>`,
	} {
		t.Run(kind, func(t *testing.T) {
			s := monitored(t, kind, publisher)
			l := listen(t, s.endpoint)
			both := func(by map[string]entry) bool {
				return len(by) == 2 && by["ts000"]["action"] == "started" && by["ts001"]["action"] == "started"
			}
			by := l.until("both services", s.Transaction, both)
			for id, e := range by {
				// What the original's message has; see monitor.frame in the tests of message.
				for _, key := range []string{
					"status", "rss", "vms", "percent", "cpu_percent", "children", "total", "elapsed", "serviceId", "timestamp", "action", "state", "pid",
				} {
					if _, has := e[key]; !has {
						t.Errorf("%s has no %s", id, key)
					}
				}
				full := kind == "Process"
				for _, key := range []string{"connections", "opened_files", "memory_map"} {
					if list, has := e[key].([]any); has != full || has && key == "memory_map" && len(list) == 0 {
						t.Errorf("%s: %s is %v", id, key, e[key])
					}
				}
				if mib := e.number("rss"); mib < 1 || mib > 1000 || e.number("percent") <= 0 || e["state"] != "success" {
					t.Errorf("%s: %v", id, e)
				}
			}
			if kind == "Process" {
				s.connected(by["ts000"])
			}
			s.family(l, by)
			s.killed(l, by["ts000"], both)
			s.Stop()
		})
	}
}

// connected looks for the Monitor's own connections to the bus.
func (s *stage) connected(e entry) {
	s.t.Helper()
	list, _ := e["connections"].([]any)
	for _, c := range list {
		tuple, _ := c.([]any)
		var keys []string
		whole := entry{}
		for _, pair := range tuple {
			o, _ := pair.(map[string]any)
			for k, v := range o {
				keys = append(keys, k)
				whole[k] = v
			}
		}
		if !slices.Equal(keys, []string{"fd", "family", "type", "laddr", "raddr", "status"}) {
			s.t.Errorf("connection %v", c)
		}
		peer, _ := whole["raddr"].([]any)
		if len(peer) == 2 && fmt.Sprintf("tcp://%v:%v", peer[0], peer[1]) == s.Publish && whole["status"] == "ESTABLISHED" {
			return
		}
	}
	s.t.Errorf("none of its connections is that to %s: %v", s.Publish, list)
}

// family has the service fork, and looks for its children and its threads.
func (s *stage) family(l *listener, by map[string]entry) {
	s.t.Helper()
	pid := by["ts001"].number("pid")
	if err := syscall.Kill(int(pid), syscall.SIGUSR1); err != nil {
		s.t.Fatal(err)
	}
	by = l.until("two children and threads", s.Transaction, func(by map[string]entry) bool {
		children, _ := by["ts001"]["children"].([]any)
		return len(children) >= 4 && by["ts001"].object("total").number("rss") > by["ts001"].number("rss")
	})
	children, _ := by["ts001"]["children"].([]any)
	threads, processes := 0, 0
	for _, c := range children {
		o, _ := c.(map[string]any)
		child := entry(o)
		began := time.Unix(0, int64(child.number("create_time")*1e9))
		if ago := time.Since(began); ago < 0 || ago > time.Hour || child["status"] == "" {
			s.t.Errorf("child %v", child)
		}
		switch tid := int(child.number("pid")); {
		case exists(fmt.Sprintf("/proc/%d/task/%d", int(pid), tid)):
			if threads++; child.number("rss") != by["ts001"].number("rss") {
				s.t.Errorf("a thread has not its process' memory: %v", child)
			}
		case harness.Alive(tid):
			if processes++; threads > 0 {
				s.t.Errorf("children come before threads: %v", children)
			}
		}
	}
	if processes != 2 || threads < 2 {
		s.t.Errorf("%d processes and %d threads in %v", processes, threads, children)
	}
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// killed kills the Monitor, which comes back for the same subscriber.
func (s *stage) killed(l *listener, e entry, both func(map[string]entry) bool) {
	s.t.Helper()
	before := e.number("pid")
	if err := syscall.Kill(int(before), syscall.SIGKILL); err != nil {
		s.t.Fatal(err)
	}
	l.until("another Monitor", s.Transaction, func(by map[string]entry) bool {
		return both(by) && by["ts000"].number("pid") != before
	})
}

func TestAMonitorThatCannotBeIsAFailedStart(t *testing.T) {
	s := monitored(t, "Process", `<publisher><endpoint>tcp://0.0.0.0:0</endpoint></publisher>`)
	r := s.Command("start", s.File, "--transaction=other")
	if r.Code != 1 || !strings.Contains(r.Stdout+r.Stderr, "<insecure>true</insecure>") {
		t.Errorf("beyond loopback: %+v", r)
	}
	s.Stop()
}
