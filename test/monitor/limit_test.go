package monitor

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"zmicroservices/test/harness"
)

func TestALeakIsEndedByItsLimitAndWhySaysSo(t *testing.T) {
	s := playWithin(t, "leak", `<limit rss="60MB" for="300ms" action="restart"/>`)
	control := harness.Observe(t, s.Provider, "control")
	before, _ := s.report()
	for range 2 {
		s.leak(before)
	}
	control.Until("restart", func(m harness.Message) bool {
		return m.ServiceID == "ts001" && m.Action == "started" && m.Status["pid"] != before["pid"]
	})
	for after := before; after["pid"] == before["pid"] || after.number("restarts") != 1; {
		after, _ = s.report()
	}
	r := s.Command("why", s.File, "ts001")
	if first, _, _ := strings.Cut(r.Stdout, "\n"); r.Code != 0 || !strings.Contains(first, "because rss ") || !strings.Contains(first, " MB > 60 MB for 300ms") {
		t.Errorf("why: %+v", r)
	}
	if r := s.Command("history", s.File); !strings.Contains(r.Stdout, "limit exceeded") {
		t.Errorf("history: %+v", r)
	}
	s.Stop()
}

// leak has the service leak once more, whatever is reported meanwhile.
func (s *scene) leak(of entry) {
	s.t.Helper()
	s.signal(of)
	s.done()
}

func TestALimitThatNotifiesIsSaidOnceAndLeavesTheServiceAlone(t *testing.T) {
	// Limits are judged when nothing is reported, too.
	s := playWithin(t, "dial", `<limit connections="3" for="0s" action="notify"/>`)
	control := harness.Observe(t, s.Provider, "control")
	before, _ := s.report()
	s.command("monitor_off", "{}")
	s.leak(before)
	m := control.Until("notice", func(m harness.Message) bool { return m.Action == "updated" })
	if notice := m[len(m)-1]; notice.ServiceID != "ts001" || notice.Status["device_action"] != "limit_exceeded" ||
		!strings.HasPrefix(fmt.Sprint(notice.Status["reason"]), "connections 7 > 3") {
		t.Errorf("notice %v", notice)
	}
	s.command("monitor_on", "{}")
	if after, _ := s.report(); after["pid"] != before["pid"] || after.number("restarts") != 0 {
		t.Errorf("before %v, after %v", before, after)
	}
	s.Stop()
}

func TestAnOldServiceIsStopped(t *testing.T) {
	s := playWithin(t, "dial", `<limit age="200ms" action="stop"/>`)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(harness.Patience); ; <-tick.C {
		r := s.Command("why", s.File, "ts001")
		if strings.HasPrefix(r.Stdout, "stopped ") && strings.Contains(r.Stdout, "because age ") {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("why: %+v", r)
		}
	}
	s.Stop()
}
