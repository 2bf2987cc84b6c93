package conf

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// decode reads JSON as the bus does.
func decode(t testing.TB, text string) map[string]any {
	t.Helper()
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	var m map[string]any
	if err := d.Decode(&m); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	return m
}

func TestARecordedMessageSaysWhatItsFileSays(t *testing.T) {
	file, err := Load("testdata/good/trio.xml")
	if err != nil {
		t.Fatal(err)
	}
	message, err := FromMessage(recorded(t, "testdata/trio.json"))
	if err != nil {
		t.Fatal(err)
	}
	message.File = file.File
	if d := cmp.Diff(file, message, asMeant); d != "" {
		t.Errorf("-file +message:\n%s", d)
	}
}

func TestASingleTaskServiceMayBeBare(t *testing.T) {
	c, err := FromMessage(recorded(t, "testdata/single.json"))
	if err != nil {
		t.Fatal(err)
	}
	if len(c.Tasks) != 1 || c.Tasks[0].ID != "ts001" || c.Tasks[0].Pos.String() != "configuration.TaskService" {
		t.Errorf("got %+v", c.Tasks)
	}
}

func TestAMessageMayCarryOnlyIDs(t *testing.T) {
	c, err := FromMessage(decode(t, `{"TaskService": [{"id": "ts001"}, {"id": 7}, {"id": "ts003", "Task": null}]}`))
	if err != nil {
		t.Fatal(err)
	}
	var ids []string
	for _, task := range c.Tasks {
		ids = append(ids, task.ID)
	}
	if d := cmp.Diff([]string{"ts001", "7", "ts003"}, ids); d != "" {
		t.Error(d)
	}
}

func TestAMessageMayBeEmpty(t *testing.T) {
	for _, text := range []string{`null`, `{}`, `{"TaskService": []}`, `{"TaskService": null}`} {
		c, err := FromMessage(decode(t, text))
		if err != nil || len(c.Tasks) != 0 {
			t.Errorf("%s: %v, %v", text, c, err)
		}
	}
}

func TestReasonsNameTheJSONPath(t *testing.T) {
	for _, row := range []struct{ message, want string }{
		{`{"TaskService": [{"id": "a"}, {}]}`, `configuration.TaskService[1].id: is missing`},
		{`{"TaskService": [{"id": "a"}, {"id": ""}]}`, `configuration.TaskService[1].id: id is empty`},
		{`{"TaskService": {"id": "../a"}}`, `configuration.TaskService.id: task ../a: id "../a" holds a path separator; a plain name is wanted`},
		{`{"TaskService": ["ts001"]}`, `configuration.TaskService[0]: is text; wanted is an object`},
		{`{"TaskService": "ts001"}`, `configuration.TaskService: is text; wanted is an object`},
		{`{"TaskService": [[{"id": "a"}]]}`, `configuration.TaskService[0]: is a list; wanted is an object`},
		{`{"TaskService": [{"id": "a"}, {"id": "a"}]}`, `configuration.TaskService[1]: task a: the id is used twice; first at configuration.TaskService[0]`},
		{`{"TaskService": {"id": "a", "serviceType": "Fred"}}`, `configuration.TaskService.serviceType: task a: serviceType "Fred" is none of Process, Thread`},
		{`{"TaskService": {"id": "a", "instance": "a/b"}}`, `configuration.TaskService.instance: task a: instance "a/b" holds a path separator; a plain name is wanted`},
		{`{"TaskService": {"id": "a", "Task": {"state": {"on_exit": {"action": "start"}}}}}`, `configuration.TaskService.Task.state.on_exit.action: task a: on_exit has the action "start" but calls nothing; it needs both, or none`},
		{`{"TaskService": {"id": "a", "Task": {"message": {"content": {"configuration": [1]}}}}}`, `configuration.TaskService.Task.message.content.configuration[0]: task a: is a number; wanted is an object`},
		{`{"TaskService": {"id": "a", "Task": {"message": {"content": {"configuration": {"location": {}}}}}}}`, `configuration.TaskService.Task.message.content.configuration.location: task a: location is an object; wanted is text`},
		{`{"FrontBind": {"a": 1}}`, `configuration.FrontBind: is an object; wanted is text`},
		{`{"FrontBind": "tcp://x"}`, `configuration.FrontBind: FrontBind "tcp://x" is no endpoint; write tcp://host:port, an IPv6 address in brackets`},
		{`{"transitions": {"intensty": 3}}`, `configuration.transitions.intensty: unknown element "intensty" in <transitions>; known are nothing`},
	} {
		_, err := FromMessage(decode(t, row.message))
		if err == nil || !strings.HasPrefix(err.Error(), strings.TrimSuffix(row.want, "; known are nothing")) {
			t.Errorf("%s:\n got %v\nwant %s", row.message, err, row.want)
		}
	}
}

