package hippodamia

import (
	"encoding/json"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// FuzzParse gives every reader whatever there is: what it takes it can say again, and
// what it refuses it refuses with a reason.
func FuzzParse(f *testing.F) {
	for _, text := range []string{
		`{"gid":"g","uuid":"u","seq":1,"timestamp":"2026-11-21T10:00:00.1Z","reason":"r","config":{"a":[1]},"runtime":{"pid":7,"uptime_s":1,"log":[{"time":"2026-11-21T10:00:00Z","level":"WARN","message":"m"}]}}`,
		`{"uuid":"u","topic":"t","type":"t","name":"n","timestamp":"2026-11-21T10:00:00+02:00"}`,
		`{"request_id":"r","timestamp":"2026-11-21T10:00:00Z","services":[{"gid":"g","state":"active"}],"more":true}`,
		`{"gid":7}`, `[]`, `{`, `null`,
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, payload []byte) {
		again[OnboardingRequest](t, payload)
		again[OnboardingResponse](t, payload)
		again[Ping](t, payload)
		again[Runtime](t, payload)
		again[Config](t, payload)
		again[End](t, payload)
		again[Command](t, payload)
		again[Query](t, payload)
		again[Services](t, payload)
	})
}

func again[M Message](t *testing.T, payload []byte) {
	m, err := Parse[M](payload)
	if err != nil {
		var wrong *Error
		if !errors.As(err, &wrong) || wrong.Error() == "" {
			t.Fatalf("%T: %v", m, err)
		}
		return
	}
	text, err := json.Marshal(m)
	if err != nil {
		t.Fatalf("%T cannot be said again: %v", m, err)
	}
	same, err := Parse[M](text)
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	if second, _ := json.Marshal(same); string(second) != string(text) {
		t.Fatal(cmp.Diff(string(text), string(second)))
	}
}
