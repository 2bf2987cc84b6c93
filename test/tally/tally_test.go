package tally

import (
	"bufio"
	"os/exec"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"zmicroservices/test/harness"
)

// started is a provider whose context has the task service Tally, and its page.
func started(t *testing.T, values map[string]string) (*harness.Provider, string) {
	t.Helper()
	values["port"] = "0"
	p := harness.Start(t, harness.Write(t, harness.File{Tasks: []harness.Task{
		{ID: "ts090", Instance: "Tally", ServiceName: "tally", Values: values},
	}}), "--start")
	url := regexp.MustCompile(`url=(http://127\.0\.0\.1:\d+/metrics)`)
	page := until(t, "the task service says where its page is", func() (string, error) {
		if found := url.FindStringSubmatch(p.Command("logs", p.File, "ts090").Stdout); found != nil {
			return found[1], nil
		}
		return "", nil
	}, func(page string) bool { return page != "" })
	return p, page
}

func TestPrometheusAsksTheTaskService(t *testing.T) {
	p, page := started(t, map[string]string{"component": "server", "prefix": "fleet"})
	at := prometheus(t, page)
	publish(t, p,
		event("startup", "server", "c1.example.net", "0.6.0"), event("startup", "server", "c2.example.net", "0.6.0"),
		event("alive", "server", "c3.example.net", "0.7.0"), event("startup", "server", "c1.example.net", "0.6.0"),
		event("startup", "broker", "b1.example.net", "1"), "choria.lifecycle.event.startup.server @@@ garbage",
		event("shutdown", "server", "c2.example.net", ""), event("shutdown", "server", "stranger", ""),
		event("alive", "server", "c1.example.net", "0.7.0"),
	)
	text := shows(t, page,
		`fleet_versions{component="server",version="0.6.0"} 0`, `fleet_versions{component="server",version="0.7.0"} 2`,
		`fleet_good_events{component="server"} 7`, `fleet_process_errors{component="server"} 1`,
		`fleet_event_types{component="server",type="startup"} 3`,
	)
	if strings.Contains(text, "broker") {
		t.Error("broker is counted")
	}
	for expression, want := range map[string]string{
		`sum by (version) (fleet_versions{component="server"}) > 0`:  "2",
		`fleet_event_types{component="server",type="alive"}`:         "2",
		`sum(fleet_process_errors)`:                                  "1",
		`fleet_processing_time_count`:                                "7",
		`min(up) * sum(increase(fleet_good_events[1h])) >= bool 0`:   "1",
		`count(fleet_maintenance_time_sum{component="server"} >= 0)`: "1",
	} {
		until(t, expression, func() (string, error) { return query(t, at, expression) }, func(got string) bool { return got == want })
	}
	check := exec.Command(tool(t, "promtool"), "check", "metrics")
	check.Stdin = strings.NewReader(text)
	if out, err := check.CombinedOutput(); err != nil || len(out) > 0 {
		t.Errorf("promtool: %v: %s", err, out)
	}
	p.Stop()
}

func TestAMissedAliveIsSaidOnTheBusOnce(t *testing.T) {
	p, page := started(t, map[string]string{"horizon": "1s"})
	control := harness.Observe(t, p, "control")
	publish(t, p, event("startup", "server", "c1.example.net", "0.6.0"))
	missed := func(m harness.Message) bool {
		return m.Action == "updated" && m.Status["device_action"] == "alive_missed" && m.Status["component"] == "server"
	}
	all := control.Until("a missed alive", missed)
	m := all[len(all)-1]
	if m.ServiceID != "ts090" || m.Status["identity"] != "c1.example.net" || m.Status["result"] != "success" ||
		m.Status["reason"] != "server c1.example.net has not been heard of for 1s" {
		t.Errorf("%v", m)
	}
	shows(t, page, `lifecycle_tally_nodes_expired{component="server"} 1`, `lifecycle_tally_versions{component="server",version="0.6.0"} 0`, `lifecycle_tally_alive_missed_total{component="server"} 1`)
	// Back, and silent again: that is another one.
	publish(t, p, event("alive", "server", "c1.example.net", "0.6.1"))
	control.Until("the next one", missed)
	shows(t, page, `lifecycle_tally_alive_missed_total{component="server"} 2`)
	p.Stop()
}

func TestTheToolCountsOnAnyBus(t *testing.T) {
	p := harness.Start(t, harness.Write(t, harness.File{}))
	cmd := exec.Command(harness.Tool(t, "lifecycle"), "tally", "--endpoint", p.Subscribe, "--component", "server", "--port", "0")
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(stderr)
	if !lines.Scan() {
		t.Fatal("it says nothing")
	}
	_, page, _ := strings.Cut(lines.Text(), ", metrics at ")
	if !strings.HasPrefix(lines.Text(), "Counting events of server on tcp://127.0.0.1:") || page == "" {
		t.Fatal(lines.Text())
	}
	publish(t, p, event("startup", "server", "c1.example.net", "0.6.0"), event("startup", "server2", "c1.example.net", "0.6.0"))
	text := shows(t, page, `lifecycle_tally_versions{component="server",version="0.6.0"} 1`)
	if strings.Contains(text, "server2") {
		t.Error("server2 is counted")
	}
	// Its port is taken: whoever comes second says so.
	port := page[strings.LastIndex(page, ":")+1 : strings.LastIndex(page, "/")]
	if r := harness.Run(t, nil, "lifecycle", "tally", "--endpoint", p.Subscribe, "--port", port); r.Code != 1 || !strings.Contains(r.Stderr, "address already in use") {
		t.Errorf("%+v", r)
	}
	if err := cmd.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	for lines.Scan() { // until it has ended
		t.Log(lines.Text())
	}
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}
	p.Stop()
}
