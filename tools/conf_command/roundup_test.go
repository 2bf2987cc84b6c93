package main

import (
	"encoding/json"
	"regexp"
	"strings"
	"testing"
	"time"

	"zmicroservices/taskservice/hippodamia"
)

const (
	pumpGID  = "8398cfb3-33c6-5ecf-9404-a962fe1250d8"
	valveGID = "8398aaaa-0000-5000-8000-000000000002"
	muteGID  = "77770000-0000-5000-8000-000000000003"
	oldGID   = "66660000-0000-5000-8000-000000000004"
)

// answerTimes are all that differs from one run to the next.
var answerTimes = regexp.MustCompile(`\d[0-9.]*(µs|ms|s)\b *`)

func TestTheWatchdogIsAsked(t *testing.T) {
	p := startScript(t, "testdata/plant.py")
	file := p.file()
	t.Run("table", func(t *testing.T) {
		r := program(t, "services", file)
		r.expect(t, 0, "", "")
		golden(t, "services.table", r.out)
	})
	t.Run("json", func(t *testing.T) {
		r := program(t, "services", file, "-o", "json")
		r.expect(t, 0, "", "")
		golden(t, "services.json", r.out)
	})
	t.Run("one, without a file", func(t *testing.T) {
		r := program(t, "services", "--endpoint", p.backend, "--listen_endpoint", p.frontend, "pump")
		r.expect(t, 0, pumpGID, "")
		if strings.Contains(r.out, "valve") {
			t.Error(r.out)
		}
	})
	t.Run("nobody of that name", func(t *testing.T) {
		program(t, "services", file, "pum").expect(t, 1, "", `error: the watchdog knows no microservice "pum"; did you mean "pump"?`)
		program(t, "ping", file, "8398").expect(t, 1, "", `error: "8398" begins 2 gids: `+pumpGID+` (pump), `)
	})
	t.Run("another prefix has no watchdog", func(t *testing.T) {
		program(t, "services", file, "--watch_prefix", "plant7", "--timeout", "300ms").expect(t, 3, "", `error: no watchdog answers on tcp://`)
		program(t, "ping", file, "--watch_prefix", "plant 7").expect(t, 2, "", "error: --watch_prefix: ")
	})
	t.Run("completion", func(t *testing.T) {
		r := program(t, "__complete", "ping", file, "")
		if !strings.Contains(r.out, pumpGID+"\tpump, modbus on edge7, active\n") || !strings.Contains(r.out, "pump\tmodbus on edge7, active\n") {
			t.Error(r.out)
		}
	})
}

func TestMicroservicesAreAsked(t *testing.T) {
	p := startScript(t, "testdata/plant.py", "plant7")
	file := p.file()
	t.Setenv("ZMS_WATCH_PREFIX", "plant7")
	for _, verb := range []string{"ping", "runtime", "config", "onboard"} {
		t.Run(verb, func(t *testing.T) {
			args := []string{verb, file, "pump", "valve"}
			if verb == "onboard" {
				args = args[:3]
			}
			r := program(t, args...)
			r.expect(t, 0, "", "")
			golden(t, verb+".table", answerTimes.ReplaceAllString(r.out, "TIME "))
		})
	}
	t.Run("all, and one is silent", func(t *testing.T) {
		r := program(t, "ping", file, "--timeout", "500ms", "-o", "json")
		r.expect(t, 1, "", "error: 1 of 3 did not answer (mute) within 500ms\n")
		var list []answered
		if err := json.Unmarshal([]byte(r.out), &list); err != nil || len(list) != 3 {
			t.Fatal(err, r.out)
		}
		for _, a := range list { // by name; the one that is terminated was not asked
			if a.Answered != (a.Name != "mute") || a.Answered != (a.After > 0) {
				t.Errorf("%+v", a)
			}
		}
		for heard := p.heard("plant7.command.ping"); ; heard = p.heard("plant7.command.ping") {
			if !strings.Contains(heard, "gid") { // one message for all
				break
			}
		}
	})
	t.Run("a long wait is told of", func(t *testing.T) {
		r := program(t, "ping", file, "7777", "--timeout", "1200ms")
		r.expect(t, 1, "silent", "0 of 1 have answered; waiting for mute\nerror: 1 of 1 did not answer (mute) within 1.2s\n")
	})
}

func TestWordsMeanMicroservices(t *testing.T) {
	c := censusOf(time.Time{}, map[string]hippodamia.Service{
		"aa1": {GID: "aa1", Name: "pump", Host: "a"}, "aa2": {GID: "aa2", Name: "pump", Host: "b", State: hippodamia.Terminated},
		"ab1": {GID: "ab1", Name: "aa", ConfigID: "c/ts1"}, "b": {GID: "b", Name: "x"}, "b2": {GID: "b2", Name: "y"},
	})
	for words, want := range map[string]string{
		"pump": "aa1 aa2", "aa": "ab1", "ab": "ab1", "c/ts1": "ab1", "b": "b", "y x y": "b b2", "": "ab1 aa1 b b2",
		"aa1 pump": "aa1 aa2",
	} {
		chosen, err := c.choose(strings.Fields(words))
		var got []string
		for _, s := range chosen {
			got = append(got, s.GID)
		}
		if err != nil || strings.Join(got, " ") != want {
			t.Errorf("%q: %v, %v, want %s", words, got, err, want)
		}
	}
	for _, word := range []string{"a", "zz", ""} {
		if found, err := c.choose([]string{word}); err == nil {
			t.Errorf("%q means %v", word, found)
		}
	}
}
