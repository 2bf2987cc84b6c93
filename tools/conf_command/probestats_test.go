package main

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"zmicroservices/context/command"
)

func TestProbesAreToldAsTableCSVAndJSON(t *testing.T) {
	at := time.Date(2026, 11, 20, 14, 0, 0, 0, time.UTC)
	told := bygones{Context: "c", Transaction: "T1", Services: []bygone{
		{Task: "ts001", Rows: []figures{{At: at, Samples: 1, Restarts: 3}}, Probes: checksOf([]command.ProbeStat{
			{At: at, Span: time.Minute, Checks: 3, Latency: 2 * time.Millisecond, LatencyMax: 4 * time.Millisecond},
			{At: at.Add(time.Minute), Span: time.Minute, Checks: 1, Failures: 1, Latency: 10500 * time.Microsecond, LatencyMax: 10500 * time.Microsecond},
		})},
		{Task: "ts002", Rows: []figures{{At: at, Samples: 1}}, Probes: checksOf(nil)},
	}}
	for name, c := range map[string]struct {
		show func(world) error
		want []string
	}{
		"stats":          {told.show, []string{"ts001", "probes", "10.5ms", "4.1ms", "10.5ms", "3"}},
		"stats --probes": {told.showProbes, []string{"ts001", "4", "1", "10.5ms", "4.1ms", "10.5ms"}},
	} {
		var out, err bytes.Buffer
		if e := c.show(world{out: &out, err: &err}); e != nil {
			t.Fatal(name, e)
		}
		var got []string
		for line := range strings.Lines(out.String()) {
			if strings.Contains(line, "10.5ms") {
				got = strings.Fields(line)
			}
		}
		if len(got) < len(c.want) || strings.Join(got[:len(c.want)], " ") != strings.Join(c.want, " ") {
			t.Errorf("%s: %q in\n%s", name, got, &out)
		}
	}
	var out bytes.Buffer
	if err := told.writeProbesCSV(world{out: &out}); err != nil {
		t.Fatal(err)
	}
	const want = "transaction,task,at,span_s,checks,failures,latency_ms,latency_ms_max\n" +
		"T1,ts001,2026-11-20T14:00:00Z,60,3,0,2,4\nT1,ts001,2026-11-20T14:01:00Z,60,1,1,10.5,10.5\n"
	if out.String() != want {
		t.Errorf("CSV\n%s", &out)
	}
	raw, err := json.Marshal(told)
	if err != nil || !strings.Contains(string(raw), `"latency_ms":10.5,"latency_ms_max":10.5`) || !strings.Contains(string(raw), `"probes":[]`) {
		t.Errorf("%s: %v", raw, err)
	}
}
