package agent_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"zmicroservices/taskservice/agent"
	"zmicroservices/taskservice/bus"
	"zmicroservices/taskservice/hippodamia"
	"zmicroservices/taskservice/internal/zmqtest"
)

// TestMain is a process that does nothing where a test has started it as one.
func TestMain(m *testing.M) {
	if os.Getenv("BE_A_PROCESS") != "" {
		_, _ = io.Copy(io.Discard, os.Stdin)
		return
	}
	goleak.VerifyTestMain(m)
}

// patience of a test: only a fault ever takes it.
const patience = 30 * time.Second

// watchdog is the one in testdata, with libzmq's sockets.
type watchdog struct {
	in    io.WriteCloser
	heard chan [2]json.RawMessage // closed at its end; capacity: what comes while a test looks elsewhere
}

func newWatchdog(t *testing.T, f *zmqtest.Forwarder) *watchdog {
	t.Helper()
	cmd := exec.Command("/usr/bin/python3", "-u", "testdata/watchdog.py", f.Frontend, f.Backend)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	w := &watchdog{in, make(chan [2]json.RawMessage, 10_000)}
	go func() { // ends with the process
		defer close(w.heard)
		lines := bufio.NewScanner(out)
		lines.Buffer(nil, 1<<20)
		for lines.Scan() {
			var line [2]json.RawMessage
			if json.Unmarshal(lines.Bytes(), &line) == nil {
				w.heard <- line
			}
		}
	}()
	t.Cleanup(func() {
		in.Close()
		for range w.heard {
		}
		_ = cmd.Wait()
	})
	w.hears(t, "ready")
	return w
}

func (w *watchdog) says(t *testing.T, words ...string) {
	t.Helper()
	if _, err := io.WriteString(w.in, strings.Join(words, " ")+"\n"); err != nil {
		t.Fatal(err)
	}
}

// hears awaits the next message of a topic; others are passed over.
func (w *watchdog) hears(t *testing.T, topic string) json.RawMessage {
	t.Helper()
	late := time.After(patience)
	for {
		select {
		case line, ok := <-w.heard:
			if !ok {
				t.Fatal("the watchdog has ended")
			}
			var got string
			if err := json.Unmarshal(line[0], &got); err != nil {
				t.Fatal(err)
			}
			if strings.TrimPrefix(got, hippodamia.Prefix) == topic {
				return line[1]
			}
		case <-late:
			t.Fatalf("no %s was heard within %s", topic, patience)
		}
	}
}

func parse[M hippodamia.Message](t *testing.T, payload json.RawMessage) M {
	t.Helper()
	m, err := hippodamia.Parse[M](payload)
	if err != nil {
		t.Fatalf("%s: %v", payload, err)
	}
	return m
}

func dial(t *testing.T, f *zmqtest.Forwarder) *bus.Bus {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	b, err := bus.Dial(ctx, bus.Options{Frontend: f.Frontend, Backend: f.Backend})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		_ = b.Close(ctx)
	})
	return b
}

// drive runs a crew at a bus until the test ends.
func drive(t *testing.T, b *bus.Bus) *agent.Crew {
	t.Helper()
	crew := agent.NewCrew(b, hippodamia.Topics{}, slog.New(slog.DiscardHandler))
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{}, 3) // sent by each of the three as it ends
	go func() { _ = crew.Run(ctx); done <- struct{}{} }()
	go func() {
		for {
			frame, err := b.Receive(ctx)
			if err != nil {
				break
			}
			crew.Hear(frame)
		}
		done <- struct{}{}
	}()
	go func() {
		for ctx.Err() == nil {
			select {
			case <-b.Rejoined():
				crew.Rejoined()
			case <-ctx.Done():
			}
		}
		done <- struct{}{}
	}()
	t.Cleanup(func() {
		cancel()
		for range 3 {
			<-done
		}
	})
	return crew
}

