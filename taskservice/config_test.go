package taskservice_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"zmicroservices/taskservice"
	"zmicroservices/taskservice/hippodamia"
)

var values = taskservice.Config{Values: map[string]any{
	"text": " a word ", "empty": "", "n": json.Number("7"), "i": "-3", "f": "2.5", "yes": "Yes", "off": "off",
	"truth": true, "short": "250ms", "seconds": "1.5", "list": []any{"a"}, "object": map[string]any{"a": "b"},
}}

func TestValues(t *testing.T) {
	for key, want := range map[string]string{"text": "a word", "n": "7", "truth": "true", "list": "", "none": ""} {
		if got := values.String(key); got != want {
			t.Errorf("String(%s) = %q, want %q", key, got, want)
		}
	}
	check(t, values.Int, map[string]int{"i": -3, "n": 7, "none": 9, "empty": 9}, 9)
	check(t, values.Float, map[string]float64{"f": 2.5, "n": 7, "none": 9, "empty": 9}, 9)
	check(t, values.Bool, map[string]bool{"yes": true, "off": false, "truth": true, "none": true}, true)
	check(t, values.Duration, map[string]time.Duration{"short": 250 * time.Millisecond, "seconds": 1500 * time.Millisecond, "n": 7 * time.Second, "none": time.Hour}, time.Hour)
}

func check[T comparable](t *testing.T, get func(string, T) (T, error), want map[string]T, missing T) {
	t.Helper()
	for key, w := range want {
		if got, err := get(key, missing); err != nil || got != w {
			t.Errorf("%s: %v, %v; want %v", key, got, err, w)
		}
	}
	for _, key := range []string{"text", "list", "object"} {
		if got, err := get(key, missing); err == nil || got != missing || !strings.Contains(err.Error(), key) {
			t.Errorf("%s: %v, %v; want an error that names it", key, got, err)
		}
	}
}

type endpoint struct {
	Endpoint    string
	FrequencyS  float64 `json:"frequency_s"`
	Connections bool
}

type shape struct {
	Words   string            `json:"words"`
	Every   time.Duration     `json:"every"`
	Count   int               `json:"count"`
	Size    *uint             `json:"size"`
	Fast    bool              `json:"fast"`
	Hosts   []string          `json:"hosts"`
	Peers   []endpoint        `json:"peers"`
	Ports   []int             `json:"ports"`
	None    []string          `json:"none"`
	Out     endpoint          `json:"publisher"`
	Since   time.Time         `json:"since"`
	Any     any               `json:"any"`
	Map     map[string]string `json:"map"`
	Raw     json.RawMessage   `json:"raw"`
	Skipped string            `json:"-"`
	Kept    int               `json:"kept"`
}

