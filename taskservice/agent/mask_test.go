package agent

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestMaskHidesSecretsWhereverTheyAre(t *testing.T) {
	var config map[string]any
	text := `{
		"every": "1s", "count": 3, "on": true, "nothing": null, "url": "https://example.org/a?b=c@d",
		"password": "x", "Api-Key": "x", "api_token": ["x", "x"], "clientSecret": {"value": "x"}, "CREDENTIALS": 7, "passwd": "", "private_key": "x",
		"database": "postgres://joe:x@db/plant", "dsn_text": "host=db password=x user=joe",
		"broker": {"url": "mqtts://joe:x@broker:8883", "user": "joe", "pwd": "x"},
		"peers": ["tcp://joe@a", {"auth": "x"}, [{"secret": "x"}], "https://h/p?token=x&page=2"],
		"command": "run --password x --every 1s --api-key='x y' -v",
		"header": "Authorization: x"
	}`
	if err := json.Unmarshal([]byte(text), &config); err != nil {
		t.Fatal(err)
	}
	got := Mask(config)
	want := map[string]any{
		"every": "1s", "count": "3", "on": true, "nothing": nil, "url": "https://example.org/a?b=c@d",
		"password": "***", "Api-Key": "***", "api_token": "***", "clientSecret": "***", "CREDENTIALS": "***", "passwd": "", "private_key": "***",
		"database": "postgres://***@db/plant", "dsn_text": "***",
		"broker":  map[string]any{"url": "mqtts://***@broker:8883", "user": "joe", "pwd": "***"},
		"peers":   []any{"tcp://***@a", map[string]any{"auth": "***"}, []any{map[string]any{"secret": "***"}}, "https://h/p?token=***&page=2"},
		"command": "run --password *** --every 1s --api-key=*** -v",
		"header":  "Authorization: ***",
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	if config["password"] != "x" {
		t.Error("the configuration itself was changed")
	}
}

// However it is nested: a secret named as one is not said, and what is said is JSON.
func FuzzMask(f *testing.F) {
	f.Add(`{"a":[{"password":"SECRET"}]}`)
	f.Add(`{"url":"x://u:SECRET@h","t":"token=SECRET"}`)
	f.Fuzz(func(t *testing.T, text string) {
		var config map[string]any
		if json.Unmarshal([]byte(text), &config) != nil {
			return
		}
		out, err := json.Marshal(Mask(map[string]any{"inner": config, "list": []any{map[string]any{"Password": config}}}))
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(out), `"list":[{"Password":"***"}]`) {
			t.Errorf("%s", out)
		}
	})
}
