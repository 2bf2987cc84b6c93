package flow

import (
	"regexp"
	"strings"
	"testing"

	"zmicroservices/test/harness"
)

func TestWhyTellsOfServicesThatAreSilentOrBabble(t *testing.T) {
	file := harness.Write(t, harness.File{Tasks: []harness.Task{
		publisher(t, "steady", "frames", 100, 1_000_000, `<expect topic="frames" min="1/s" max="10000/s" within="3s"/>`),
		publisher(t, "silent", "frames", 50, 10, `<expect topic="frames" min="20/s" within="1s"/>`),
		publisher(t, "babbler", "frames", 200, 1_000_000, `<expect topic="frames" max="5/s" within="1s"/>`),
	}})
	p := harness.Start(t, file, "--start")
	bus := harness.Observe(t, p, "control")
	failed := map[string]bool{}
	// It may have failed before we listen: then its state says so.
	for _, id := range []string{"silent", "babbler"} {
		if !strings.Contains(p.Command("state", file, id).Stdout, "failed") {
			bus.Until("the failure of "+id, func(m harness.Message) bool {
				failed[m.ServiceID] = failed[m.ServiceID] || m.Action == "failed"
				return failed[id]
			})
		}
	}
	for id, want := range map[string]string{
		"silent":  `failed \d\d:\d\d:\d\d because topic frames came [0-9.]+/s, min 20/s, for 1s`,
		"babbler": `failed \d\d:\d\d:\d\d because topic frames came [0-9.]+/s, max 5/s, for 1s`,
	} {
		if r := p.Command("why", file, id); r.Code != 0 || !regexp.MustCompile(want).MatchString(r.Stdout) {
			t.Errorf("why %s: %+v", id, r)
		}
	}
	if r := p.Command("state", file, "steady"); !strings.Contains(r.Stdout, "started") {
		t.Errorf("state: %+v", r)
	}
	p.Stop()
}
