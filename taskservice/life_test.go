package taskservice_test

import (
	"strings"
	"syscall"
	"testing"

	"zmicroservices/taskservice/internal/zmqtest"
	"zmicroservices/taskservice/message"
)

// watched is a forwarder as the original's, and what is said through it.
func watched(t *testing.T) (*zmqtest.Forwarder, *zmqtest.Observer) {
	t.Helper()
	f := zmqtest.NewForwarder(t, zmqtest.Device)
	return f, f.Observe(t, message.TopicControl)
}

func TestLives(t *testing.T) {
	for _, row := range []struct {
		manner, state string
		words         []string // action result reason
		code          int
		log           string // on standard error
	}{
		{"single", "on_start", []string{"started success", "stopped success"}, 0, ""},
		{"single", "start_now", []string{"started success", "stopped success"}, 0, ""},
		{"failing", "on_start", []string{"started success", "failed failure out of paper"}, 1, "out of paper"},
		{"panicking", "on_start", []string{"started success", "failed failure panic: the wires burn"}, 1, "main_test.go"},
		{"leaving", "on_start", []string{"started success", "failed failure task ended its goroutine (runtime.Goexit)"}, 1, ""},
		{"no_factory", "on_start", []string{"started failure no such instrument"}, 1, "no such instrument"},
		{"panicking_factory", "on_start", []string{"started failure panic: the factory burns"}, 1, "main_test.go"},
	} {
		t.Run(row.manner+" "+row.state, func(t *testing.T) {
			f, o := watched(t)
			c := begin(t, f, object(row.manner, row.state))
			for _, word := range row.words {
				action, rest, _ := strings.Cut(word, " ")
				result, reason, _ := strings.Cut(rest, " ")
				status := c.saysState(t, o, action, result)
				if got, _ := status["reason"].(string); got != reason {
					t.Errorf("%s for the reason %q, want %q", action, got, reason)
				}
			}
			c.exits(t, row.code)
			if !strings.Contains(c.stderr.String(), row.log) {
				t.Errorf("standard error has no %q", row.log)
			}
			nothingMore(t, f, o)
		})
	}
}

func TestAStopByMessageOrSignalEndsItAsStopped(t *testing.T) {
	for _, way := range []string{"message", "transaction by its other name", "name all", "SIGTERM", "SIGINT"} {
		t.Run(way, func(t *testing.T) {
			f, o := watched(t)
			c := begin(t, f, object("loop", "on_start"))
			c.saysState(t, o, "started", "success")
			switch way {
			case "SIGTERM":
				c.signal(t, syscall.SIGTERM)
			case "SIGINT":
				c.signal(t, syscall.SIGINT)
			case "name all":
				p := zmqtest.NewPublisher(t, f.Backend)
				order(t, p, func(m *message.Process) { m.Header.ServiceName = "all" })
			case "transaction by its other name":
				zmqtest.NewPublisher(t, f.Backend).Send(t, `process @@@ {"Task": {"message": {"header": {"action": "stop",
					"service_id": "ts001", "service_name": "echo_action", "service_transaction": "`+transaction+`"}}}}`)
			default:
				order(t, zmqtest.NewPublisher(t, f.Backend), func(*message.Process) {})
			}
			c.saysState(t, o, "stopped", "success")
			c.exits(t, 0)
			nothingMore(t, f, o)
		})
	}
}

func TestItObeysOnlyWhatIsMeantForIt(t *testing.T) {
	f, o := watched(t)
	c := begin(t, f, object("loop", "on_start"))
	c.saysState(t, o, "started", "success")
	p := zmqtest.NewPublisher(t, f.Backend)
	order(t, p, func(m *message.Process) { m.Header.ServiceID = "ts002" })
	order(t, p, func(m *message.Process) { m.Header.ServiceName = "other" })
	order(t, p, func(m *message.Process) { m.Header.Transaction = "OTHER" })
	order(t, p, func(m *message.Process) { m.Header.Action = "restart" })
	order(t, p, func(m *message.Process) { m.Header.Action = "start" })
	p.Send(t, "process @@@ not json")
	p.Send(t, "process @@@ null")
	p.Send(t, "process")
	p.Send(t, "process", "of two frames")
	order(t, p, func(m *message.Process) {})
	c.saysState(t, o, "stopped", "success")
	c.exits(t, 0)
	nothingMore(t, f, o)
}

func TestACreatedServiceWaitsForItsStart(t *testing.T) {
	f, o := watched(t)
	c := begin(t, f, object("loop", "on_update"))
	c.saysState(t, o, "created", "success")
	p := zmqtest.NewPublisher(t, f.Backend)
	order(t, p, func(m *message.Process) { m.Header.Action = "start" })
	c.saysState(t, o, "started", "success")
	order(t, p, func(*message.Process) {})
	c.saysState(t, o, "stopped", "success")
	c.exits(t, 0)
}

