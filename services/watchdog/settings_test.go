package watchdog

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"zmicroservices/taskservice"
	"zmicroservices/taskservice/hippodamia"
)

type object = map[string]any

func parse(values object, env map[string]string) (Settings, error) {
	return ParseSettings(taskservice.Config{StateDir: "/var/lib/zms", Values: values}, func(key string) string { return env[key] })
}

func TestSettingsOfNothingAreTheDefaults(t *testing.T) {
	got, err := parse(object{"device_action": "watchdog", "version": "2.0"}, nil)
	want := Settings{Rules: DefaultRules(), Database: "/var/lib/zms/watchdog.db", Alive: time.Hour}
	if d := cmp.Diff(want, got, cmp.AllowUnexported(hippodamia.Topics{})); d != "" || err != nil {
		t.Error(err, d)
	}
}

func TestSettingsAreThoseOfTheAgentsBesideUs(t *testing.T) {
	got, err := parse(nil, map[string]string{"ZMS_PING_INTERVAL": "5s", "ZMS_ALIVE_INTERVAL": "1800s", "ZMS_WATCH_PREFIX": "plant7"})
	if err != nil || got.Rules.Interval != 5*time.Second || got.Alive != 30*time.Minute || got.Topics.Prefix() != "plant7." {
		t.Errorf("%+v %v", got, err)
	}
}

func TestSettingsOfAFile(t *testing.T) {
	got, err := parse(object{
		"prefix": "plant7", "ping_interval": "30", "inactive_after": "3", "terminated_after": "10m", "end_after": "1h", "alive_interval": "10m",
		"database": "w/d.db", "retention_age": "48h", "retention_rows": "5000", "retention_size": "1.5GiB",
		"type": []any{
			object{"name": "modbus", "ping_interval": "1s", "inactive_after": "2s"},
			object{"name": "slow", "ping_interval": "1h", "terminated_after": "20"},
		},
	}, map[string]string{"ZMS_PING_INTERVAL": "5s"})
	if err != nil {
		t.Fatal(err)
	}
	all := Rule{30 * time.Second, After{Intervals: 3}, After{Time: 10 * time.Minute}, time.Hour}
	want := Settings{
		Topics: got.Topics, Database: "/var/lib/zms/w/d.db", Alive: 10 * time.Minute, RetentionAge: 48 * time.Hour, RetentionRows: 5000, RetentionSize: 3 << 29,
		Rules: Rules{all, map[string]Rule{
			"modbus": {time.Second, After{Time: 2 * time.Second}, all.Terminated, time.Hour},
			"slow":   {time.Hour, After{Intervals: 3}, After{Intervals: 20}, time.Hour},
		}},
	}
	if d := cmp.Diff(want, got, cmp.AllowUnexported(hippodamia.Topics{})); d != "" {
		t.Error(d)
	}
}

func TestMistakesAreToldAtOnceWithTheNearestName(t *testing.T) {
	for want, values := range map[string]object{
		"<configuration> has no element <inactiv_after>: did you mean <inactive_after>?\nend_after: ": {"inactiv_after": "3", "end_after": "soon"},
		"<type> has no element <nam>: did you mean <name>?":                                           {"type": object{"name": "x", "nam": "y"}},
		"<type> has no <name>":    {"type": object{"ping_interval": "1s"}},
		"<type> x is there twice": {"type": []any{object{"name": "x", "end_after": "1s"}, object{"name": "x"}}},
		`inactive_after: "often"`: {"inactive_after": "often"},
		"a microservice that pings every 1m0s would be inactive between two pings": {"inactive_after": "0.5"},
		"terminated_after is 1m0s, no more than inactive_after, which is 2m30s":    {"terminated_after": "1m"},
		"ping_interval 0s is not from 10ms to 24h0m0s":                             {"ping_interval": "0"},
		"type x: terminated_after":                                                 {"type": object{"name": "x", "terminated_after": "1"}},
		`prefix of topics "a b"`:                                                   {"prefix": "a b"},
		`retention_rows: `:                                                         {"retention_rows": "many"},
		`retention_size: "-2GB" is no size`:                                        {"retention_size": "-2GB"},
		`retention_size: "much" is no size`:                                        {"retention_size": "much"},
	} {
		_, err := parse(values, nil)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v: %v, want %s", values, err, want)
		}
	}
}
