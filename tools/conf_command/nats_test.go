package main

import (
	"context"
	"encoding/json"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"zmicroservices/context/event"
	"zmicroservices/context/forwarder"
	"zmicroservices/services/bridge"
	"zmicroservices/services/bridge/subject"
	"zmicroservices/taskservice"
)

// startNATS starts Debian's nats-server and gives its URL.
func startNATS(t *testing.T) string {
	t.Helper()
	if _, err := exec.LookPath("nats-server"); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal(err)
		}
		t.Skip("no nats-server: apt-get install nats-server")
	}
	dir := t.TempDir()
	cmd := exec.Command("nats-server", "-a", "127.0.0.1", "-p", "-1", "-js", "-sd", dir, "--ports_file_dir", dir)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	url := ""
	waitFor(t, "nats-server tells its port", func() bool {
		files, _ := filepath.Glob(filepath.Join(dir, "*.ports"))
		if len(files) == 0 {
			return false
		}
		raw, _ := os.ReadFile(files[0])
		var ports struct{ NATS []string }
		if json.Unmarshal(raw, &ports) != nil || len(ports.NATS) == 0 {
			return false
		}
		url = "nats://" + ports.NATS[0][strings.LastIndex(ports.NATS[0], "/")+1:]
		c, err := net.Dial("tcp", strings.TrimPrefix(url, "nats://"))
		if err == nil {
			c.Close()
		}
		return err == nil
	})
	return url
}

func waitFor(t *testing.T, what string, ok func() bool) {
	t.Helper()
	again := time.NewTicker(5 * time.Millisecond)
	defer again.Stop()
	end := time.After(tooLong)
	for !ok() {
		select {
		case <-again.C:
		case <-end:
			t.Fatalf("in vain: %s", what)
		}
	}
}

// farSource is a provider with one transaction.
type farSource struct{ host string }

func (s farSource) views() []*event.View {
	return []*event.View{{Transaction: testTransaction, ContextName: "context", Began: began, Tasks: []*event.TaskView{
		{ID: "ts001", Instance: "Echo", State: event.Started, PID: 42, Present: true, Since: began},
		{ID: "ts002", Instance: "Noise", State: event.Failed, Since: began, Reason: s.host + " is sad"},
	}}}
}

func (s farSource) Self(context.Context) (bridge.Self, error) {
	return bridge.Self{UUID: "u-" + s.host, Version: "1", Transactions: []bridge.Transaction{{ID: testTransaction, Began: began, Services: 2, Up: 1}}}, nil
}

func (s farSource) State(context.Context, string) (json.RawMessage, error) {
	return json.Marshal(s.views())
}

func (s farSource) Top(context.Context, string) (json.RawMessage, error) {
	return json.Marshal(&event.Figures{Context: "context001", Services: []event.ServiceFigures{{Transaction: testTransaction, TaskView: s.views()[0].Tasks[0]}}})
}

