package bridge

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"zmicroservices/taskservice"
)

func configured(t *testing.T, values object) (settings, error) {
	t.Helper()
	return settingsOf(taskservice.Config{ContextID: "context001", StateDir: "/var/lib/x", Values: values})
}

func TestSettings(t *testing.T) {
	const url = "nats://127.0.0.1:4222"
	s, err := configured(t, object{"device_action": "bridge", "version": "2.0", "nats": object{"url": url}})
	if err != nil {
		t.Fatal(err)
	}
	if s.place.Host == "" || s.place.Context != "context001" || !slices.Equal(s.topics, defaultTopics) || s.commands || s.remote.topics != nil ||
		s.spool != (bounds{defaultRows, defaultBytes}) || s.file != filepath.FromSlash("/var/lib/x/bridge.db") ||
		s.stream != (stream{defaultStream, defaultAge, defaultStreamSize, defaultDuplicates, 1}) {
		t.Errorf("defaults %+v", s)
	}
	s, err = configured(t, object{
		"nats": object{"url": []any{url, "tls://b, tls://c"}}, "host": "h", "topics": []any{"control", "weather. news"}, "commands": "true",
		"remote": object{"host": "a b", "prefix": "far.", "envelope": "true"},
		"spool":  object{"rows": "10", "size": "2MiB", "file": "/x/y.db"},
		"stream": object{"name": "S", "max_age": "1h", "max_size": "3GB", "duplicates": "60", "replicas": "3"},
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(s.nats.URLs) != 3 || s.place.Host != "h" || !s.commands || !slices.Equal(s.topics, topics{"control", "weather.", "news"}) ||
		!slices.Equal(s.remote.topics, defaultTopics) || !slices.Equal(s.remote.hosts, []string{"a", "b"}) || s.remote.prefix != "far" || !s.remote.envelope ||
		s.spool != (bounds{10, 2 << 20}) || s.file != "/x/y.db" || s.stream != (stream{"S", time.Hour, 3e9, time.Minute, 3}) {
		t.Errorf("settings %+v", s)
	}
	if s, err = configured(t, object{"nats": object{"url": url}, "remote": ""}); err != nil || s.remote.topics == nil {
		t.Errorf("an empty <remote> is one with defaults: %+v %v", s, err)
	}

	for want, values := range map[string]object{
		"<nats>: no URL":                        {},
		"shows the password":                    {"nats": object{"url": "nats://a:b@c"}},
		"<nat> is none of":                      {"nat": object{}},
		"<nats><urls> is none of":               {"nats": object{"urls": url}},
		"<commands>: commands":                  {"commands": "perhaps"},
		"begins like the topic control":         {"remote": object{"prefix": "controls"}},
		"wanted are words":                      {"remote": object{"prefix": "a b"}},
		"<spool><rows>: rows":                   {"spool": object{"rows": "many"}},
		"is less than 1":                        {"spool": object{"rows": "0"}},
		"<spool><size> \"much\" is no size":     {"spool": object{"size": "much"}},
		"no absolute path":                      {"spool": object{"file": "x.db"}},
		"is more than <max_age>":                {"stream": object{"duplicates": "2h", "max_age": "1h"}},
		"NATS wants one":                        {"stream": object{"name": "a.b"}},
		"<topics> \".\" is no topic":            {"topics": "."},
		"<topics> holds further elements":       {"topics": object{"x": "y"}},
		"<stream> has no elements":              {"stream": "S"},
		"is not above 0":                        {"stream": object{"max_age": "0"}},
		"<nats><url> holds further elements":    {"nats": object{"url": []any{object{}}}},
		"<nats><insecure>: insecure: \"maybe\"": {"nats": object{"url": url, "insecure": "maybe"}},
	} {
		if _, err := configured(t, values); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v: %v, want %q", values, err, want)
		}
	}
	if _, err := settingsOf(taskservice.Config{Values: object{"nats": object{"url": url}}}); err == nil ||
		!strings.Contains(err.Error(), "no state directory") || !strings.Contains(err.Error(), "has no id") {
		t.Errorf("nothing around: %v", err)
	}
}

func TestTopics(t *testing.T) {
	list := topics{"control", "choria.lifecycle.event."}
	for topic, want := range map[string]bool{
		"control": true, "controls": false, "choria.lifecycle.event.alive.X": true, "choria.lifecycle.event": false, "": false,
	} {
		if list.has(topic) != want {
			t.Errorf("%q: %v", topic, !want)
		}
	}
}
