package interop

import (
	"encoding/json"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"zmicroservices/taskservice/hippodamia"
	"zmicroservices/test/harness"
)

// census is what the watchdog observes, by name.
func census(t *testing.T, p *harness.Provider) map[string]hippodamia.Service {
	t.Helper()
	r := p.Command("services", "-o", "json", p.File)
	if r.Code != 0 {
		return nil // it has not come up yet
	}
	var all []hippodamia.Service
	if err := json.Unmarshal([]byte(r.Stdout), &all); err != nil {
		t.Fatalf("%v in %s", err, r.Stdout)
	}
	byName := map[string]hippodamia.Service{}
	for _, s := range all {
		byName[s.Name] = s
	}
	return byName
}

// await asks until the watchdog sees something.
func await(t *testing.T, p *harness.Provider, what string, there func(map[string]hippodamia.Service) bool) map[string]hippodamia.Service {
	t.Helper()
	late := time.After(harness.Patience)
	for {
		all := census(t, p)
		if there(all) {
			return all
		}
		select {
		case <-late:
			t.Fatalf("%s: the watchdog does not see it, but\n%v", what, all)
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// Task services in Go and Python, and an agent of somebody else, all of them in the
// product as it is built.
func TestTheWatchdogKnowsEveryTaskServiceOfItsContext(t *testing.T) {
	needPyzmq(t)
	samples, err := filepath.Abs("../../services/python")
	if err != nil {
		t.Fatal(err)
	}
	file := harness.Write(t, harness.File{Front: freePort(t), Back: freePort(t), Tasks: []harness.Task{
		{ID: "ts000", Instance: "Watchdog", ServiceName: "watchdog"},
		{ID: "ts002", Instance: instances["ts002"], ServiceName: names["ts002"][0], Location: goServices(t)},
		{ID: "ts003", Instance: instances["ts003"], ServiceName: names["ts003"][0], Location: samples, Values: map[string]string{"api_token": "x"}},
	}})
	p := harness.Start(t, file)
	events := harness.Observe(t, p, "choria.lifecycle.event.")
	succeed(t, p, "start", "--transaction", transaction, file)
	foreign := exec.Command(python, filepath.Join(samples, "agent.py"), p.Subscribe, p.Publish, "modbus", "pump")
	foreign.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := foreign.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = foreign.Wait() }()
	defer func() { _ = foreign.Process.Kill() }()

	golang, snake := names["ts002"][0], names["ts003"][0]
	all := await(t, p, "three are active", func(all map[string]hippodamia.Service) bool {
		return all[golang].State == hippodamia.Active && all[snake].State == hippodamia.Active && all["pump"].State == hippodamia.Active
	})
	for name, s := range all {
		gid := hippodamia.GID(hippodamia.OnboardingRequest{Type: s.Type, Name: s.Name, Host: s.Host, ConfigID: s.ConfigID})
		if s.GID != gid || s.PID == 0 || s.Onboardings != 1 {
			t.Errorf("%s is %+v, want the gid %s", name, s, gid)
		}
	}
	if s := all[snake]; s.Type != instances["ts003"] || s.ConfigID != "context001/ts003" {
		t.Errorf("it is %+v", s)
	}
	for _, verb := range []string{"ping", "runtime", "config"} {
		r := succeed(t, p, verb, "-o", "json", file, all[golang].GID, all[snake].GID, all["pump"].GID)
		if verb == "config" && (strings.Contains(r.Stdout, `"x"`) || !strings.Contains(r.Stdout, `"***"`)) {
			t.Errorf("the configuration is told as %s", r.Stdout)
		}
	}

	// A start more is the same microservice.
	for i, id := range []string{"ts002", "ts003"} {
		name := []string{golang, snake}[i]
		succeed(t, p, "restart", "--transaction", transaction, file, id)
		again := await(t, p, "a restart", func(all map[string]hippodamia.Service) bool {
			return all[name].Onboardings == 2 && all[name].State == hippodamia.Active
		})[name]
		if again.GID != all[name].GID || again.UUID == all[name].UUID || again.PID == all[name].PID {
			t.Errorf("restarted, %+v has become %+v", all[name], again)
		}
		// A death without goodbye.
		kill(t, again.PID)
		await(t, p, "a death", func(all map[string]hippodamia.Service) bool {
			return all[name].State == hippodamia.Terminated && all[name].Reason == hippodamia.ReasonLastWill
		})
	}
	if err := foreign.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	await(t, p, "a goodbye", func(all map[string]hippodamia.Service) bool {
		return all["pump"].State == hippodamia.Terminated && all["pump"].Reason == "stopped"
	})
	var heard []string
	for _, m := range events.Waiting() {
		heard = append(heard, strings.TrimPrefix(m.Topic, "choria.lifecycle.event."))
	}
	for _, service := range []string{instances["ts002"], instances["ts003"]} {
		var kinds []string
		for _, topic := range heard {
			if kind, of, _ := strings.Cut(topic, "."); of == service {
				kinds = append(kinds, kind)
			}
		}
		want := []string{"startup", "provisioned", "shutdown", "startup", "provisioned", "shutdown"}
		if !slices.Equal(kinds, want) {
			t.Errorf("%s: events %v, want %v", service, kinds, want)
		}
	}
	succeed(t, p, "exit", file)
	p.Wait()
}