// A forwarder that passes subscriptions through has none to pass while nobody
// listens; then a publisher cannot know when it is joined.
func TestALifeBehindAProxy(t *testing.T) {
	f := zmqtest.NewForwarder(t, zmqtest.Proxy)
	o := f.Observe(t, message.TopicControl)
	for range 5 {
		c := begin(t, f, object("single", "on_start"))
		c.saysState(t, o, "started", "success")
		c.saysState(t, o, "stopped", "success")
		c.exits(t, 0)
	}
}

func TestACreatedServiceCanBeStopped(t *testing.T) {
	f, o := watched(t)
	c := begin(t, f, object("loop", "on_fail"))
	c.saysState(t, o, "created", "success")
	c.signal(t, syscall.SIGTERM)
	c.saysState(t, o, "stopped", "success")
	c.exits(t, 0)
}

func TestATaskThatDoesNotReturnIsNotStopped(t *testing.T) {
	f, o := watched(t)
	c := begin(t, f, object("deaf", "on_start"), "--stop_timeout=50ms")
	c.saysState(t, o, "started", "success")
	c.signal(t, syscall.SIGTERM)
	c.exits(t, 1)
	if !strings.Contains(c.stderr.String(), "did not return in time") {
		t.Error("standard error does not say why")
	}
	nothingMore(t, f, o)
}

func TestNoticesLieBetweenStartedAndStopped(t *testing.T) {
	f, o := watched(t)
	c := begin(t, f, object("updating", "on_start"))
	c.saysState(t, o, "started", "success")
	for range 100 {
		status := c.says(t, o, "updated", "success")
		if len(status) != 3 {
			t.Fatalf("status %v, want i, device_action and result alone", status)
		}
	}
	if status := c.says(t, o, "updated", "success"); status["echo"] != "héllo" || len(status) != 3 {
		t.Fatalf("status %v, want echo, device_action and result alone", status)
	}
	c.saysState(t, o, "stopped", "success")
	c.exits(t, 0)
}

func TestATaskHearsOthersWhenItAsks(t *testing.T) {
	f, o := watched(t)
	answers := f.Observe(t, "answer")
	c := begin(t, f, object("listening", "on_start"))
	c.saysState(t, o, "started", "success")
	c.says(t, o, "updated", "success")
	other, err := message.Control{Header: message.Header{Action: "failed", ServiceID: "ts002", ServiceName: "x", Transaction: transaction}}.Frame()
	if err != nil {
		t.Fatal(err)
	}
	p := zmqtest.NewPublisher(t, f.Backend)
	p.Send(t, string(other))
	if got := o.Next(t); got != string(other) {
		t.Fatalf("saw %s", got)
	}
	if status := c.says(t, o, "updated", "success"); status["heard"] != "ts002 failed" {
		t.Fatalf("heard %v", status)
	}
	p.Send(t, "weather.berlin @@@ {\"t\": 3}")
	if got, want := answers.Next(t), "answer @@@ {\n    \"payload\": \"{\\\"t\\\": 3}\",\n    \"topic\": \"weather.berlin\"\n}"; got != want {
		t.Fatalf("saw %s, want %s", got, want)
	}
	c.signal(t, syscall.SIGTERM)
	c.saysState(t, o, "stopped", "success")
	c.exits(t, 0)
}

func TestItRepeatsItsStateWhenTheBusIsBack(t *testing.T) {
	for state, word := range map[string]string{"on_start": "started", "on_update": "created"} {
		t.Run(word, func(t *testing.T) {
			f, o := watched(t)
			c := begin(t, f, object("loop", state))
			c.saysState(t, o, word, "success")
			f.Kill()
			o.Kill()
			f.StartFrontend(t)
			again := f.Observe(t, message.TopicControl)
			f.StartBackend(t)
			c.saysState(t, again, word, "success")
			c.signal(t, syscall.SIGTERM)
			c.saysState(t, again, "stopped", "success")
			c.exits(t, 0)
			nothingMore(t, f, again)
		})
	}
}

func TestTheMessageOfItsBirthDoesNotRunAServiceThatWaits(t *testing.T) {
	f, o := watched(t)
	c := begin(t, f, object("loop", "on_update"))
	c.saysState(t, o, "created", "success")
	p := zmqtest.NewPublisher(t, f.Backend)
	order(t, p, func(m *message.Process) { m.Header.Action, m.Object = "start", object("loop", "on_update") })
	order(t, p, func(*message.Process) {}) // a stop: had the start been obeyed, started would come first
	c.saysState(t, o, "stopped", "success")
	c.exits(t, 0)
}

func TestASecondNameIsAFailedStart(t *testing.T) {
	f := zmqtest.NewForwarder(t, zmqtest.Device)
	o := f.Observe(t, message.TopicControl)
	called := object("loop", "on_start")
	called["Task"].(map[string]any)["message"].(map[string]any)["header"].(map[string]any)["service_name"] = "other"
	c := begin(t, f, called)
	if got := o.Next(t); !strings.Contains(got, `the Context file calls it \"other\"`) || !strings.Contains(got, `"result": "failure"`) {
		t.Fatalf("saw %s", got)
	}
	c.exits(t, 1)
}
