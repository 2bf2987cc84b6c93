package hippodamia

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"zmicroservices/taskservice/message"
)

func TestMessagesComeBackAsTheyWere(t *testing.T) {
	at := time.Date(2026, 11, 21, 10, 0, 0, 123456789, time.UTC)
	roundTrip(t, OnboardingRequest{UUID: "u", Topic: "hippodamia.uuid.u", GID: "g", Type: "modbus", Name: "pump", Host: "edge7", ConfigID: "c/ts001", Version: "1", PID: 7, Timestamp: at})
	roundTrip(t, OnboardingResponse{UUID: "u", GID: "g", Timestamp: at})
	head := Ping{GID: "g", UUID: "u", Seq: 3, Timestamp: at}
	roundTrip(t, head)
	roundTrip(t, Runtime{head, RuntimeInfo{PID: 7, Uptime: 1.5, Log: []LogLine{{at, "WARN", "hot"}}}})
	roundTrip(t, Config{head, map[string]any{"every": "1s"}})
	roundTrip(t, End{head, ReasonLastWill})
	roundTrip(t, Command{RequestID: "r", Timestamp: at})
	roundTrip(t, Query{RequestID: "r", Timestamp: at})
	roundTrip(t, Services{RequestID: "r", Timestamp: at, Services: []Service{{GID: "g", State: Active, FirstSeen: at, LastSeen: at, Onboardings: 2}}})
}

func roundTrip[M Message](t *testing.T, m M) {
	t.Helper()
	frame, err := Frame("topic", m)
	if err != nil {
		t.Fatal(err)
	}
	_, payload, err := message.Split(frame)
	if err != nil {
		t.Fatal(err)
	}
	got, err := Parse[M](payload)
	if err != nil {
		t.Fatalf("%s: %v", payload, err)
	}
	if d := cmp.Diff(m, got); d != "" {
		t.Error(d)
	}
}

func TestABadMessageNamesItsField(t *testing.T) {
	for payload, want := range map[string]string{
		`{`:         `not JSON: unexpected end of JSON input`,
		`{}`:        `gid: is missing`,
		`[]`:        `is a array, not a hippodamia.Ping`,
		`{"gid":7}`: `gid: is a number, not a string`,
		`{"gid":"g","uuid":"u","timestamp":"noon"}`: `timestamp: "noon" is no time of RFC 3339`,
		`{"gid":"g","uuid":"u"}`:                    `timestamp: is missing`,
	} {
		if _, err := Parse[Ping]([]byte(payload)); err == nil || err.Error() != want {
			t.Errorf("%s: %v, want %s", payload, err, want)
		}
	}
}

func TestTopicsLieBelowTheirPrefix(t *testing.T) {
	var d Topics
	if d.Contact() != "hippodamia.contact" || d.CommandOnboarding() != "hippodamia.command.onboarding" || d.Individual("u") != "hippodamia.uuid.u" || d.End() != "hippodamia.state.end" {
		t.Error(d)
	}
	for _, p := range []string{"plant7", "plant7.", "a.b"} {
		if _, err := NewTopics(p); err != nil {
			t.Error(err)
		}
	}
	for _, p := range []string{"a..b", "a b", ".", "a/b", "*"} {
		if topics, err := NewTopics(p); err == nil && p != "." {
			t.Errorf("%q gives %s", p, topics.Prefix())
		}
	}
}