func TestACrewOfAgentsAndAWatchdogOfLibzmq(t *testing.T) {
	zmqtest.Need(t)
	f := zmqtest.NewForwarder(t, zmqtest.Device)
	w := newWatchdog(t, f)
	crew := drive(t, dial(t, f))
	const n = 40
	members, pids := map[string]*agent.Member{}, map[string]int{}
	for i := range n {
		o := agent.Options{Type: "modbus", Name: fmt.Sprint("pump", i), Host: "edge7", PID: i + 1, Will: true}
		gid := hippodamia.GID(hippodamia.OnboardingRequest{Type: o.Type, Name: o.Name, Host: o.Host})
		members[gid], pids[gid] = crew.Add(agent.New(o), nil), o.PID
	}
	uuids := map[string]string{}
	for range n {
		c := parse[hippodamia.Config](t, w.hears(t, "state.config")) // the last of what is said at first
		uuids[c.GID] = c.UUID
	}
	for gid, m := range members {
		if uuids[gid] == "" || m.State() != agent.Active || m.GID() != gid {
			t.Fatalf("%s is %s as %s", gid, m.State(), m.GID())
		}
	}

	w.says(t, "ping")
	var answered []string
	for range n {
		p := parse[hippodamia.Ping](t, w.hears(t, "state.ping"))
		if p.Seq != 4 || p.UUID != uuids[p.GID] {
			t.Errorf("ping %+v", p)
		}
		answered = append(answered, p.GID)
	}
	slices.Sort(answered)
	if len(slices.Compact(answered)) != n {
		t.Error("not all have answered")
	}

	gid := answered[0]
	w.says(t, "runtime", gid)
	if r := parse[hippodamia.Runtime](t, w.hears(t, "state.runtime")); r.GID != gid || r.Runtime.PID != pids[gid] {
		t.Errorf("runtime %+v", r)
	}
	w.says(t, "onboarding", gid)
	r := parse[hippodamia.OnboardingRequest](t, w.hears(t, "contact"))
	if r.GID != gid || r.UUID == uuids[gid] {
		t.Errorf("request %+v after %s", r, uuids[gid])
	}
	if c := parse[hippodamia.Config](t, w.hears(t, "state.config")); c.GID != gid || c.UUID != r.UUID {
		t.Errorf("config %+v", c)
	}
	members[gid].End("stopped")
	if e := parse[hippodamia.End](t, w.hears(t, "state.end")); e.GID != gid || e.Reason != "stopped" {
		t.Errorf("end %+v", e)
	}
	if text := string(w.hears(t, "zms.will")); !strings.Contains(text, `"payload": null`) {
		t.Errorf("will %s", text)
	}
	w.says(t, "ping", gid) // nobody is there
	w.says(t, "ping", answered[1])
	if p := parse[hippodamia.Ping](t, w.hears(t, "state.ping")); p.GID != answered[1] {
		t.Errorf("%s answers after its goodbye", p.GID)
	}
}

func TestAnAgentComesBackToABusThatWasAway(t *testing.T) {
	zmqtest.Need(t)
	f := zmqtest.NewForwarder(t, zmqtest.Device)
	crew := drive(t, dial(t, f))
	crew.Add(agent.New(agent.Options{Type: "modbus", Name: "pump"}), nil)
	w := newWatchdog(t, f) // comes after the first request, and says nothing
	w.says(t, "ping")
	first := parse[hippodamia.Ping](t, w.hears(t, "state.ping"))
	w.hears(t, "state.config")
	f.Kill()
	f.Start(t)
	w = newWatchdog(t, f)
	w.says(t, "ping")
	r := parse[hippodamia.OnboardingRequest](t, w.hears(t, "contact"))
	if r.GID != first.GID || r.UUID == first.UUID {
		t.Errorf("request %+v after %+v", r, first)
	}
	if p := parse[hippodamia.Ping](t, w.hears(t, "state.ping")); p.GID != first.GID || p.UUID != r.UUID {
		t.Errorf("ping %+v", p)
	}
}

