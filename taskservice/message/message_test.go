package message_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"zmicroservices/taskservice/message"
)

const id = "5HGAHZ3WPZUI71PACRPP"

func TestParseCommand(t *testing.T) {
	header := message.Header{Action: "stop", ServiceID: "context001", ServiceName: "all", Transaction: id}
	head := `"header": {"action": "stop", "service_id": "context001", "service_name": "all", "service_transaction": "` + id + `"}`
	for _, row := range []struct {
		name, payload string
		want          message.Command
		key, reason   string // of the error
	}{
		{"no configuration", `{` + head + `, "content": {}}`, message.Command{Header: header}, "", ""},
		{"a configuration", `{` + head + `, "content": {"configuration": {"a": "b"}}}`, message.Command{Header: header, HasConfiguration: true, Configuration: map[string]any{"a": "b"}}, "", ""},
		{"an empty one", `{` + head + `, "content": {"configuration": {}}}`, message.Command{Header: header, HasConfiguration: true, Configuration: map[string]any{}}, "", ""},
		{"no content", `{` + head + `}`, message.Command{Header: header}, "content", "is missing"},
		{"a content of text", `{` + head + `, "content": "x"}`, message.Command{Header: header}, "content", "is a string, not an object"},
		{"a configuration of null", `{` + head + `, "content": {"configuration": null}}`, message.Command{Header: header, HasConfiguration: true}, "content.configuration", "is null, not an object"},
		{"no header", `{"content": {}}`, message.Command{}, "header", "is missing"},
		{"a header of a list", `{"header": [], "content": {}}`, message.Command{}, "header", "is a list, not an object"},
		{"no action", `{"header": {"service_id": "c", "service_name": "n", "service_transaction": "t"}, "content": {}}`, message.Command{Header: message.Header{ServiceID: "c", ServiceName: "n", Transaction: "t"}}, "header.action", "is missing"},
		{"no service_name", `{"header": {"action": "a", "service_id": "c", "service_transaction": "t"}, "content": {}}`, message.Command{Header: message.Header{Action: "a", ServiceID: "c", Transaction: "t"}}, "header.service_name", "is missing"},
		{"the other transaction", `{"header": {"action": "a", "service_id": "c", "service_name": "n", "transaction": "t"}, "content": {}}`, message.Command{Header: message.Header{Action: "a", ServiceID: "c", ServiceName: "n"}}, "header.service_transaction", "is missing"},
		{"no service_id", `{"header": {"action": "a", "service_name": "n", "service_transaction": "t"}, "content": {}}`, message.Command{Header: message.Header{Action: "a", ServiceName: "n", Transaction: "t"}}, "header.service_id", "is missing"},
		{"an empty service_id", `{"header": {"action": "a", "service_id": "", "service_name": "n", "service_transaction": "t"}, "content": {}}`, message.Command{Header: message.Header{Action: "a", ServiceName: "n", Transaction: "t"}}, "header.service_id", "is empty"},
		{"a service_id of a number", `{"header": {"action": "a", "service_id": 1, "service_name": "n", "service_transaction": "t"}, "content": {}}`, message.Command{Header: message.Header{Action: "a", ServiceName: "n", Transaction: "t"}}, "header.service_id", "is a number, not a string"},
		{"a request_id", `{"header": {"action": "a", "service_id": "c", "service_name": "n", "service_transaction": "t", "request_id": "r"}, "content": {}}`, message.Command{Header: message.Header{Action: "a", ServiceID: "c", ServiceName: "n", Transaction: "t", RequestID: "r"}}, "", ""},
		{"a request_id of null", `{"header": {"action": "a", "service_id": "c", "service_name": "n", "service_transaction": "t", "request_id": null}, "content": {}}`, message.Command{Header: message.Header{Action: "a", ServiceID: "c", ServiceName: "n", Transaction: "t"}}, "header.request_id", "is null, not a string"},
	} {
		t.Run(row.name, func(t *testing.T) {
			got, err := message.ParseCommand([]byte(row.payload))
			judge(t, row.want, got, err, message.TopicContext, row.key, row.reason)
		})
	}
}

// judge holds what was parsed, which has to be there also beside an error, and
// the error against what is wanted.
func judge(t *testing.T, want, got any, err error, topic, key, reason string) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if key == "" && reason == "" {
		if err != nil {
			t.Error(err)
		}
		return
	}
	var e *message.Error
	if !errors.As(err, &e) || e.Topic != topic || e.Key != key || !strings.Contains(e.Reason, reason) {
		t.Errorf("got %v; want %s message: %s: %s", err, topic, key, reason)
	}
}