func TestDecode(t *testing.T) {
	c := taskservice.Config{Values: map[string]any{
		"words": " héllo ", "every": "90s", "count": " 8 ", "size": "3", "fast": "on",
		"hosts": "one", "ports": []any{"1", json.Number("2")}, "none": "",
		"peers":     map[string]any{"endpoint": "tcp://a", "frequency_s": "0.5"},
		"publisher": map[string]any{"Endpoint": "tcp://b", "frequency_s": json.Number("2"), "connections": "no"},
		"since":     "2026-01-02T03:04:05Z", "any": map[string]any{"x": "1"}, "map": map[string]any{"k": "v"},
		"raw": map[string]any{"x": []any{}}, "Skipped": "x", "kept": "", "unknown": "x",
	}}
	three := uint(3)
	got := shape{Kept: 5}
	if err := c.Decode(&got); err != nil {
		t.Fatal(err)
	}
	want := shape{
		Words: "héllo", Every: 90 * time.Second, Count: 8, Size: &three, Fast: true,
		Hosts: []string{"one"}, Ports: []int{1, 2},
		Peers: []endpoint{{Endpoint: "tcp://a", FrequencyS: 0.5}},
		Out:   endpoint{Endpoint: "tcp://b", FrequencyS: 2},
		Since: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), Any: map[string]any{"x": "1"}, Map: map[string]string{"k": "v"},
		Raw: json.RawMessage(`{"x":[]}`), Kept: 5,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestDecodeNamesWhatIsWrong(t *testing.T) {
	for key, row := range map[string]struct {
		value  any
		reason string
	}{
		"count":     {"many", `count: "many" is not a number`},
		"every":     {"soon", "every: "},
		"Every":     {"NaN", `"NaN" is no length of time`},
		"EVERY":     {"1e300", `"1e300" is no length of time`},
		"fast":      {"perhaps", `fast: "perhaps" is neither true nor false`},
		"ports":     {[]any{"1", "x"}, `ports[1]: "x" is not a number`},
		"publisher": {map[string]any{"frequency_s": "often"}, `publisher.frequency_s: "often" is not a number`},
		"words":     {map[string]any{"a": "b"}, "words"},
	} {
		err := taskservice.Config{Values: map[string]any{key: row.value}}.Decode(&shape{})
		if err == nil || !strings.Contains(err.Error(), row.reason) {
			t.Errorf("%s: %v, want %s", key, err, row.reason)
		}
	}
	for _, into := range []any{nil, shape{}, "x"} {
		if err := values.Decode(into); err == nil {
			t.Errorf("decoded into %T", into)
		}
	}
}

func environ(change map[string]string) []string {
	env := map[string]string{
		"ZMS_TASK": "T/ts001/4", "ZMS_SERVICE_ID": "ts001", "ZMS_TRANSACTION": "T", "ZMS_CONTEXT_ID": "context001",
		"ZMS_FRONTEND": "tcp://127.0.0.1:1", "ZMS_BACKEND": "tcp://127.0.0.1:2", "ZMS_STATE_DIR": "/state",
		"ZMS_CONFIG": `{"id": "ts001", "instance": "Echo", "Task": {"state": {"type": "on_start"}, "message":
			{"header": {"service_name": "echo_action"}, "content": {"configuration": {"device_action": "shout", "n": "1"}}}}}`,
	}
	for k, v := range change {
		env[k] = v
	}
	var list []string
	for k, v := range env {
		list = append(list, k+"="+v)
	}
	return list
}

func TestFromEnv(t *testing.T) {
	got, err := taskservice.FromEnv(environ(nil))
	if err != nil {
		t.Fatal(err)
	}
	if got.Object["id"] != "ts001" {
		t.Errorf("object %v", got.Object)
	}
	got.Object = nil
	want := taskservice.Config{
		TaskID: "ts001", Transaction: "T", Incarnation: 4, ContextID: "context001", ServiceName: "echo_action", Instance: "Echo",
		DeviceAction: "shout", StateType: "on_start", Frontend: "tcp://127.0.0.1:1", Backend: "tcp://127.0.0.1:2", StateDir: "/state",
		Values: map[string]any{"device_action": "shout", "n": "1"},
	}
	if diff := cmp.Diff(want, got, cmpopts.EquateComparable(hippodamia.Topics{})); diff != "" {
		t.Error(diff)
	}
}

func TestFromEnvNamesEverythingThatIsWrong(t *testing.T) {
	_, err := taskservice.FromEnv(environ(map[string]string{
		"ZMS_TASK": "ts001", "ZMS_SERVICE_ID": "", "ZMS_BACKEND": "", "ZMS_CONFIG": "[]",
	}))
	for _, reason := range []string{
		`ZMS_TASK: "ts001" is not transaction/task/incarnation`, "ZMS_SERVICE_ID is missing",
		"ZMS_BACKEND is missing", "ZMS_CONFIG: message: is a list, not an object",
	} {
		if err == nil || !strings.Contains(err.Error(), reason) {
			t.Errorf("%v has no %q", err, reason)
		}
	}
	if _, err := taskservice.FromEnv(environ(map[string]string{"ZMS_TASK": "T/ts001/x"})); err == nil {
		t.Error("an incarnation that is no number was taken")
	}
	// A task object with nothing in it is the provider's business.
	if _, err := taskservice.FromEnv(environ(map[string]string{"ZMS_CONFIG": `{"Task": []}`, "ZMS_TASK": ""})); err != nil {
		t.Error(err)
	}
}

func TestRunRefusesAConfigWithoutIdentity(t *testing.T) {
	err := taskservice.Run(t.Context(), taskservice.Config{TaskID: "ts001"}, nil)
	if err == nil || !strings.Contains(err.Error(), "no Transaction") {
		t.Errorf("got %v", err)
	}
}

// FuzzConfig holds that no configuration makes us panic.
func FuzzConfig(f *testing.F) {
	f.Add(`{"words": "x", "every": "90s", "count": "8", "ports": ["1", 2], "publisher": {"frequency_s": "1"}, "peers": {}}`)
	f.Add(`{"size": [], "hosts": {}, "since": "x", "raw": null, "map": {"a": 1}}`)
	f.Fuzz(func(t *testing.T, configuration string) {
		c, err := taskservice.FromEnv(environ(map[string]string{
			"ZMS_CONFIG": `{"Task": {"message": {"content": {"configuration": ` + configuration + `}}}}`,
		}))
		if err != nil {
			return
		}
		var into shape
		if c.Decode(&into) != nil {
			return
		}
		for key := range c.Values {
			c.String(key)
			c.Duration(key, 0)
		}
	})
}
