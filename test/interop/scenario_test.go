package interop

import (
	"net"
	"path/filepath"
	"strings"
	"testing"

	"zmicroservices/test/harness"
)

// transaction is the one of the original's own test.
const transaction = "6FDAHH3WPRVV7FGZCRIN"

// scenario is what the original's test_restartservices expects on process and
// control, in this order: three services, the first of which ends by itself, are
// started, restarted and stopped.
var scenario = []string{
	"process start ts001", "control started ts001 success", "control stopped ts001 success",
	"process start ts002", "control started ts002 success",
	"process start ts003", "control started ts003 success",

	"process stop ts001", "process start ts001", "control started ts001 success", "control stopped ts001 success",
	"process stop ts002", "control stopped ts002 success", "process start ts002", "control started ts002 success",
	"process stop ts003", "control stopped ts003 success", "process start ts003", "control started ts003 success",

	"process stop ts002", "control stopped ts002 success",
	"process stop ts003", "control stopped ts003 success",
}

// steps are the commands of the scenario, and how many messages each leads to.
var steps = []struct {
	action, task string
	messages     int
}{
	{"start", "ts001", 3}, {"start", "ts002", 2}, {"start", "ts003", 2},
	{"restart", "ts001", 4}, {"restart", "ts002", 4}, {"restart", "ts003", 4},
	{"exit", "", 4},
}

// names are service_name and device_action of the three.
var names = map[string][2]string{
	"ts001": {"morning_glory", "standing_up"},
	"ts002": {"open_inbox", "email_checker"},
	"ts003": {"drink_espresso", "single_espresso"},
}

var instances = map[string]string{"ts001": "WakeUp", "ts002": "CheckEmails", "ts003": "DrinkCoffee"}

// driver gives one command of the scenario by conf_command.
type driver func(t testing.TB, p *harness.Provider, action, task string)

// byVerb uses the short verbs.
func byVerb(t testing.TB, p *harness.Provider, action, task string) {
	t.Helper()
	args := []string{action, "--transaction", transaction, p.File}
	if action == "exit" {
		args = []string{action, p.File}
	}
	if task != "" {
		args = append(args, task)
	}
	succeed(t, p, args...)
}

// byOptions uses the options of the original, as its test does.
func byOptions(t testing.TB, p *harness.Provider, action, task string) {
	t.Helper()
	args := []string{
		"--endpoint=" + p.Publish, "--service_name=context", "--use_file", "--context_file=" + p.File,
		"--service_id=context001", "--transaction=" + transaction, "--action=" + action,
	}
	if task != "" {
		args = append(args, "--task_id="+task)
	}
	succeed(t, p, args...)
}

func succeed(t testing.TB, p *harness.Provider, args ...string) harness.Result {
	t.Helper()
	r := p.Command(args...)
	if r.Code != 0 {
		t.Fatalf("conf_command %s: exit code %d\n%s%s", strings.Join(args, " "), r.Code, r.Stdout, r.Stderr)
	}
	return r
}

func TestTheScenarioOfTheOriginalWithGoServices(t *testing.T) {
	thirty(t, trio(t, goServices(t)), byVerb)
}

func TestTheScenarioOfTheOriginalWithPythonServices(t *testing.T) {
	thirty(t, trio(t, filepath.Join(services(t), "python")), byVerb)
}

func TestTheScenarioByTheOptionsOfTheOriginal(t *testing.T) {
	thirty(t, trio(t, goServices(t)), byOptions)
}

// thirty runs the scenario once.
func thirty(t *testing.T, file string, drive driver) {
	t.Helper()
	needPyzmq(t)
	p := harness.Start(t, file)
	context := observe(t, p, "context")
	bus := observe(t, p, "process", "control")

	rest := scenario
	for _, c := range steps {
		drive(t, p, c.action, c.task)
		// conf_command returns with `started`; the next command must not overtake
		// the `stopped` of a service that ends by itself.
		for _, s := range bus.expect(rest[:c.messages]...) {
			checkNames(t, s)
		}
		rest = rest[c.messages:]
	}
	p.Wait()
	checkCommands(t, context)
}

// checkCommands compares what an observer of context has seen.
func checkCommands(t *testing.T, context *peer) {
	t.Helper()
	for _, c := range steps {
		s := context.next()
		want := c.action
		if c.task != "" {
			want += " [" + c.task + "]"
		}
		if got := commanded(s); got != want {
			t.Errorf("on context saw %q, want %q", got, want)
		}
		if s.ServiceName != "context" || s.ServiceID != "context001" {
			t.Errorf("on context %s is for %s of %s", want, s.ServiceName, s.ServiceID)
		}
	}
}

// checkNames compares what every message of a service carries.
func checkNames(t *testing.T, s sighting) {
	t.Helper()
	want := names[s.ServiceID]
	if s.ServiceName != want[0] || s.Transaction != transaction {
		t.Errorf("%s: service_name %q, transaction %q", words(s), s.ServiceName, s.Transaction)
	}
	if s.Topic == "control" && s.Status["device_action"] != want[1] {
		t.Errorf("%s: device_action %v, want %s", words(s), s.Status["device_action"], want[1])
	}
	if !s.Canonical || s.Frames != 1 {
		t.Errorf("%s: %d frames, not byte for byte what json.dumps makes of it:\n%s", words(s), s.Frames, s.Text)
	}
}

// commanded is a message on context: "start [ts001]".
func commanded(s sighting) string {
	if s.Action == "exit" {
		return "exit" // whatever it carries
	}
	content, _ := s.Content.(map[string]any)
	configuration, _ := content["configuration"].(map[string]any)
	list, _ := configuration["TaskService"].([]any)
	var ids []string
	for _, task := range list {
		if task, ok := task.(map[string]any); ok {
			id, _ := task["id"].(string)
			ids = append(ids, id)
		}
	}
	return s.Action + " [" + strings.Join(ids, " ") + "]"
}

// trio is a Context file with the three services of the original's test, from
// the folder location. Unlike the sample file it has no on_exit that starts
// ts002: the original's never fired, and the scenario starts it by command.
func trio(t *testing.T, location string) string {
	t.Helper()
	f := harness.File{Front: freePort(t), Back: freePort(t)} // conf_command reads them from the file
	for _, id := range []string{"ts001", "ts002", "ts003"} {
		f.Tasks = append(f.Tasks, harness.Task{
			ID: id, Instance: instances[id], ServiceName: names[id][0], Location: location,
			Values: map[string]string{"device_action": names[id][1]},
		})
	}
	return harness.Write(t, f)
}

// freePort is an endpoint that nobody listened on a moment ago.
func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return "tcp://" + l.Addr().String()
}

// goServices builds the three Go services and gives their location.
func goServices(t *testing.T) string {
	t.Helper()
	var location string
	for _, name := range instances {
		location = harness.Service(t, name)
	}
	return location
}