// child is a process to be watched.
func child(t *testing.T) *exec.Cmd {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "BE_A_PROCESS=1")
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { in.Close(); _ = cmd.Wait() })
	return cmd
}

func TestAnAgentOfAProcessThatKnowsOfNoBus(t *testing.T) {
	zmqtest.Need(t)
	for _, row := range []struct {
		end    string
		reason string
	}{{"killed", "process %d is gone"}, {"asked", "agent stopped"}} {
		t.Run(row.end, func(t *testing.T) {
			f := zmqtest.NewForwarder(t, zmqtest.Device)
			w := newWatchdog(t, f)
			cmd := child(t)
			p, err := agent.NewProcess(cmd.Process.Pid)
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithCancel(t.Context())
			ended := make(chan error, 1) // sent once, by Run's end
			b := dial(t, f)
			go func() { ended <- agent.Run(ctx, b, p, agent.Options{Type: "modbus", Name: "pump"}, nil, nil) }()
			r := parse[hippodamia.Runtime](t, w.hears(t, "state.runtime")).Runtime
			if r.PID != cmd.Process.Pid || r.RSS <= 0 || r.FDs < 3 || r.Threads < 1 {
				t.Errorf("runtime %+v", r)
			}
			reason := row.reason
			if row.end == "killed" {
				_ = cmd.Process.Kill()
				_ = cmd.Wait()
				reason = fmt.Sprintf(reason, cmd.Process.Pid)
			} else {
				cancel()
			}
			if e := parse[hippodamia.End](t, w.hears(t, "state.end")); e.Reason != reason {
				t.Errorf("end %+v", e)
			}
			if err := <-ended; errors.Is(err, agent.ErrGone) != (row.end == "killed") || (err == nil) != (row.end == "asked") {
				t.Errorf("ended with %v", err)
			}
			cancel()
		})
	}
}

// What is in the documentation works.
func TestTheAgentInAPageOfPython(t *testing.T) {
	zmqtest.Need(t)
	f := zmqtest.NewForwarder(t, zmqtest.Device)
	w := newWatchdog(t, f)
	cmd := exec.Command("/usr/bin/python3", "../../services/python/agent.py", f.Frontend, f.Backend, "modbus", "pump")
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = cmd.Wait() }()
	defer func() { _ = cmd.Process.Kill() }()
	r := parse[hippodamia.OnboardingRequest](t, w.hears(t, "contact"))
	p := parse[hippodamia.Ping](t, w.hears(t, "state.ping"))
	if p.GID != hippodamia.GID(r) || r.PID != cmd.Process.Pid {
		t.Errorf("%+v, %+v", r, p)
	}
	b := dial(t, f)
	for _, garbage := range []string{"", "{", "[1]", "7", "\"x\"", "{\"gid\": \xff\x00"} {
		if err := b.Publish(t.Context(), []byte("hippodamia.command.ping @@@ "+garbage)); err != nil {
			t.Fatal(err)
		}
	}
	if err := b.Publish(t.Context(), []byte("hippodamia.command.ping")); err != nil {
		t.Fatal(err)
	}
	w.says(t, "runtime", p.GID)
	if got := parse[hippodamia.Runtime](t, w.hears(t, "state.runtime")); got.Runtime.PID != r.PID {
		t.Errorf("runtime %+v", got)
	}
	w.says(t, "config")
	parse[hippodamia.Config](t, w.hears(t, "state.config"))
	w.says(t, "onboarding", p.GID)
	again := parse[hippodamia.OnboardingRequest](t, w.hears(t, "contact"))
	if again.GID != p.GID || again.UUID == r.UUID {
		t.Errorf("request %+v", again)
	}
	w.hears(t, "state.ping")
	_ = cmd.Process.Signal(syscall.SIGINT)
	if e := parse[hippodamia.End](t, w.hears(t, "state.end")); e.GID != p.GID || e.UUID != again.UUID {
		t.Errorf("end %+v", e)
	}
}
