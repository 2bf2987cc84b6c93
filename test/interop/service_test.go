package interop

import (
	"fmt"
	"path/filepath"
	"testing"

	"zmicroservices/test/harness"
)

// stranger is a Context file whose tasks are testdata/service.py: services that
// know the wire and nothing of us. They all have one service_name, as in the
// tutorial's StateMachine.
func stranger(t *testing.T, tasks ...harness.Task) string {
	t.Helper()
	needPyzmq(t)
	script, err := filepath.Abs("testdata/service.py")
	if err != nil {
		t.Fatal(err)
	}
	f := harness.File{Front: freePort(t), Back: freePort(t)}
	for _, task := range tasks {
		task.ServiceName, task.Announce = "state_update", "self"
		task.Command = fmt.Sprintf("%s %s %s %s state_update", python, script, f.Back, f.Front)
		f.Tasks = append(f.Tasks, task)
	}
	return harness.Write(t, f)
}

func TestAPyzmqServiceIsAFirstClassOne(t *testing.T) {
	file := stranger(t, harness.Task{ID: "ts001", Values: map[string]string{"device_action": "count", "colour": "red"}})
	p := harness.Start(t, file)
	bus := observe(t, p, "process", "control")
	succeed(t, p, "start", "--transaction", transaction, file)
	seen := bus.expect("process start ts001", "control started ts001 success", "control updated ts001 success")
	configuration, _ := seen[2].Status["configuration"].(map[string]any)
	if configuration["colour"] != "red" {
		t.Errorf("its configuration is %v", configuration)
	}
	pid := int(seen[1].Status["pid"].(float64))
	if !harness.Alive(pid) {
		t.Errorf("pid %d is not alive", pid)
	}

	succeed(t, p, "restart", "--transaction", transaction, file)
	again := bus.expect("process stop ts001", "control stopped ts001 success", "process start ts001", "control started ts001 success",
		"control updated ts001 success")
	if int(again[3].Status["pid"].(float64)) == pid || harness.Alive(pid) {
		t.Errorf("pid %d was not replaced", pid)
	}

	kill(t, int(again[3].Status["pid"].(float64)))
	failed := bus.expect("control failed ts001 failure")[0]
	if failed.Status["signal"] != "SIGKILL" || failed.Status["device_action"] != "count" {
		t.Errorf("failed says %v", failed.Status)
	}
	succeed(t, p, "exit", file)
	p.Wait()
}

func TestServicesOfOneNameKeepApart(t *testing.T) {
	file := stranger(t, harness.Task{ID: "ts001"}, harness.Task{ID: "ts002"}, harness.Task{ID: "ts003"})
	p := harness.Start(t, file)
	bus := observe(t, p, "control")
	succeed(t, p, "start", "--transaction", transaction, file)
	pids := map[string]float64{}
	for len(pids) < 3 {
		s := bus.message()
		if s.Action == "started" {
			pids[s.ServiceID] = s.Status["pid"].(float64)
		}
	}
	succeed(t, p, "stop", "--transaction", transaction, file, "ts002")
	stopped := bus.on("the stop of one", counting(1, "control stopped"))
	if stopped.ServiceID != "ts002" || stopped.Status["pid"] != pids["ts002"] {
		t.Errorf("saw %s", stopped.Text)
	}
	for id, pid := range pids {
		if alive := harness.Alive(int(pid)); alive != (id != "ts002") {
			t.Errorf("%s: alive is %v", id, alive)
		}
	}
	p.Stop()
}

func TestWhatAServiceSaysMovesTransitions(t *testing.T) {
	file := stranger(t,
		harness.Task{ID: "ts001", Transitions: map[string]harness.TransitionCall{"on_update": {Action: "start", Call: "ts002"}}},
		harness.Task{ID: "ts002", Values: map[string]string{"device_action": "trip"}, Transitions: map[string]harness.TransitionCall{"on_fail": {Action: "stop", Call: "ts001"}}},
	)
	p := harness.Start(t, file)
	bus := observe(t, p, "process", "control")
	succeed(t, p, "start", "--transaction", transaction, file, "ts001")
	bus.expect("process start ts001", "control started ts001 success", "control updated ts001 success",
		"process start ts002", "control started ts002 success", "control updated ts002 success", "control failed ts002 failure",
		"process stop ts001", "control stopped ts001 success")
	succeed(t, p, "exit", file)
	p.Wait()
}
