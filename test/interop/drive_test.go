package interop

import (
	"encoding/json"
	"os"
	"strings"
	"testing"

	"zmicroservices/test/harness"
)

// object is a task object as the original's conf_command sends it.
func object(id, location string) map[string]any {
	nothing := map[string]any{"action": "", "call": ""}
	return map[string]any{
		"id": id, "instance": instances[id], "serviceType": "Process", "topic": "process",
		"Task": map[string]any{
			"description": "as in a recording",
			"message": map[string]any{
				"header":  map[string]any{"action": "start", "service_name": names[id][0]},
				"content": map[string]any{"configuration": map[string]any{"device_action": names[id][1], "location": location}},
			},
			"state": map[string]any{
				"type": "on_start", "on_start": nothing, "on_update": nothing, "on_fail": nothing, "on_exit": nothing,
			},
		},
	}
}

// configuration is that of a context command.
func configuration(p *harness.Provider, tasks any) map[string]any {
	return map[string]any{
		"BackendBind": "tcp://*:1", "BackendEndpoint": p.Publish, "FrontBind": "tcp://*:2", "FrontEndEndpoint": p.Subscribe,
		"ContextID": "context001", "TaskLogName": "Trio", "TaskService": tasks,
	}
}

func TestAPyzmqClientDrivesAContextFromStartToExit(t *testing.T) {
	location := goServices(t)
	p := harness.Start(t, trio(t, location))
	bus := observe(t, p, "context", "process", "control", "state") // what the original has; agents and events go beside it
	both := []any{object("ts002", location), object("ts003", location)}

	bus.command("start", transaction, configuration(p, both))
	bus.on("start of both", counting(2, "control started"))
	if r := bus.result(); r.Status["result"] != "success" || r.Transaction != transaction {
		t.Errorf("start was answered by %s", r.Text)
	}

	bus.publish("state", map[string]any{
		"header":  map[string]any{"action": "request", "service_id": "", "service_name": "state", "service_transaction": transaction},
		"content": map[string]any{"configuration": map[string]any{}},
	})
	checkInfo(t, bus.on("a reply on state", func(s sighting) bool { return s.Action == "reply_context" }))

	// One of two is restarted: a new process, and nothing of its neighbour.
	bus.command("restart", transaction, configuration(p, both[:1]))
	bus.expectAfter("context restart context001",
		"process stop ts002", "control stopped ts002 success", "process start ts002", "control started ts002 success")
	bus.result()

	// A bare object instead of a list of one, and nothing but its id: so does the
	// original's conf_command when the file has one task.
	bus.command("stop", transaction, map[string]any{"TaskService": map[string]any{"id": "ts003"}})
	bus.expectAfter("context stop context001", "process stop ts003", "control stopped ts003 success")
	bus.result()

	bus.command("exit", transaction, map[string]any{})
	bus.expectAfter("context exit context001", "process stop ts002", "control stopped ts002 success")
	p.Wait()
}

// expectAfter is expect behind one message, the command that caused the rest.
func (b *peer) expectAfter(first string, want ...string) {
	b.t.Helper()
	b.on(first, func(s sighting) bool { return words(s) == first })
	b.expect(want...)
}

// counting is true for the nth message that begins with these words.
func counting(n int, prefix string) func(sighting) bool {
	return func(s sighting) bool {
		if strings.HasPrefix(words(s), prefix) {
			n--
		}
		return n == 0
	}
}

// checkInfo compares a reply_context with PROTOCOL's structure of context info.
func checkInfo(t *testing.T, s sighting) {
	t.Helper()
	var reply struct {
		Content struct {
			Configuration                          map[string]string
			ContextID, ContextLogName, ContextName string
			Tasks                                  []struct {
				ServiceID   string `json:"service_id"`
				ServiceName string
				Instance    string
				Action      string
				State       string
				PID         int
				Task        map[string]any
			}
		} `json:"content"`
	}
	_, payload, _ := strings.Cut(s.Text, "@@@")
	if err := json.Unmarshal([]byte(payload), &reply); err != nil {
		t.Fatalf("%v in %s", err, s.Text)
	}
	c := reply.Content
	if c.ContextID != "context001" || c.ContextLogName != "Trio" || c.ContextName != "context" || c.Configuration["FrontBind"] != "tcp://*:2" {
		t.Errorf("reply_context is %+v", c)
	}
	if len(c.Tasks) != 2 {
		t.Fatalf("reply_context has %d tasks:\n%s", len(c.Tasks), s.Text)
	}
	for i, id := range []string{"ts002", "ts003"} {
		task := c.Tasks[i]
		if task.ServiceID != id || task.ServiceName != names[id][0] || task.Instance != instances[id] ||
			task.Action != "started" || task.State != "success" || !harness.Alive(task.PID) || task.Task["id"] != id {
			t.Errorf("task %d of reply_context is %+v", i, task)
		}
	}
}

