package monitor

import (
	"encoding/csv"
	"encoding/json"
	"strings"
	"testing"
)

func TestStatsTellWhatAServiceHasCost(t *testing.T) {
	s := play(t, "leak", "--monitor_interval=1s")
	before, _ := s.report()
	s.step(before)
	var told struct {
		Transaction string `json:"transaction"`
		Services    []struct {
			Task string  `json:"task"`
			Rows []entry `json:"rows"`
		} `json:"services"`
	}
	r := s.Command("stats", s.File, "ts001", "--since=2h", "-o", "json")
	if err := json.Unmarshal([]byte(r.Stdout), &told); err != nil || r.Code != 0 || len(told.Services) != 1 || told.Transaction != s.Transaction {
		t.Fatalf("%v %+v", err, r)
	}
	rows := told.Services[0].Rows
	if n := len(rows); n < 2 || rows[n-1].number("rss")-rows[0].number("rss") < leaked*0.9 || rows[n-1].number("num_fds") == 0 {
		t.Errorf("rows %v", rows)
	}
	r = s.Command("stats", s.File, "-o", "csv")
	lines, err := csv.NewReader(strings.NewReader(r.Stdout)).ReadAll()
	if err != nil || r.Code != 0 || len(lines) <= len(rows) || lines[0][5] != "rss" || lines[1][1] != "ts001" {
		t.Errorf("%v %+v", err, r)
	}
	r = s.Command("stats", s.File)
	for _, want := range []string{"HOW IT WENT", "rss", "cpu", "fds", "connections"} {
		if r.Code != 0 || !strings.Contains(r.Stdout, want) {
			t.Errorf("want %q: %+v", want, r)
		}
	}
	if r := s.Command("stats", s.File, "--since=tomorrow"); r.Code != 2 {
		t.Errorf("%+v", r)
	}
	s.Stop()
}