// startFar runs a bridge of a host, on a bus of its own, until the returned function.
func startFar(t *testing.T, url, host string) func() {
	t.Helper()
	f, err := forwarder.New(forwarder.Options{FrontBind: []string{"tcp://127.0.0.1:0"}, BackendBind: []string{"tcp://127.0.0.1:0"}, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	bus, done := make(chan error, 1), make(chan error, 1)
	life, end := context.WithCancel(context.Background())
	go func() { bus <- f.Run(life) }() // ends with end
	c := taskservice.Config{
		TaskID: "ts000", Transaction: "T", ContextID: "context001", ServiceName: "bridge", StateType: "on_start", StateDir: t.TempDir(),
		Frontend: f.Back()[0], Backend: f.Front()[0],
		Values: map[string]any{"host": host, "nats": map[string]any{"url": url}},
	}
	go func() {
		done <- taskservice.Run(ctx, c, bridge.New(farSource{host}), taskservice.WithStopTime(tooLong))
	}() // ends with cancel
	stopped := false
	stop := func() {
		if stopped {
			return
		}
		stopped = true
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		end()
		<-bus
	}
	t.Cleanup(stop)
	return stop
}

func TestAllHostsOverNATS(t *testing.T) {
	url := startNATS(t)
	program(t, "peers", "--nats", url).expect(t, 3, "", "no bridge answers")
	program(t, "state", "--nats", url).expect(t, 3, "", "no bridge answers")

	nc, err := nats.Connect(url)
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	ctx, cancel := context.WithCancel(t.Context())
	var seen, said shared
	w := testWorld(&seen, &said)
	watched := make(chan int, 1)
	go func() { watched <- run(ctx, []string{"watch", "--nats", url}, w) }() // ends with cancel
	waitFor(t, "it watches", func() bool { return strings.Contains(said.String(), "watching") })

	stopA := startFar(t, url, "edge.a")
	startFar(t, url, "edge.b")
	there := func(n int) func() bool {
		return func() bool {
			o := natsOptions{wait: 200 * time.Millisecond}
			found, err := o.discover(t.Context(), nc)
			return err == nil && len(found) == n
		}
	}
	waitFor(t, "both are there", there(2))

	// Hosts on a machine that is busy answer late; each is asked until all have.
	soon := func(code int, out string, args ...string) string {
		t.Helper()
		var r ran
		waitFor(t, strings.Join(args, " ")+" says "+out, func() bool {
			r = program(t, append([]string{"--nats", url, "--nats_wait", "100ms"}, args...)...)
			return r.code == code && strings.Contains(r.out, "edge.b") && strings.Contains(r.out, out)
		})
		return r.out
	}
	p := soon(0, "edge.a", "peers")
	for _, want := range []string{"u-edge.b", "127.0.0.1", "yes", "context001 " + testTransaction + "(1/2)"} {
		if !strings.Contains(p, want) {
			t.Errorf("want %q in\n%s", want, p)
		}
	}
	soon(0, "edge.a is sad", "state")
	if s := soon(0, `"task": "ts002"`, "state", "-o", "json", "edge.b/context001"); strings.Contains(s, "edge.a") {
		t.Error(s)
	}
	soon(0, "edge.a context001\ntransaction "+testTransaction, "top")
	soon(0, `"host": "edge.b"`, "top", "-o", "json", "edge.b")
	program(t, "state", "--nats", url, "--nats_wait", "10ms", "edge.c").expect(t, 3, "", "no bridge of edge.c answers")
	program(t, "peers", "--scheduler", "a/b").expect(t, 2, "", "--scheduler: address")
	program(t, "peers", "--nats", "nats://u:secret@127.0.0.1").expect(t, 2, "", "shows the password")

	// What a host says is seen; a host that goes is known as gone.
	waitFor(t, "its word is seen", func() bool { return strings.Contains(seen.String(), "edge.a/context001 [control]: updated ts000") })
	stopA()
	waitFor(t, "one is there", there(1))
	p = soon(0, `"available": false`, "peers", "-o", "json")
	var list struct{ Peers []peerHost }
	if err := json.Unmarshal([]byte(p), &list); err != nil || len(list.Peers) != 2 {
		t.Fatalf("%v\n%s", err, p)
	}
	if a := list.Peers[0]; a.Name != "edge.a" || a.Available || a.LastSeen == nil || time.Since(*a.LastSeen) > time.Hour {
		t.Errorf("%+v", a)
	}
	if b := list.Peers[1]; b.Name != "edge.b" || !b.Available || b.UUID != "u-edge.b" {
		t.Errorf("%+v", b)
	}
	cancel()
	if code := <-watched; code != 0 {
		t.Errorf("watch ended with %d\n%s", code, said.String())
	}
}

func TestSubjectsToWatch(t *testing.T) {
	for topic, want := range map[string]string{
		"":                               subject.AllControl + " " + subject.AllLifecycle,
		"weather":                        "zmicroservices.*.*.weather zmicroservices.*.*.weather.>",
		"hippodamia.":                    "zmicroservices.*.*.hippodamia zmicroservices.*.*.hippodamia.>",
		"choria.lifecycle":               subject.AllLifecycle,
		"choria":                         subject.AllLifecycle,
		"choria.lifecycle.event.startup": "choria.lifecycle.event.startup choria.lifecycle.event.startup.>",
	} {
		if got := strings.Join(farSubjects(strings.Fields(topic)), " "); got != want {
			t.Errorf("%q: %s, want %s", topic, got, want)
		}
	}
}
