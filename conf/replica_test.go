package conf

import (
	"strings"
	"testing"
)

func TestIDsOfReplicas(t *testing.T) {
	for id, want := range map[string]struct {
		base   string
		number int
	}{
		"ts001.2": {"ts001", 2}, "a.b.17": {"a.b", 17}, "ts001": {}, "ts001.1": {}, "ts001.0": {}, "ts001.02": {}, "ts001.x": {}, ".2": {},
		"ts001.": {}, "ts001.+2": {}, "ts001.-2": {}, "ts001.99999999999999999999": {},
	} {
		base, n, ok := SplitReplica(id)
		if base != want.base || n != want.number || ok != (want.base != "") {
			t.Errorf("%q: %q %d %v", id, base, n, ok)
		}
		if ok && ReplicaID(base, n) != id {
			t.Errorf("%q comes back as %q", id, ReplicaID(base, n))
		}
	}
	if ReplicaID("ts001", 1) != "ts001" {
		t.Error("the first replica is the task service itself")
	}
}

func TestAReplicaIsItsTaskServiceByAnotherName(t *testing.T) {
	task := &Task{ID: "ts001", Instance: "X", Raw: map[string]any{"id": "ts001", "Task": map[string]any{}}}
	r := task.AsReplica(3)
	if r.ID != "ts001.3" || r.Replica != 3 || r.Raw["id"] != "ts001.3" || r.Instance != "X" {
		t.Errorf("%+v", r)
	}
	if task.ID != "ts001" || task.Raw["id"] != "ts001" {
		t.Errorf("the task service has changed: %+v", task)
	}
	c := &Context{Tasks: []*Task{task}}
	if got := c.Find("ts001.2"); got == nil || got.Replica != 2 {
		t.Errorf("found %+v", got)
	}
	if c.Find("ts001") != task || c.Find("ts002") != nil || c.Find("ts002.2") != nil || c.Find("ts001.1001") != nil {
		t.Error("Find")
	}
}

func TestWhatReplicasCannotBe(t *testing.T) {
	process := func(s string) string { return "<Process><command>/bin/true</command>" + s + "</Process>" }
	for name, tt := range map[string]struct{ first, second, id, want string }{
		"a schedule, too":   {`<schedule every="5m"/><replicas count="2"/>`, "", "ts002", ""},
		"an id of another":  {`<replicas count="3"/>`, "", "ts001.3", "the id is that of replica 3 of ts001"},
		"an id beyond them": {`<replicas count="2"/>`, "", "ts001.3", ""},
		"one too many":      {`<replicas count="1001"/>`, "", "ts002", "1001"},
		"none":              {`<replicas count="0"/>`, "", "ts002", "0"},
	} {
		text := `<Context><FrontEndEndpoint>ipc:///tmp/a</FrontEndEndpoint><BackendEndpoint>ipc:///tmp/b</BackendEndpoint>
<FrontBind>ipc:///tmp/b</FrontBind><BackendBind>ipc:///tmp/a</BackendBind><ContextID>c</ContextID><TaskLogName>l</TaskLogName>`
		for id, p := range map[string]string{"ts001": tt.first, tt.id: tt.second} {
			text += `<TaskService id="` + id + `" topic="process" instance="I" serviceType="Process">` + process(p) +
				`<Task><message><header><service_name>n</service_name></header><content><configuration/></content></message><state type="on_start"/></Task></TaskService>`
		}
		c, err := Parse("x.xml", strings.NewReader(text+"</Context>"))
		if err == nil {
			errs, _ := c.Validate()
			err = errs.Err()
		}
		if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
			t.Errorf("%s: %v, want %q", name, err, tt.want)
		}
	}
}
