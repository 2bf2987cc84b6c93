package taskservice_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"zmicroservices/taskservice"
	"zmicroservices/taskservice/internal/zmqtest"
	"zmicroservices/taskservice/message"
)

// TestMain is the task service itself where a test has started it as one: the
// factory then does what the configuration says.
func TestMain(m *testing.M) {
	if os.Getenv("BE_A_TASK_SERVICE") != "" {
		taskservice.Main("echo_action", behave)
	}
	goleak.VerifyTestMain(m)
}

// behave is a factory with every manner, good and bad.
func behave(c taskservice.Config) (taskservice.Task, error) {
	switch manner := c.String("manner"); manner {
	case "no_factory":
		return nil, errors.New("no such instrument")
	case "panicking_factory":
		panic("the factory burns")
	case "single":
		return taskservice.TaskFunc(func(context.Context, *taskservice.Session) error { return nil }), nil
	case "failing":
		return taskservice.TaskFunc(func(context.Context, *taskservice.Session) error { return errors.New("out of paper") }), nil
	case "panicking":
		return taskservice.TaskFunc(func(context.Context, *taskservice.Session) error {
			panic("the wires burn")
		}), nil
	case "leaving":
		return taskservice.TaskFunc(func(context.Context, *taskservice.Session) error { runtime.Goexit(); return nil }), nil
	case "deaf":
		return taskservice.TaskFunc(func(context.Context, *taskservice.Session) error { select {} }), nil
	case "updating":
		return taskservice.TaskFunc(func(ctx context.Context, s *taskservice.Session) error {
			for i := range 100 {
				if err := s.Updated(map[string]any{"i": i}); err != nil {
					return err
				}
			}
			return s.Notify("updated", "success", map[string]any{"echo": "héllo"})
		}), nil
	case "listening":
		return taskservice.TaskFunc(func(ctx context.Context, s *taskservice.Session) error {
			controls := s.Controls()
			own, err := s.Subscribe("weather")
			if err != nil {
				return err
			}
			if err := s.Updated(map[string]any{"listens": true}); err != nil {
				return err
			}
			for {
				select {
				case <-ctx.Done():
					return ctx.Err()
				case c := <-controls:
					if c.Header.ServiceID != s.Config().TaskID {
						s.Updated(map[string]any{"heard": c.Header.ServiceID + " " + c.Header.Action})
					}
				case m := <-own:
					s.Publish("answer", map[string]any{"topic": m.Topic, "payload": string(m.Payload)})
				}
			}
		}), nil
	case "loop":
		return taskservice.Looped(10*time.Millisecond, func(context.Context, *taskservice.Session) error { return nil }), nil
	default:
		return nil, fmt.Errorf("unknown manner %q", manner)
	}
}

const transaction = "5HGAHZ3WPZUI71PACRPP"

// child is the test binary run as a task service.
type child struct {
	cmd    *exec.Cmd
	stderr *strings.Builder
}

func object(manner, state string) map[string]any {
	return map[string]any{
		"id": "ts001", "instance": "Echo", "serviceType": "Process", "topic": "process",
		"Task": map[string]any{
			"description": "Echo desc",
			"message": map[string]any{
				"content": map[string]any{"configuration": map[string]any{"device_action": "shout", "manner": manner}},
				"header":  map[string]any{"action": "start", "service_name": "echo_action"},
			},
			"state": map[string]any{"type": state},
		},
	}
}

func begin(t *testing.T, f *zmqtest.Forwarder, object map[string]any, args ...string) *child {
	t.Helper()
	config, err := json.Marshal(object)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(os.Args[0], args...)
	cmd.Env = append(os.Environ(),
		"BE_A_TASK_SERVICE=1",
		"GORACE=atexit_sleep_ms=0", // or each would take a second to end
		"ZMS_TASK="+transaction+"/ts001/1",
		"ZMS_SERVICE_ID=ts001",
		"ZMS_TRANSACTION="+transaction,
		"ZMS_CONTEXT_ID=context001",
		"ZMS_FRONTEND="+f.Frontend,
		"ZMS_BACKEND="+f.Backend,
		"ZMS_CONFIG="+string(config),
		"ZMS_STATE_DIR="+t.TempDir(),
	)
	c := &child{cmd: cmd, stderr: &strings.Builder{}}
	cmd.Stderr = c.stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if cmd.ProcessState == nil {
			cmd.Process.Kill()
			cmd.Wait()
		}
		if t.Failed() {
			t.Logf("the task service said:\n%s", c.stderr)
		}
	})
	return c
}

func (c *child) signal(t *testing.T, sig syscall.Signal) {
	t.Helper()
	if err := c.cmd.Process.Signal(sig); err != nil {
		t.Fatal(err)
	}
}

// exits waits for the end of the process.
func (c *child) exits(t *testing.T, code int) {
	t.Helper()
	c.cmd.Wait()
	if got := c.cmd.ProcessState.ExitCode(); got != code {
		t.Fatalf("exited with %v, want %d", c.cmd.ProcessState, code)
	}
}

// says reads the next control message of the service.
func (c *child) says(t *testing.T, o *zmqtest.Observer, action, result string) map[string]any {
	t.Helper()
	frame := o.Next(t)
	topic, payload, err := message.Split([]byte(frame))
	if err != nil || topic != message.TopicControl {
		t.Fatalf("saw %q, %v; want a control message", frame, err)
	}
	m, err := message.ParseControl(payload)
	if err != nil {
		t.Fatal(err)
	}
	want := message.Header{Action: action, ServiceID: "ts001", ServiceName: "echo_action", Transaction: transaction}
	if m.Header != want {
		t.Fatalf("header %+v, want %+v; status %v", m.Header, want, m.Status)
	}
	if m.Status["result"] != result || m.Status["device_action"] != "shout" {
		t.Fatalf("status %v, want result %s", m.Status, result)
	}
	return m.Status
}

// saysState is says for the words of the service, which carry its pid.
func (c *child) saysState(t *testing.T, o *zmqtest.Observer, action, result string) map[string]any {
	t.Helper()
	status := c.says(t, o, action, result)
	if fmt.Sprint(status["pid"]) != fmt.Sprint(c.cmd.Process.Pid) {
		t.Fatalf("%s with pid %v, want %d", action, status["pid"], c.cmd.Process.Pid)
	}
	return status
}

// order is a `process` message as the provider sends it.
func order(t *testing.T, p *zmqtest.Publisher, change func(*message.Process)) {
	t.Helper()
	m := message.Process{
		Header: message.Header{Action: "stop", ServiceID: "ts001", ServiceName: "echo_action", Transaction: transaction},
		Object: object("loop", "on_start"),
	}
	change(&m)
	frame, err := m.Frame()
	if err != nil {
		t.Fatal(err)
	}
	p.Send(t, string(frame))
}

// nothingMore is the proof that nothing else was said: what the publisher sends
// now is the next thing the observer sees.
func nothingMore(t *testing.T, f *zmqtest.Forwarder, o *zmqtest.Observer) {
	t.Helper()
	zmqtest.NewPublisher(t, f.Backend).Send(t, "control @@@ the end")
	if got := o.Next(t); got != "control @@@ the end" {
		t.Fatalf("saw %s", got)
	}
}
