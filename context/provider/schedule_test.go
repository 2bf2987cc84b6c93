package provider

import (
	"strings"
	"testing"

	"zmicroservices/context/event"
	"zmicroservices/context/journal"
)

// A task service runs by its schedule, with real processes and real time, and
// the journal knows why.
func TestAScheduleRunsATaskService(t *testing.T) {
	task := strings.Replace(service("ts001", "/bin/true", ""), "</Process>", `<schedule every="200ms"/></Process>`, 1)
	s := start(t, file(t, task+service("ts002", "/bin/sleep 600", "")))
	s.say("start")
	s.hear("ts001", "created")
	for range 2 {
		s.hear("ts001", "started")
		s.hear("ts001", "stopped")
	}
	if v := s.p.View("T1").Task("ts001"); !v.Scheduled || v.Next.IsZero() {
		t.Errorf("%+v", v)
	}
	rows, err := s.p.journal.History(t.Context(), journal.Filter{Task: "ts001"})
	if err != nil {
		t.Fatal(err)
	}
	due := 0
	for _, r := range rows {
		if c := r.Change; c != nil && c.Event == "due" && c.Cause.Origin == event.BySchedule && c.Cause.By == "every 200ms of ts001" {
			due++
		}
	}
	if due < 2 {
		t.Errorf("%d rows of what was due: %+v", due, rows)
	}
	why, err := s.p.Why(t.Context(), "T1", "ts001")
	if err != nil || len(why.Chain) == 0 {
		t.Errorf("why: %+v, %v", why, err)
	}
	s.say("stop")
	s.hear("ts002", "stopped")
	if v := s.p.View("T1").Task("ts001"); v.Scheduled {
		t.Errorf("after a stop: %+v", v)
	}
}
