package main

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"zmicroservices/test/harness"
)

func TestCheckTellsTheNextTimes(t *testing.T) {
	file := harness.Write(t, harness.File{Tasks: []harness.Task{
		{ID: "ts001", Command: "/bin/true", Process: `<schedule cron="30 2 * * *" zone="UTC"/>`},
		{ID: "ts002", Command: "/bin/true", Process: `<schedule every="5m"/>`},
		{ID: "ts003", Command: "/bin/true"},
	}})
	r := program(t, "check", file, "--verbose")
	r.expect(t, 0, ": ok, 3 task services\ntask ts001: next 2", "")
	if n := strings.Count(r.out, "02:30:00 UTC"); n != 3 {
		t.Errorf("%d times of the cron in %q", n, r.out)
	}
	r = program(t, "check", file, "-o", "json")
	var found []struct {
		Schedules []struct {
			Task string
			Next []time.Time
		}
	}
	if err := json.Unmarshal([]byte(r.out), &found); err != nil || len(found) != 1 || len(found[0].Schedules) != 2 {
		t.Fatalf("%v: %s", err, r.out)
	}
	every := found[0].Schedules[1].Next
	if len(every) != 3 || every[1].Sub(every[0]) != 5*time.Minute {
		t.Errorf("times of ts002: %v", every)
	}
}
