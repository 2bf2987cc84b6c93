package main

import (
	"os"
	"strings"
	"testing"

	"zmicroservices/taskservice/message"
)

func TestLines(t *testing.T) {
	recorded := func(name string) string {
		frame, err := os.ReadFile("testdata/frames/" + name)
		if err != nil {
			t.Fatal(err)
		}
		return string(frame)
	}
	header := func(action, service, name string) string {
		return `{"header": {"action": "` + action + `", "service_id": "` + service + `", "service_name": "` + name + `", "service_transaction": "T1"}, "content": `
	}
	tests := map[string]struct {
		frame   string
		verbose bool
		want    string
		bad     bool
	}{
		"a command":                {recorded("start-all.frame"), false, "start context001 (context) [ts001 ts002 ts003] 5HGAHZ3WPZUI71PACRPP", false},
		"a command about one task": {recorded("stop-one.frame"), false, "stop context001 (context) [ts001] 5HGAHZ3WPZUI71PACRPP", false},
		"a command without tasks":  {"context @@@ " + header("stop", "context001", "context") + `{"configuration": {}}}`, false, "stop context001 (context) [no tasks] T1", false},
		"a question":               {recorded("state-request.frame"), false, "request 5HGAHZ3WPZUI71PACRPP", false},
		"an answer":                {recorded("reply-context.frame"), false, "reply_context 3 tasks 5HGAHZ3WPZUI71PACRPP", false},
		"an answer about cost":     {"state @@@ " + header("reply_top", "", "state") + `[{}]}`, false, "reply_top 1 service T1", false},
		"a failure": {
			"control @@@ " + header("failed", "ts001", "echo") + `{"status": {"device_action": "", "result": "failure", "exit_code": 3, "reason": "exited with code 3"}}}`, false,
			`failed ts001 (echo) failure exit_code=3 reason="exited with code 3" T1`, true,
		},
		"a result": {
			"control @@@ " + header("update", "context001", "context") + `{"status": {"device_action": "command_result", "result": "failed", "reason": "no such transaction"}}}`, false,
			"command_result failed context001 T1: no such transaction", true,
		},
		"context_info":         {infoFrame, false, "Message with [context_info]", false},
		"context_info in full": {infoFrame, true, `context_info {"content": {"status": {"data": [], "device_action": "context_info", "result": "success"}}, "header": {"action": "update", "service_id": "context001", "service_name": "context", "service_transaction": "T2"}}`, false},
		"what is of no topic of ours": {
			`choria.lifecycle.event.startup.x @@@ {"a":1}`, false, `{"a": 1}`, false,
		},
		"what is wrong":                   {`control @@@ {"header": 1}`, false, `{"header": 1}`, false},
		"what would drive the terminal":   {"x @@@ \x1b[2J\u202e", false, `\x1b[2J\u202e`, false},
		"what would hide within a reason": {"control @@@ " + header("updated", "ts1", "e") + `{"status": {"result": "success", "note": "a\u001b]0;b\nc"}}}`, false, `updated ts1 (e) success note="a\x1b]0;b\nc" T1`, false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			topic, payload, err := message.Split([]byte(tt.frame))
			if err != nil {
				t.Fatal(err)
			}
			got, good := line(topic, payload, tt.verbose)
			if got != tt.want || good == tt.bad {
				t.Errorf("got  %q, good %v\nwant %q", got, good, tt.want)
			}
		})
	}
}

func TestLinesAreBounded(t *testing.T) {
	long := strings.Repeat("x", 1<<20)
	for _, frame := range []string{
		"other @@@ " + long,
		`control @@@ {"header": {"action": "` + long + `", "service_id": "", "service_name": "", "service_transaction": ""}, "content": {"status": {"a": "` + long + `"}}}`,
	} {
		topic, payload, _ := message.Split([]byte(frame))
		if got, _ := line(topic, payload, false); len(got) > 2000 {
			t.Errorf("a line of %d bytes", len(got))
		}
	}
}

// Whatever a stranger publishes, a line is one line, and drives no terminal.
func FuzzLine(f *testing.F) {
	f.Add("control", infoFrame, true)
	f.Add("control", startedFrame, false)
	f.Add("process", processFrame, false)
	f.Add("state", `{"header": {"action": "reply_top"}, "content": []}`, false)
	f.Add("context", `{"header": {}, "content": {"configuration": {"TaskService": [1, {"id": {}}]}}}`, false)
	f.Fuzz(func(t *testing.T, topic, payload string, verbose bool) {
		if text, _ := line(topic, []byte(payload), verbose); text != printable(text) {
			t.Errorf("not printable: %q", text)
		}
	})
}