func TestAllMistakesOfAMessageAtOnce(t *testing.T) {
	_, err := FromMessage(decode(t, `{"FrontBind": "x", "TaskService": [{"id": ""}, {"id": "b", "instance": ".."}]}`))
	if l := list(t, err); len(l) != 3 {
		t.Errorf("got %d: %v", len(l), err)
	}
}

// The original's conversion moves the attributes of a leaf into its parent's
// object. Where only one element can have had them they are understood.
func TestAttributesFindHome(t *testing.T) {
	file := load(t, contextOf(taskOf("ts001", "Echo", "", `<Process announce="self"><command>a b</command><stop signal="INT" timeout="3s"/></Process>`)+
		`<transitions intensity="7" window="3s"/>`))
	byTheLetter := decode(t, `{"intensity": "7", "window": "3s", "transitions": "", "TaskService": {"id": "ts001",
		"Process": {"announce": "self", "command": "a b", "stop": "", "signal": "INT", "timeout": "3s"}}}`)
	c, err := FromMessage(byTheLetter)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(file.Transitions, c.Transitions, asMeant); d != "" {
		t.Errorf("transitions: -file +message:\n%s", d)
	}
	if d := cmp.Diff(file.Tasks[0].Process, c.Tasks[0].Process, asMeant); d != "" {
		t.Errorf("process: -file +message:\n%s", d)
	}
}

func TestValuesOfAConfigurationKeepTheirTypes(t *testing.T) {
	c, err := FromMessage(decode(t, `{"TaskService": {"id": "a", "Task": {"message": {"content": {"configuration":
		{"n": 12345678901234567890, "f": 1.50, "b": true, "z": null, "l": [1, {"x": []}], "hosts": "h"}}}}}}`))
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]any{
		"n": json.Number("12345678901234567890"), "f": json.Number("1.50"), "b": true, "z": nil,
		"l": []any{json.Number("1"), map[string]any{"x": []any{}}}, "hosts": []any{"h"},
	}
	if d := cmp.Diff(want, c.Tasks[0].Configuration); d != "" {
		t.Errorf("-want +got:\n%s", d)
	}
	if d := cmp.Diff(want, rawConfiguration(c.Tasks[0].Raw)); d != "" {
		t.Errorf("raw: -want +got:\n%s", d)
	}
}

func TestWhatIsReturnedSharesNothingWithTheMessage(t *testing.T) {
	message := recorded(t, "testdata/trio.json")
	before, err := json.Marshal(message)
	if err != nil {
		t.Fatal(err)
	}
	c, err := FromMessage(message)
	if err != nil {
		t.Fatal(err)
	}
	for _, task := range c.Tasks {
		task.Raw["id"] = "changed"
		rawConfiguration(task.Raw)["location"] = "changed"
		task.Configuration["device_action"] = "changed"
	}
	c.Raw["TaskService"].([]any)[0].(map[string]any)["id"] = "changed"
	after, err := json.Marshal(message)
	if err != nil {
		t.Fatal(err)
	}
	if string(before) != string(after) {
		t.Error("the message was changed")
	}
}

func TestTransitionsOfAMessageAreInTheUsualOrder(t *testing.T) {
	c, err := FromMessage(decode(t, `{"TaskService": {"id": "a", "Task": {"state": {
		"on_exit": {"action": "start", "call": "b,c"}, "on_fail": {"action": "restart", "call": "a"}, "on_start": {"action": "stop", "call": "d"}}}}}`))
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"on_start stop d", "on_fail restart a", "on_exit start b", "on_exit start c"}
	var got []string
	for _, tr := range c.Tasks[0].Transitions {
		got = append(got, tr.Trigger+" "+tr.Action+" "+tr.Call)
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("-want +got:\n%s", d)
	}
}
