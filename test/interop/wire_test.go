package interop

import (
	"strings"
	"testing"

	"zmicroservices/test/harness"
)

// With --wire original an observer of the original finds nothing that it did not
// know, but for the outcome of commands.
func TestTheOriginalWireHasNothingNewButCommandResults(t *testing.T) {
	file := trio(t, goServices(t))
	p := harness.Start(t, file, "--wire=original")
	bus := observe(t, p)
	for _, action := range []string{"start", "restart", "stop"} {
		byVerb(t, p, action, "ts002")
	}
	byVerb(t, p, "exit", "")
	p.Wait()

	words := map[string]bool{
		"context start": true, "context restart": true, "context stop": true, "context exit": true,
		"process start": true, "process stop": true, "control started": true, "control stopped": true, "control update": true,
	}
	bus.in.Close()
	results := 0
	for s := range bus.seen {
		if !words[s.Topic+" "+s.Action] {
			t.Errorf("on the bus: %s", s.Text)
		}
		if s.Action == "update" && s.Status["device_action"] == "command_result" {
			results++
			continue
		}
		if s.Topic != "context" && strings.Contains(s.Text, "request_id") {
			t.Errorf("a request_id of ours: %s", s.Text)
		}
		if !s.Canonical {
			t.Errorf("not byte for byte as json.dumps makes it: %s", s.Text)
		}
	}
	if results == 0 {
		t.Error("no command was answered")
	}
}

// An observer may ask for a part, as every libzmq SUB may.
func TestAPrefixIsEnoughToObserve(t *testing.T) {
	file := trio(t, goServices(t))
	p := harness.Start(t, file)
	bus := observe(t, p, "cont") // control and context, not process
	byVerb(t, p, "start", "ts002")
	if s := bus.message(); s.Topic != "context" {
		t.Errorf("first came %s", words(s))
	}
	if s := bus.message(); words(s) != "control started ts002 success" {
		t.Errorf("then came %s", words(s))
	}
	p.Stop()
}
