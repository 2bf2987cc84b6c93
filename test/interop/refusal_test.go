package interop

import (
	"strings"
	"testing"

	"zmicroservices/test/harness"
)

// Where the original was silent there is an answer, and nothing has changed.
func TestWhatIsRefusedIsAnsweredWithTheReason(t *testing.T) {
	location := goServices(t)
	p := harness.Start(t, trio(t, location))
	bus := observe(t, p, "control", "state")
	one := configuration(p, []any{object("ts002", location)})
	bus.command("start", transaction, one)
	bus.on("the start", counting(1, "control started ts002"))
	bus.result()

	stray := object("ts009", location)
	elsewhere := object("ts002", "/usr")
	elsewhere["instance"] = "bin"
	delete(elsewhere, "id")
	elsewhere["id"] = "ts008"
	command := object("ts003", location)
	command["Process"] = map[string]any{"command": "/bin/touch /nowhere"}
	header := func(action, id string) map[string]any {
		return map[string]any{"action": action, "service_id": id, "service_name": "context", "service_transaction": transaction}
	}
	for name, c := range map[string]struct {
		body any
		says []string
	}{
		"a start of what is started": {
			map[string]any{"header": header("start", "context001"), "content": map[string]any{"configuration": one}},
			[]string{"ts002", "already started"},
		},
		"a task that is nowhere": {
			map[string]any{"header": header("start", "context001"), "content": map[string]any{"configuration": configuration(p, []any{stray})}},
			[]string{"ts009"},
		},
		"a program outside the services path": {
			map[string]any{"header": header("start", "context001"), "content": map[string]any{"configuration": configuration(p, []any{elsewhere})}},
			[]string{"ts008", "--services_path"},
		},
		"a command": {
			map[string]any{"header": header("start", "context001"), "content": map[string]any{"configuration": configuration(p, []any{command})}},
			[]string{"ts003", "--allow_commands"},
		},
		"a stop by another ContextID": {
			map[string]any{"header": header("stop", "context002"), "content": map[string]any{"configuration": one}},
			[]string{"context002", "context001"},
		},
		"an action that is none": {
			map[string]any{"header": header("dance", "context001"), "content": map[string]any{"configuration": one}},
			[]string{"dance"},
		},
		"a start of nothing": {
			map[string]any{"header": header("start", "context001"), "content": map[string]any{"configuration": map[string]any{}}},
			[]string{"TaskService"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			bus.t = t
			bus.publish("context", c.body)
			answer := bus.result()
			reason, _ := answer.Status["reason"].(string)
			if answer.Status["result"] != "failed" || answer.Transaction != transaction || answer.ServiceID != "context001" {
				t.Errorf("answer is %s", answer.Text)
			}
			for _, want := range c.says {
				if !strings.Contains(reason, want) && !strings.Contains(answer.Text, want) {
					t.Errorf("the reason does not say %q: %s", want, answer.Text)
				}
			}
		})
	}
	bus.t = t

	t.Run("a stop of an unknown transaction", func(t *testing.T) {
		bus.t = t
		bus.command("stop", "UNKNOWN", one)
		if s := bus.result(); s.Status["result"] != "failed" || s.Transaction != "UNKNOWN" {
			t.Errorf("answer is %s", s.Text)
		}
	})
	t.Run("the state of an unknown transaction", func(t *testing.T) {
		bus.t = t
		bus.publish("state", map[string]any{
			"header":  map[string]any{"action": "request", "service_id": "", "service_name": "state", "service_transaction": "UNKNOWN"},
			"content": map[string]any{"configuration": map[string]any{}},
		})
		s := bus.on("a reply", func(s sighting) bool { return s.Action == "reply_context" })
		if content, ok := s.Content.(map[string]any); !ok || len(content) != 0 {
			t.Errorf("content is %v", s.Content)
		}
	})
	bus.t = t
	p.Stop()
}

func TestARequestIDIsEchoed(t *testing.T) {
	location := goServices(t)
	p := harness.Start(t, trio(t, location))
	bus := observe(t, p, "control", "process")
	const id = "0c0ffee0-0000-4000-8000-000000000001"
	bus.publish("context", map[string]any{
		"header": map[string]any{
			"action": "start", "service_id": "context001", "service_name": "context", "service_transaction": transaction, "request_id": id,
		},
		"content": map[string]any{"configuration": configuration(p, []any{object("ts002", location)})},
	})
	for _, s := range bus.expect("process start ts002", "control started ts002 success") {
		if !strings.Contains(s.Text, id) {
			t.Errorf("%s has lost the request_id:\n%s", words(s), s.Text)
		}
	}
	if s := bus.result(); s.Status["request_id"] != id {
		t.Errorf("answer is %s", s.Text)
	}
	p.Stop()
}

// Every one of these killed or confused somebody once.
func TestGarbageChangesNothing(t *testing.T) {
	location := goServices(t)
	p := harness.Start(t, trio(t, location))
	bus := observe(t, p, "control")
	for _, topic := range []string{"context", "process", "control", "state"} {
		for _, payload := range []string{
			"", "null", "[]", "1", `"text"`, "{", `{"header": null}`, `{"header": []}`, `{"header": {"action": {}}}`, `{"content": 1}`,
			`{"header": {"action": "start", "service_id": "context001", "service_name": "context", "service_transaction": "T"}}`,
			`{"Task": null}`, `{"Task": {"message": {"header": {"action": 5}}}}`, `{} @@@ {}`, strings.Repeat("[", 100_000),
		} {
			bus.send(topic + " @@@ " + payload)
		}
		bus.send(topic)
		bus.send(topic + "@@@")
		bus.sendBytes(append([]byte(topic+" @@@ "), 0xff, 0xfe, 0x00))
	}
	bus.sendBytes(nil)
	bus.sendBytes([]byte{0, 1, 2, 3})

	bus.command("start", transaction, configuration(p, []any{object("ts002", location)}))
	bus.on("a start after all that", counting(1, "control started ts002"))
	p.Stop()
}
