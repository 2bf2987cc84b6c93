package main

import "testing"

func TestHowAServiceStandsAndWhy(t *testing.T) {
	yes, no, three := true, false, 3
	for _, c := range []struct {
		service       service
		standing, why string
	}{
		{service{State: "defined", Waits: "waits for db until ready", Ready: &no}, "waiting", "waits for db until ready"},
		{service{State: "failed", Waits: "waits for db until ready", Reason: "exited with code 3"}, "waiting", "waits for db until ready"},
		{service{State: "stopped", Completed: true, ExitCode: &three}, "completed", "exit code 3"},
		{service{State: "started", Ready: &yes}, "started", ""},
		{service{State: "started", Ready: &yes, Status: "serving"}, "started", "serving"},
		{service{State: "started", Ready: &no, Status: "reading"}, "started", "not ready; reading"},
		{service{State: "started", Ready: &no}, "started", "not ready"},
		{service{State: "started", Ready: &no, Reason: "its readiness probe timed out 3 times"}, "started", "its readiness probe timed out 3 times"},
		{service{State: "starting", Ready: &no, Status: "reading"}, "starting", "reading"},
		{service{State: "started", Status: "over the bus nobody knows"}, "started", "over the bus nobody knows"},
		{service{State: "stopped", Status: "serving", ExitCode: &three}, "stopped", ""},
		{service{State: "failed", Status: "serving", Signal: "SIGKILL"}, "failed", "killed by SIGKILL"},
	} {
		if standing, why := c.service.standing(), c.service.why(); standing != c.standing || why != c.why {
			t.Errorf("%+v: %s, %q; want %s, %q", c.service, standing, why, c.standing, c.why)
		}
	}
}
