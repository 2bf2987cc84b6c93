package monitor

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"zmicroservices/taskservice"
)

type object = map[string]any

func TestTheOriginalsConfigurationsAreUnderstood(t *testing.T) {
	for name, c := range map[string]struct {
		values object
		want   settings
	}{
		"as its code has it": {
			object{
				"device_action":   "task_monitor",
				"publisher":       object{"endpoint": "tcp://127.0.0.1:6558", "frequency_s": "2.0", "type": "pub"},
				"monitor_options": object{"opened_files": "1", "open_connections": "true", "memory_maps": "0"},
			},
			settings{endpoint: "tcp://127.0.0.1:6558", query: Query{Transaction: "T", Every: 2 * time.Second, OpenedFiles: true, Connections: true}},
		},
		"as its README has it": {
			object{"service": object{"endpoint": "tcp://127.0.0.1:6558", "frequency_s": "0.01"}},
			settings{endpoint: "tcp://127.0.0.1:6558", query: Query{Transaction: "T", Every: shortestEvery}},
		},
		"with its database": {
			object{
				"publisher":       object{"endpoint": "ipc:///run/m", "insecure": "yes"},
				"monitor_options": object{"store_records": "true"},
				"db_connection":   object{"host": "localhost"},
			},
			settings{endpoint: "ipc:///run/m", insecure: true, query: Query{Transaction: "T", Every: time.Second}, idle: []string{"store_records", "db_connection"}},
		},
	} {
		got, err := settingsOf(taskservice.Config{Transaction: "T", Values: c.values})
		if diff := cmp.Diff(c.want, got, cmp.AllowUnexported(settings{})); err != nil || diff != "" {
			t.Errorf("%s: %v %s", name, err, diff)
		}
	}
}

func TestAllMistakesAreToldAtOnce(t *testing.T) {
	_, err := settingsOf(taskservice.Config{Values: object{
		"publisher":       object{"type": "push", "frequency_s": "soon", "insecure": "perhaps"},
		"monitor_options": object{"open_conections": "1", "memory_maps": "some"},
	}})
	for _, want := range []string{
		"<publisher><endpoint> is missing", `<type> "push": there is only pub`, "<frequency_s>", "<insecure>", "<open_conections> is none of", "<memory_maps>",
	} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want %q in %v", want, err)
		}
	}
	for _, frequency := range []string{"0", "-1", "1e9", "NaN"} {
		_, err := settingsOf(taskservice.Config{Values: object{"publisher": object{"endpoint": "ipc:///m", "frequency_s": frequency}}})
		if err == nil {
			t.Errorf("frequency_s %s is taken", frequency)
		}
	}
}
