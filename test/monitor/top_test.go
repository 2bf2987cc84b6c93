package monitor

import (
	"encoding/json"
	"strings"
	"testing"

	"zmicroservices/test/harness"
)

// answer is content of a reply_top.
type answer []struct {
	Instance    string `json:"instance"`
	PID         int    `json:"pid"`
	ServiceName string `json:"serviceName"`
	ServiceID   string `json:"service_id"`
	Memory      entry  `json:"memory"`
}

func answerOf(t *testing.T, m harness.Message) (a answer) {
	t.Helper()
	text, err := json.Marshal(m.Content)
	if err == nil {
		err = json.Unmarshal(text, &a)
	}
	if err != nil {
		t.Fatalf("%v in %s", err, m.Raw)
	}
	return a
}

func TestTopIsAnsweredWithTheOriginalsOptions(t *testing.T) {
	s := play(t, "dial")
	states := harness.Observe(t, s.Provider, "state")
	asked := []string{"--service_name=state", "--action=top", "--transaction=" + s.Transaction, "--endpoint=" + s.Publish, "--listen_endpoint=" + s.Subscribe}
	ask := func(more ...string) harness.Message {
		t.Helper()
		if r := s.Command(append(asked, more...)...); r.Code != 0 {
			t.Fatalf("top %v: %+v", more, r)
		}
		said := states.Until("reply_top", func(m harness.Message) bool { return m.Action == "reply_top" })
		return said[len(said)-1]
	}
	m := ask()
	if m.ServiceName != "state" || m.ServiceID != "" || m.Transaction != s.Transaction {
		t.Errorf("header of %s", m.Raw)
	}
	plain := answerOf(t, m)
	if len(plain) != 1 || plain[0].ServiceID != "ts001" || plain[0].ServiceName != "command" || !harness.Alive(plain[0].PID) {
		t.Fatalf("%s", m.Raw)
	}
	memory := plain[0].Memory
	if memory["status"] == "" || memory.number("rss") < 1 || memory.object("total").number("rss") != memory.number("rss") || memory["serviceId"] != "" {
		t.Errorf("memory %v", memory)
	}
	for _, key := range []string{"cpu_percent", "elapsed", "timestamp", "children"} {
		if _, has := memory[key]; !has {
			t.Errorf("memory has no %s", key)
		}
	}
	for _, key := range []string{"connections", "opened_files", "memory_map", "action"} {
		if _, has := memory[key]; has {
			t.Errorf("nobody asked for %s", key)
		}
	}
	full := answerOf(t, ask("--open_connections", "--opened_files", "--memory_maps"))[0].Memory
	for key, first := range map[string]string{"connections": "fd", "memory_map": "path"} {
		list, _ := full[key].([]any)
		if len(list) == 0 {
			t.Fatalf("%s: %v", key, full)
		}
		tuple, _ := list[0].([]any)
		pair, _ := tuple[0].(map[string]any)
		if _, has := pair[first]; !has || len(pair) != 1 {
			t.Errorf("%s: %v", key, tuple)
		}
	}
	if _, has := full["opened_files"].([]any); !has {
		t.Errorf("opened_files: %v", full["opened_files"])
	}
	r := s.Command("--service_name=state", "--action=top", "--transaction=nobody", "--endpoint="+s.Publish, "--listen_endpoint="+s.Subscribe)
	if r.Code != 1 || !strings.Contains(r.Stderr, `no transaction "nobody"`) {
		t.Errorf("an unknown transaction: %+v", r)
	}
	states.Until("empty reply_top", func(m harness.Message) bool {
		return m.Action == "reply_top" && m.Transaction == "nobody" && len(answerOf(t, m)) == 0
	})
	s.Stop()
}

func TestTopWithAServiceIsPublishedAtItsEndpoint(t *testing.T) {
	s := play(t, "dial")
	endpoint := place(t)
	ask := func(endpoint, frequency string) harness.Result {
		return s.Command("--service_name=state", "--action=top", "--transaction="+s.Transaction, "--endpoint="+s.Publish, "--listen_endpoint="+s.Subscribe,
			"--use_service", "--service_endpoint="+endpoint, "--service_freq="+frequency, "--open_connections")
	}
	if r := ask(endpoint, "1.0"); r.Code != 0 {
		t.Fatalf("%+v", r)
	}
	l := listen(t, endpoint)
	by := l.until("the service", s.Transaction, func(by map[string]entry) bool { return by["ts001"] != nil })
	if _, has := by["ts001"]["connections"].([]any); !has || by["ts001"].number("cpu_percent") < 0 {
		t.Errorf("%v", by)
	}
	if r := ask(endpoint, "0.1"); r.Code != 0 { // the same endpoint: it is changed
		t.Errorf("%+v", r)
	}
	for want, r := range map[string]harness.Result{
		"is beyond loopback":                   ask("tcp://0.0.0.0:0", "1"),
		"is no number of seconds":              ask(endpoint, "-1"),
		"tcp and ipc are served":               ask("pgm://x:1", "1"),
		"nothing is published at ipc:///other": ask("ipc:///other", "0"),
	} {
		if r.Code != 1 || !strings.Contains(r.Stderr, want) {
			t.Errorf("want %q: %+v", want, r)
		}
	}
	if r := ask(endpoint, "0"); r.Code != 0 {
		t.Errorf("end: %+v", r)
	}
	if exists(strings.TrimPrefix(endpoint, "ipc://")) {
		t.Errorf("%s is still there", endpoint)
	}
	s.Stop()
}