func TestParseControl(t *testing.T) {
	header := message.Header{Action: "started", ServiceID: "ts001", ServiceName: "n", Transaction: "t"}
	head := `"header": {"action": "started", "service_id": "ts001", "service_name": "n", "service_transaction": "t"}`
	for _, row := range []struct {
		name, payload string
		want          message.Control
		key, reason   string
	}{
		{"as it should be", `{` + head + `, "content": {"status": {"result": "success"}}}`, message.Control{Header: header, Status: map[string]any{"result": "success"}}, "", ""},
		{"no status", `{` + head + `, "content": {}}`, message.Control{Header: header}, "content.status", "is missing"},
		{"no content", `{` + head + `}`, message.Control{Header: header}, "content", "is missing"},
		{"no JSON", `started`, message.Control{}, "", "is not JSON"},
	} {
		t.Run(row.name, func(t *testing.T) {
			got, err := message.ParseControl([]byte(row.payload))
			judge(t, row.want, got, err, message.TopicControl, row.key, row.reason)
		})
	}
}

func TestParseProcessTakesEitherTransactionKey(t *testing.T) {
	want := message.Header{Action: "stop", ServiceID: "ts001", ServiceName: "n", Transaction: "t"}
	for _, key := range []string{"transaction", "service_transaction"} {
		got, err := message.ParseProcess([]byte(`{"Task": {"message": {"header": {"action": "stop", "service_id": "ts001", "service_name": "n", "` + key + `": "t"}}}}`))
		if err != nil || got.Header != want {
			t.Errorf("%s: %+v, %v", key, got.Header, err)
		}
	}
	for payload, key := range map[string]string{
		`{}`:                         "Task",
		`{"Task": {}}`:               "Task.message",
		`{"Task": {"message": {}}}`:  "Task.message.header",
		`{"Task": {"message": "x"}}`: "Task.message",
		`{"Task": {"message": {"header": {"action": "stop", "service_id": "ts001", "service_name": "n"}}}}`: "Task.message.header.transaction",
	} {
		_, err := message.ParseProcess([]byte(payload))
		var e *message.Error
		if !errors.As(err, &e) || e.Key != key || e.Topic != message.TopicProcess {
			t.Errorf("%s: %v, want %s", payload, err, key)
		}
	}
}

func TestProcessFrameLeavesItsObjectAlone(t *testing.T) {
	object := map[string]any{
		"id":   "ts001",
		"Task": map[string]any{"message": map[string]any{"header": map[string]any{"action": "start", "service_name": "n", "mine": "kept"}}},
	}
	before, err := message.Encode(object)
	if err != nil {
		t.Fatal(err)
	}
	p := message.Process{Header: message.Header{Action: "stop", ServiceID: "ts001", ServiceName: "n", Transaction: "t", RequestID: "r"}, Object: object}
	frame, err := p.Frame()
	if err != nil {
		t.Fatal(err)
	}
	_, payload, err := message.Split(frame)
	if err != nil {
		t.Fatal(err)
	}
	back, err := message.ParseProcess(payload)
	if err != nil || back.Header != p.Header {
		t.Errorf("came back as %+v, %v", back.Header, err)
	}
	if !strings.Contains(string(frame), `"mine": "kept"`) {
		t.Error("a key of the user's is gone")
	}
	after, err := message.Encode(object)
	if err != nil || string(after) != string(before) {
		t.Errorf("the object became %s", after)
	}
	if _, err := (message.Process{Header: p.Header}).Frame(); err != nil {
		t.Errorf("without an object: %v", err)
	}
}

func TestStateContentIsAnObjectOrAList(t *testing.T) {
	header := message.Header{Action: "reply_top", ServiceName: "state", Transaction: "t"}
	head := `{"header": {"action": "reply_top", "service_id": "", "service_name": "state", "service_transaction": "t"}, "content": `
	for content, want := range map[string]message.State{
		`{}`:         {Header: header, Content: map[string]any{}},
		`{"a": "b"}`: {Header: header, Content: map[string]any{"a": "b"}},
		`[]`:         {Header: header, List: []any{}},
		`[{}]`:       {Header: header, List: []any{map[string]any{}}},
	} {
		got, err := message.ParseState([]byte(head + content + "}"))
		judge(t, want, got, err, message.TopicState, "", "")
		frame, err := got.Frame()
		if err != nil {
			t.Fatal(err)
		}
		if back, err := again(frame); err != nil || string(back) != string(frame) {
			t.Errorf("%s: came back as %s, %v", frame, back, err)
		}
	}
	_, err := message.ParseState([]byte(head + `null}`))
	judge(t, nil, nil, err, message.TopicState, "content", "is null, not an object")
}

func TestEmptyMessagesAreWhole(t *testing.T) {
	for _, m := range []interface{ Frame() ([]byte, error) }{message.Control{}, message.State{}, message.Process{}} {
		frame, err := m.Frame()
		if err != nil {
			t.Fatal(err)
		}
		if back, err := again(frame); err != nil || string(back) != string(frame) {
			t.Errorf("%s: came back as %s, %v", frame, back, err)
		}
	}
}