func TestAKilledServiceIsFailedOnTheBusAndItsTransitionRestartsIt(t *testing.T) {
	needPyzmq(t)
	file := harness.Write(t, harness.File{Tasks: []harness.Task{{
		ID: "ts001", Command: "/bin/sleep 3600", Transitions: map[string]harness.TransitionCall{"on_fail": {Action: "restart", Call: "ts001"}},
	}}})
	p := harness.Start(t, file)
	bus := observe(t, p, "process", "control")
	succeed(t, p, "start", "--transaction", transaction, file)
	started := bus.expect("process start ts001", "control started ts001 success")[1]

	pid := int(started.Status["pid"].(float64))
	kill(t, pid)
	again := bus.expect("control failed ts001 failure", "process restart ts001", "process stop ts001", "process start ts001",
		"control started ts001 success")
	failed := again[0].Status
	if failed["signal"] != "SIGKILL" || failed["reason"] == nil || failed["exit_code"] != nil {
		t.Errorf("failed says %v", failed)
	}
	if next := int(again[4].Status["pid"].(float64)); next == pid || !harness.Alive(next) || harness.Alive(pid) {
		t.Errorf("pid %d was followed by %d", pid, next)
	}
	succeed(t, p, "exit", file)
	p.Wait()
}

func kill(t *testing.T, pid int) {
	t.Helper()
	process, err := os.FindProcess(pid)
	if err != nil {
		t.Fatal(err)
	}
	if err := process.Kill(); err != nil {
		t.Fatal(err)
	}
}

func TestAnExitCodeIsSaidAndAnEndWithoutOneIsStopped(t *testing.T) {
	needPyzmq(t)
	file := harness.Write(t, harness.File{Front: freePort(t), Back: freePort(t), Tasks: []harness.Task{
		{ID: "ts001", Command: "/bin/sh -c 'exit 7'"},
		{ID: "ts002", Command: "/bin/true"},
	}})
	p := harness.Start(t, file)
	bus := observe(t, p, "process", "control")
	succeed(t, p, "start", "--transaction", transaction, "--no_wait", file, "ts001")
	seen := bus.expect("process start ts001", "control started ts001 success", "control failed ts001 failure")
	if s := seen[2].Status; s["exit_code"] != 7.0 || s["signal"] != nil {
		t.Errorf("failed says %v", s)
	}
	succeed(t, p, "start", "--transaction", transaction, "--no_wait", file, "ts002")
	bus.expect("process start ts002", "control started ts002 success", "control stopped ts002 success")
	p.Stop()
}

func TestContextInfoIsAsTheLatestChangeWhenThingsAreQuiet(t *testing.T) {
	needPyzmq(t)
	file := harness.Write(t, harness.File{Tasks: []harness.Task{
		{ID: "ts001", Command: "/bin/sleep 3600"}, {ID: "ts002", Command: "/bin/sleep 3600"},
	}})
	p := harness.Start(t, file)
	bus := observe(t, p, "control")
	succeed(t, p, "start", "--transaction", transaction, file)
	bus.on("a context info with all started", infoHas("started", 2))
	succeed(t, p, "stop", "--transaction", transaction, file, "ts001")
	bus.on("a context info with one stopped", infoHas("stopped", 1))
	p.Stop()
}

// infoHas is true for a context info with n tasks in this action.
func infoHas(action string, n int) func(sighting) bool {
	return func(s sighting) bool {
		return s.Status["device_action"] == "context_info" && strings.Count(s.Text, `"action": "`+action+`"`) >= n
	}
}
