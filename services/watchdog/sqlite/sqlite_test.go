package sqlite

import (
	"log/slog"
	"path/filepath"
	"testing"

	"go.uber.org/goleak"

	"zmicroservices/services/watchdog"
	"zmicroservices/services/watchdog/storetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// fresh gives what opens a file that is not there yet.
func fresh(t *testing.T) func() watchdog.Store {
	path := filepath.Join(t.TempDir(), "watchdog.db")
	return func() watchdog.Store {
		s, err := Open(t.Context(), path, slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
}

func TestItIsAStore(t *testing.T) { storetest.Conform(t, fresh) }

// The README shows these queries.
func TestTheViewsTellTheStory(t *testing.T) {
	s, _ := storetest.Running(t, fresh(t))
	pump := storetest.Pump(1)
	s.Append(watchdog.Entry{
		Message: &watchdog.Message{At: storetest.At(1), Topic: "hippodamia.contact", GID: pump.GID, UUID: "u1", Payload: []byte(`{"a":1}`)},
		Change:  &watchdog.Change{At: storetest.At(1), GID: pump.GID, UUID: "u1", From: "initialize", To: "onboarding", Input: watchdog.Stored},
		After:   &pump,
	})
	s.Append(watchdog.Entry{Message: &watchdog.Message{At: storetest.At(2), Topic: "hippodamia.state.ping", GID: pump.GID, Rejected: "no", Payload: []byte{0}}})
	s.Append(watchdog.Entry{Message: &watchdog.Message{At: storetest.At(2), Topic: "hippodamia.state.ping", Rejected: "not JSON", Payload: []byte{0}}})
	storetest.Settle(t, s)
	rows, err := read(t.Context(), s.(*Store), func(r row) (line [4]string, err error) {
		return line, r.Scan(&line[0], &line[1], &line[2], &line[3])
	}, `SELECT at, coalesce(name, ''), what, text FROM story`)
	if err != nil {
		t.Fatal(err)
	}
	want := [][4]string{
		{"2026-11-21T10:00:01.123Z", "pump ü", "hippodamia.contact", `{"a":1}`},
		{"2026-11-21T10:00:01.123Z", "pump ü", "change", "initialize -> onboarding, stored"},
		{"2026-11-21T10:00:02.123Z", "pump ü", "rejected", "no: hippodamia.state.ping"},
		{"2026-11-21T10:00:02.123Z", "", "rejected", "not JSON: hippodamia.state.ping"},
	}
	if len(rows) != len(want) {
		t.Fatalf("%q", rows)
	}
	for i := range want {
		if rows[i] != want[i] {
			t.Errorf("%q, want %q", rows[i], want[i])
		}
	}
	services, err := read(t.Context(), s.(*Store), func(r row) (line [3]string, err error) {
		return line, r.Scan(&line[0], &line[1], &line[2])
	}, `SELECT name, state, last_seen FROM services`)
	if err != nil || len(services) != 1 || services[0] != [3]string{"pump ü", "onboarding", "2026-11-21T10:00:02.123Z"} {
		t.Errorf("%q %v", services, err)
	}
}
