package message_test

import (
	"errors"
	"strings"
	"testing"

	"zmicroservices/taskservice/message"
)

func TestSplit(t *testing.T) {
	for _, row := range []struct {
		frame, topic, payload string
		reason                string // of the error
	}{
		{"control @@@ {}", "control", "{}", ""},
		{"control@@@{}", "control", "{}", ""},
		{" \n control\t@@@\r\n{}  ", "control", "{}", ""},
		{`control @@@ {"a": "x @@@ y"}`, "control", `{"a": "x @@@ y"}`, ""},
		{"control @@@@ {}", "control", "@ {}", ""},
		{"control @@@", "control", "", ""},
		{"a b @@@ c", "a b", "c", ""},
		{" @@@ {}", "", "", `no topic before "@@@"`},
		{"control {}", "", "", `no "@@@"`},
		{"control @@ {}", "", "", `no "@@@"`},
		{"", "", "", `no "@@@"`},
	} {
		topic, payload, err := message.Split([]byte(row.frame))
		if topic != row.topic || string(payload) != row.payload || (err != nil) != (row.reason != "") {
			t.Errorf("Split(%q) = %q, %q, %v", row.frame, topic, payload, err)
		}
		var e *message.Error
		if err != nil && (!errors.As(err, &e) || !strings.Contains(e.Reason, row.reason)) {
			t.Errorf("Split(%q): %v, want %q", row.frame, err, row.reason)
		}
		if got := message.Topic([]byte(row.frame)); got != row.topic {
			t.Errorf("Topic(%q) = %q, want %q", row.frame, got, row.topic)
		}
	}
}

func TestTopicLooksAtTheStartOnly(t *testing.T) {
	if got := message.Topic([]byte(strings.Repeat("x", 10_000) + " @@@ {}")); got != "" {
		t.Errorf("found a topic of %d bytes", len(got))
	}
}

func TestFrame(t *testing.T) {
	frame, err := message.Frame("weather", map[string]any{"b": 1, "a": "ü"})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := string(frame), "weather @@@ {\n    \"a\": \"\\u00fc\",\n    \"b\": 1\n}"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	_, err = message.Frame("weather", map[string]any{"a": []any{1, func() {}}})
	if err == nil || !strings.HasPrefix(err.Error(), "weather message: a.1: cannot be written as JSON") {
		t.Errorf("a function in it: %v", err)
	}
}
