package tally

import (
	"bufio"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"zmicroservices/test/harness"
)

// tallying is the task service Tally of a context.
func tallying(values map[string]string) harness.Task {
	values["port"] = "0"
	return harness.Task{ID: "ts090", Instance: "Tally", ServiceName: "tally", Values: values}
}

var pageURL = regexp.MustCompile(`url=(http://127\.0\.0\.1:\d+/metrics)`)

// started is a provider whose context has a Tally, and the page of that.
func started(t *testing.T, tasks ...harness.Task) (*harness.Provider, string) {
	t.Helper()
	p := harness.Start(t, harness.Write(t, harness.File{Tasks: tasks}), "--start")
	page := until(t, "the task service says where its page is", func() (string, error) {
		if found := pageURL.FindStringSubmatch(p.Command("logs", p.File, "ts090").Stdout); found != nil {
			return found[1], nil
		}
		return "", nil
	}, func(page string) bool { return page != "" })
	return p, page
}

func TestPrometheusAsksTheTaskService(t *testing.T) {
	t.Parallel() // it waits, most of the time
	p, page := started(t, tallying(map[string]string{"component": "server", "prefix": "fleet"}))
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

func TestOneSpeaksOfAMissedAlive(t *testing.T) {
	t.Parallel() // it waits, most of the time
	p, page := started(t, tallying(map[string]string{"horizon": "1s", "component": "server"}), harness.Task{
		ID: "ts000", Instance: "Watchdog", ServiceName: "watchdog",
		// It looks every eighth of ping_interval, and takes out of each silence how late it was
		// beyond that: looks that are too frequent for a busy machine would make it the second.
		Values: map[string]string{"alive_interval": "750ms", "ping_interval": "2s"},
	})
	until(t, "the watchdog observes", func() (string, error) { return p.Command("logs", p.File, "ts000").Stdout, nil },
		func(log string) bool { return strings.Contains(log, "watchdog observes") })
	control := harness.Observe(t, p, "control")
	missed := func(m harness.Message) bool {
		return m.Action == "updated" && m.Status["device_action"] == "alive_missed" && m.Status["component"] == "server"
	}
	says := func(service string) {
		t.Helper()
		all := control.Until("a missed alive", missed)
		m := all[len(all)-1]
		if m.ServiceID != service || m.Status["identity"] != "c1.example.net" || m.Status["result"] != "success" ||
			m.Status["reason"] != "server c1.example.net has not been heard of for 1s" {
			t.Errorf("%v", m)
		}
	}
	publish(t, p, event("startup", "server", "c1.example.net", "0.6.0"))
	says("ts000")
	text := shows(t, page, `lifecycle_tally_nodes_expired{component="server"} 1`, `lifecycle_tally_versions{component="server",version="0.6.0"} 0`)
	// Longer than the tally ever waits for somebody else to say it.
	looked := looks(t, text)
	text = until(t, "five more looks", func() (string, error) { return get(t, page) }, func(text string) bool { return looks(t, text) > looked+5 })
	if !strings.Contains(text, `lifecycle_tally_alive_missed_total{component="server"} 0`) {
		t.Error("the tally said it, too")
	}
	for _, m := range control.Waiting() {
		if missed(m) {
			t.Errorf("it was said again: %v", m)
		}
	}
	// Alone, the tally says it.
	if r := p.Command("stop", p.File, "ts000"); r.Code != 0 {
		t.Fatalf("%+v", r)
	}
	publish(t, p, event("alive", "server", "c1.example.net", "0.6.1"))
	says("ts090")
	shows(t, page, `lifecycle_tally_nodes_expired{component="server"} 2`, `lifecycle_tally_alive_missed_total{component="server"} 1`)
	p.Stop()
}

// looks is how often a tally has looked for silent nodes, which it does every second.
func looks(t *testing.T, page string) int {
	t.Helper()
	_, rest, _ := strings.Cut(page, "\nlifecycle_tally_maintenance_time_count{component=\"server\"} ")
	number, _, _ := strings.Cut(rest, "\n")
	n, err := strconv.Atoi(number)
	if err != nil {
		t.Fatal(err)
	}
	return n
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
