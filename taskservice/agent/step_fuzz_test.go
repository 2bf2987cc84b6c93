package agent

import (
	"encoding/json"
	"testing"
)

// Whatever comes, in whatever state: an agent says JSON, and listens on.
func FuzzStep(f *testing.F) {
	f.Add("hippodamia.uuid.u1", []byte(`{"uuid":"u1","gid":"g","timestamp":"2026-11-21T12:00:00Z"}`))
	f.Add("hippodamia.command.onboarding", []byte(`{"request_id":"r","timestamp":"2026-11-21T12:00:00Z"}`))
	f.Add("hippodamia.command.ping", []byte(`{"gid":7}`))
	f.Fuzz(func(t *testing.T, topic string, payload []byte) {
		a := plain(Options{Will: true})
		ev := Event{Kind: Heard, Topic: topic, Payload: payload}
		for _, before := range []Event{{Kind: Begin}, {Kind: Subscribed}, response("u1"), {Kind: Ending}} {
			for _, e := range append(a.Step(noon, ev), a.Step(noon, before)...) {
				if e.Do == Publish && !json.Valid(e.Payload) {
					t.Fatalf("says %q on %s", e.Payload, e.Topic)
				}
			}
		}
	})
}
