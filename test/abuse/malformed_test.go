package abuse

import (
	"fmt"
	"strings"
	"testing"

	"zmicroservices/test/harness"
)

// wrong are payloads that are wrong on every topic.
var wrong = map[string]string{
	"nothing":          ``,
	"blanks":           "  \n\t ",
	"null":             `null`,
	"true":             `true`,
	"number":           `1e999`,
	"text":             `"start"`,
	"list":             `[]`,
	"no end":           `{"header": {"action": "start"`,
	"two objects":      `{} {}`,
	"comments":         `{/* */}`,
	"NaN":              `{"header": NaN}`,
	"binary":           "\x00\x01\xff\xfe",
	"bad UTF-8":        "{\"header\": \"\xff\"}",
	"no header":        `{}`,
	"null header":      `{"header": null, "content": null}`,
	"list header":      `{"header": [], "content": []}`,
	"empty header":     `{"header": {}, "content": {}}`,
	"numbers":          `{"header": {"action": 1, "service_id": 2, "service_name": 3, "service_transaction": 4}, "content": 5}`,
	"objects":          `{"header": {"action": {}, "service_id": {}, "service_name": {}, "service_transaction": {}}, "content": {}}`,
	"lists":            `{"header": {"action": [], "service_id": [], "service_name": [], "service_transaction": []}, "content": {}}`,
	"deep":             strings.Repeat(`[`, 100_000) + strings.Repeat(`]`, 100_000),
	"deep objects":     strings.Repeat(`{"a":`, 100_000) + `1` + strings.Repeat(`}`, 100_000),
	"many values":      `{"header": [` + strings.Repeat(`0,`, 2<<20) + `0]}`,
	"long text":        `{"header": {"action": "` + strings.Repeat("x", 1<<20) + `"}}`,
	"task of null":     `{"Task": null}`,
	"task of a list":   `{"Task": [1, 2, 3]}`,
	"message of text":  `{"Task": {"message": "x"}}`,
	"header of number": `{"Task": {"message": {"header": 7}}}`,
	"surrogates":       `{"header": {"action": "\ud800", "service_id": "\udfff"}}`,
	"separator":        `@@@ {} @@@ {}`,
	"status of a list": `{"header": {"action": "started", "service_id": "ts001", "service_name": "x", "service_transaction": "S"}, "content": {"status": [1]}}`,
	"pid of text":      `{"header": {"action": "started", "service_id": "ts001", "service_name": "x", "service_transaction": "S"}, "content": {"status": {"pid": "x", "result": 7, "reason": []}}}`,
	"pid of a giant":   `{"header": {"action": "updated", "service_id": "ts001", "service_name": "x", "service_transaction": "S"}, "content": {"status": {"pid": 1e300}}}`,
}

func TestMalformedMessagesOfEveryTopicHarmNobody(t *testing.T) {
	s := newSite(t, harness.File{})
	n := 0
	for _, topic := range []string{"context", "process", "control", "state", "monitor", "", " ", "@@@", strings.Repeat("topic", 1000)} {
		for name, payload := range wrong {
			for _, separator := range []string{" @@@ ", "@@@", " "} {
				s.Send(topic + separator + payload)
				n++
			}
			if !s.Running() {
				t.Fatalf("%.20q with %s ended the provider", topic, name)
			}
		}
	}
	s.Send("")
	s.served(fmt.Sprintf("after %d malformed messages", n))
	s.bounded("malformed messages", 150)
	s.recovered()
}

// A command that is wrong is answered wherever it can be seen whose it is.
func TestAWrongCommandIsAnswered(t *testing.T) {
	s := newSite(t, harness.File{})
	header := func(request string, changes ...string) string {
		fields := map[string]any{
			"action": "start", "service_id": "context001", "service_name": "context",
			"service_transaction": s.Transaction, "request_id": request,
		}
		for i := 0; i < len(changes); i += 2 {
			if changes[i+1] == "" {
				delete(fields, changes[i])
			} else {
				fields[changes[i]] = changes[i+1]
			}
		}
		return harness.JSON(fields)
	}
	configuration := func(header, tasks string) string {
		return fmt.Sprintf(`context @@@ {"header": %s, "content": {"configuration": {"TaskService": %s}}}`, header, tasks)
	}
	for name, c := range map[string]struct {
		frame  func(request string) string
		reason string
	}{
		"no content":        {func(r string) string { return `context @@@ {"header": ` + header(r) + `}` }, "content: is missing"},
		"content of a list": {func(r string) string { return `context @@@ {"header": ` + header(r) + `, "content": []}` }, "content: is a list"},
		"configuration null": {func(r string) string {
			return `context @@@ {"header": ` + header(r) + `, "content": {"configuration": null}}`
		}, "configuration"},
		"no action":         {func(r string) string { return configuration(header(r, "action", ""), "[]") }, "action"},
		"an unknown action": {func(r string) string { return configuration(header(r, "action", "dance"), "[]") }, `"dance"`},
		"no service_id":     {func(r string) string { return configuration(header(r, "service_id", ""), "[]") }, "service_id"},
		"no service_name":   {func(r string) string { return configuration(header(r, "service_name", ""), "[]") }, "service_name"},
		"tasks of null":     {func(r string) string { return configuration(header(r), "null") }, "task service"},
		"tasks of text":     {func(r string) string { return configuration(header(r), `"ts001"`) }, "TaskService"},
		"tasks of a number": {func(r string) string { return configuration(header(r), `7`) }, "TaskService"},
		"tasks of nulls":    {func(r string) string { return configuration(header(r), `[null, null]`) }, "TaskService"},
		"tasks of lists":    {func(r string) string { return configuration(header(r), `[[], [[]]]`) }, "TaskService"},
		"a task without id": {func(r string) string { return configuration(header(r), `[{"instance": "x"}]`) }, "id"},
		"a task of numbers": {func(r string) string { return configuration(header(r), `[{"id": 1, "instance": 2, "Task": 3}]`) }, "Task"},
		"a task twice":      {func(r string) string { return configuration(header(r), `[{"id": "ts001"}, {"id": "ts001"}]`) }, "twice"},
		"a state of text":   {func(r string) string { return configuration(header(r), `[{"id": "ts001", "Task": {"state": "x"}}]`) }, "state"},
		"a state question":  {func(r string) string { return `state @@@ {"header": ` + header(r, "action", "request") + `}` }, "content: is missing"},
		"a top question": {func(r string) string {
			return `state @@@ {"header": ` + header(r, "action", "top", "service_name", "") + `, "content": {}}`
		}, "service_name"},
		"a direct stop": {func(r string) string {
			return `process @@@ {"Task": {"message": {"header": ` + header(r, "action", "stop", "service_name", "") + `}}}`
		}, "service_name"},
		"a stop of a stranger": {func(r string) string {
			return `process @@@ {"Task": {"message": {"header": ` + header(r, "action", "stop", "service_id", "ts077") + `}}}`
		}, "ts077"},
	} {
		request := s.RequestID()
		s.Send(c.frame(request))
		m := s.Result(request)
		if m.Status["result"] != "failed" || m.Transaction != s.Transaction {
			t.Errorf("%s: transaction %q, %v", name, m.Transaction, m.Status)
		}
		tasks, _ := m.Status["tasks"].(map[string]any)
		if reason := fmt.Sprint(m.Status["reason"], tasks); !strings.Contains(reason, c.reason) {
			t.Errorf("%s was answered with %q, which has no %q", name, reason, c.reason)
		}
	}
	s.recovered()
}
