package conf

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// yard is a folder of services, and one beside it that no file names.
type yard struct{ services, elsewhere string }

func newYard(t *testing.T) yard {
	t.Helper()
	root, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	y := yard{filepath.Join(root, "services"), filepath.Join(root, "elsewhere")}
	for _, folder := range []string{
		filepath.Join(y.services, "Echo"), filepath.Join(y.services, "other"),
		filepath.Join(y.elsewhere, "Evil"),
	} {
		if err := os.MkdirAll(folder, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(folder, "main.py"), nil, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return y
}

// own is the provider's file: ts001 lies in a folder, ts002 is a command.
func (y yard) own(t *testing.T) *Context {
	t.Helper()
	return load(t, contextOf(
		taskOf("ts001", "Echo", "<device_action>shout</device_action><location>"+y.services+"</location><volume>1</volume>"),
		taskOf("ts002", "Sleeper", "<device_action>sleep</device_action>",
			`<Process><command>sleep 60</command><env name="A" value="1"/><env name="B" value="2"/><stop signal="INT" timeout="2s"/></Process><limit rss="1GB" action="stop"/>`),
	))
}

// ask admits the only task of a message.
func ask(t *testing.T, own *Context, message string, a Allowance) (*Task, error) {
	t.Helper()
	c, err := FromMessage(decode(t, `{"TaskService": `+message+`}`))
	if err != nil {
		t.Fatal(err)
	}
	return Admit(own, c.Tasks[0], a)
}

// refused wants a refusal that says all of the words.
func refused(t *testing.T, err error, words ...string) {
	t.Helper()
	var r *RefusedError
	if !errors.As(err, &r) {
		t.Errorf("got %v, want a refusal", err)
		return
	}
	if r.Rule == "" || r.Remedy == "" {
		t.Errorf("no rule or no remedy: %+v", r)
	}
	for _, w := range words {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("%v\ndoes not say %q", err, w)
		}
	}
}

func TestAWholeMessageOfTheFileIsTheFile(t *testing.T) {
	own := newYard(t).own(t)
	c, err := FromMessage(own.Raw)
	if err != nil {
		t.Fatal(err)
	}
	for i, asked := range c.Tasks {
		got, err := Admit(own, asked, Allowance{})
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(own.Tasks[i], got, asMeant); d != "" {
			t.Errorf("-file +admitted:\n%s", d)
		}
	}
}

func TestABareIDIsTheFilesTask(t *testing.T) {
	own := newYard(t).own(t)
	for _, task := range own.Tasks {
		got, err := ask(t, own, `{"id": "`+task.ID+`"}`, Allowance{})
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(task, got, asMeant); d != "" {
			t.Errorf("-file +admitted:\n%s", d)
		}
	}
	_, err := ask(t, own, `{"id": "ts009"}`, Allowance{})
	refused(t, err, "ts009", "is not defined in own.xml", "add a TaskService")
}

func TestAMessageMayChangeValuesOfItsConfiguration(t *testing.T) {
	y := newYard(t)
	own := y.own(t)
	got, err := ask(t, own, `{"id": "ts001", "Task": {"description": "ignored", "message": {
		"header": {"action": "start", "service_id": "ts001", "transaction": "T"},
		"content": {"configuration": {"volume": 11, "device_action": "whisper", "location": "/", "new": ["x"]}}}}}`, Allowance{})
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]any{"volume": got.Configuration["volume"], "device_action": "whisper", "location": y.services, "new": []any{"x"}}
	if d := cmp.Diff(want, got.Configuration); d != "" {
		t.Errorf("-want +got:\n%s", d)
	}
	if d := cmp.Diff(want, rawConfiguration(got.Raw)); d != "" {
		t.Errorf("on topic process: -want +got:\n%s", d)
	}
	if got.Location != y.services || got.DeviceAction != "whisper" || got.Description != "a test" {
		t.Errorf("got %+v", got)
	}
	if own.Tasks[0].Configuration["volume"] != "1" || rawConfiguration(own.Tasks[0].Raw)["volume"] != "1" {
		t.Error("the provider's own file was changed")
	}
}

func TestADifferentTaskIsJudgedByItsPlace(t *testing.T) {
	y := newYard(t)
	own := y.own(t)
	got, err := ask(t, own, `{"id": "ts001", "instance": "Other", "Task": {"message": {"header": {"service_name": "other"}}, "state": {"type": "on_update"}}}`, Allowance{})
	if err != nil {
		t.Fatal(err)
	}
	if got.Instance != "Other" || got.ServiceName != "other" || got.RunsAtStart() || got.Location != y.services || got.ServiceType != "Process" {
		t.Errorf("got %+v", got)
	}
	if d := cmp.Diff(DefaultProcess(), got.Process, asMeant); d != "" {
		t.Errorf("process: -default +got:\n%s", d)
	}
	_, err = ask(t, own, `{"id": "ts001", "instance": "Other", "Task": {"message": {"content": {"configuration": {"location": "`+y.elsewhere+`"}}}}}`, Allowance{})
	refused(t, err, `its instance is "Other"`, y.elsewhere, "--services_path", "own.xml")
}

func TestEachDifferenceIsNamed(t *testing.T) {
	own := newYard(t).own(t)
	for message, word := range map[string]string{
		`{"id": "ts002", "instance": "Sheep"}`:                                                      "instance",
		`{"id": "ts002", "serviceType": "Thread"}`:                                                  "serviceType",
		`{"id": "ts002", "topic": "control"}`:                                                       "topic",
		`{"id": "ts002", "Task": {"message": {"header": {"service_name": "x"}}}}`:                   "service_name",
		`{"id": "ts002", "Task": {"state": {"type": "on_update"}}}`:                                 "state type",
		`{"id": "ts002", "Task": {"state": {"on_exit": {"action": "start", "call": "ts001"}}}}`:     "transitions",
		`{"id": "ts002", "Task": {"state": {"on_fail": {"action": "", "call": ""}}}}`:               "transitions",
		`{"id": "ts002", "instance": "Sheep", "Process": {"command": "sleep 60"}}`:                  "<Process>",
		`{"id": "ts002", "Process": {"command": "sleep 61", "env": [{"name": "A", "value": "1"}]}}`: "<Process>",
		`{"id": "ts001", "Process": {"command": "id"}}`:                                             "<Process>",
		`{"id": "ts001", "Process": {"user": "root"}}`:                                              "<Process>",
		`{"id": "ts001", "limit": {"rss": "1GB", "action": "stop"}}`:                                "<limit>",
		`{"id": "ts001", "Process": {"env": {"name": "LD_PRELOAD", "value": "/tmp/x.so"}}}`:         "<Process>",
		`{"id": "ts009", "instance": "Echo", "Process": {"command": "id"}}`:                         "--allow_commands",
		`{"id": "ts009", "instance": "Echo", "Process": ""}`:                                        "<Process>",
		`{"id": "ts001", "Process": {"comand": "id"}}`:                                              "--allow_commands",
		`{"id": "ts001", "Process": ["a"]}`:                                                         "<Process>",
	} {
		_, err := ask(t, own, message, Allowance{})
		refused(t, err, word)
	}
}

func TestTheFilesOwnProcessMayTravelAlong(t *testing.T) {
	own := newYard(t).own(t)
	for name, process := range map[string]string{
		"our form": `{"command": "sleep 60", "env": [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}], "stop": {"signal": "SIGINT", "timeout": "2s"}}`,
		// What the original's conf_command makes of the file: the attributes of
		// the leaves are in the object of <Process>, and one env is lost.
		"the original's": `{"command": "sleep 60", "env": ["", ""], "name": "A", "value": "1", "stop": "", "signal": "INT", "timeout": "2s"}`,
	} {
		limit := `{"rss": "1GB", "action": "stop"}`
		if name == "the original's" {
			limit = `"", "rss": "1GB", "action": "stop"`
		}
		got, err := ask(t, own, `{"id": "ts002", "Process": `+process+`, "limit": `+limit+`}`, Allowance{})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if d := cmp.Diff(own.Tasks[1], got, asMeant); d != "" {
			t.Errorf("%s: -file +admitted:\n%s", name, d)
		}
	}
}

func TestAnUnknownTaskNeedsAnAllowedPlace(t *testing.T) {
	y := newYard(t)
	own := y.own(t)
	message := func(instance, location string) string {
		return `{"id": "ts009", "topic": "process", "instance": "` + instance + `", "serviceType": "Process", "Task": {"message": {
			"header": {"service_name": "x"}, "content": {"configuration": {"location": "` + location + `"}}}, "state": {"type": "on_start"}}}`
	}
	for _, row := range []struct {
		name, instance, location string
		allow                    Allowance
		ok                       bool
	}{
		{"below a location of the file", "Echo", y.services, Allowance{}, true},
		{"in lower case", "Other", y.services, Allowance{}, true},
		{"not there at all", "Nope", y.services, Allowance{}, true}, // the start fails, and says where it looked
		{"elsewhere", "Evil", y.elsewhere, Allowance{}, false},
		{"elsewhere, allowed", "Evil", y.elsewhere, Allowance{ServicesPaths: []string{y.elsewhere}}, true},
		{"the flag replaces the default", "Echo", y.services, Allowance{ServicesPaths: []string{y.elsewhere}}, false},
		{"up and over", "Evil", y.services + "/../elsewhere", Allowance{}, false},
		{"up and back", "Echo", y.services + "/../services", Allowance{}, true},
		{"the parent", "services", filepath.Dir(y.services), Allowance{}, false},
		{"a brother with the same beginning", "Echo", y.services + "2", Allowance{}, false},
		{"the root", "bin", "/", Allowance{}, false},
		{"no location", "Echo", "", Allowance{}, false},
		{"bundled", "Monitor", "", Allowance{Bundled: func(i string) bool { return i == "Monitor" }}, true},
		{"not bundled", "Monitor2", "", Allowance{Bundled: func(i string) bool { return i == "Monitor" }}, false},
	} {
		t.Run(row.name, func(t *testing.T) {
			got, err := ask(t, own, message(row.instance, row.location), row.allow)
			if row.ok != (err == nil) {
				t.Fatalf("got %v", err)
			}
			if err != nil {
				refused(t, err, "own.xml")
				return
			}
			if got.ID != "ts009" || len(got.Process.Command) != 0 || !got.RunsAtStart() {
				t.Errorf("got %+v", got)
			}
		})
	}
}

func TestLinksDoNotLeadOut(t *testing.T) {
	y := newYard(t)
	own := y.own(t)
	link := func(target, name string) {
		t.Helper()
		if err := os.Symlink(target, name); err != nil {
			t.Fatal(err)
		}
	}
	link(filepath.Join(y.elsewhere, "Evil"), filepath.Join(y.services, "Linked"))
	link(filepath.Join(y.elsewhere, "Evil"), filepath.Join(y.services, "lower"))
	link(filepath.Join(y.services, "Echo"), filepath.Join(y.services, "Inside"))
	link(filepath.Join(y.elsewhere, "nothing"), filepath.Join(y.services, "Dangling"))
	link("Loop", filepath.Join(y.services, "Loop"))
	if err := os.Mkdir(filepath.Join(y.services, "Hollow"), 0o755); err != nil {
		t.Fatal(err)
	}
	link("/bin/sh", filepath.Join(y.services, "Hollow", "Hollow"))
	if err := os.Mkdir(filepath.Join(y.services, "Script"), 0o755); err != nil {
		t.Fatal(err)
	}
	link(filepath.Join(y.elsewhere, "Evil", "main.py"), filepath.Join(y.services, "Script", "main.py"))
	link(y.services, filepath.Join(filepath.Dir(y.services), "door"))
	for instance, ok := range map[string]bool{
		"Linked": false, "Lower": false, "Inside": true, "Dangling": false, "Loop": false, "Hollow": false, "Script": false,
	} {
		_, err := ask(t, own, `{"id": "ts009", "instance": "`+instance+`", "Task": {"message": {"content": {"configuration": {"location": "`+y.services+`"}}}}}`, Allowance{})
		if ok != (err == nil) {
			t.Errorf("%s: %v", instance, err)
		}
	}
	// A linked location is as good as what it leads to.
	if _, err := ask(t, own, `{"id": "ts009", "instance": "Echo", "Task": {"message": {"content": {"configuration": {"location": "`+
		filepath.Dir(y.services)+`/door"}}}}}`, Allowance{}); err != nil {
		t.Error(err)
	}
}

// A relative location counts from the folder of the provider's file, also one
// in a message.
func TestRelativeLocations(t *testing.T) {
	y := newYard(t)
	own := load(t, contextOf(taskOf("ts001", "Echo", "<location>../services</location>")))
	own.File = filepath.Join(filepath.Dir(y.services), "conf", "own.xml")
	if err := os.Mkdir(filepath.Dir(own.File), 0o755); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]string{y.services}, own.ServicesPaths()); d != "" {
		t.Errorf("-want +got:\n%s", d)
	}
	message := `{"id": "ts009", "instance": "Echo", "Task": {"message": {"content": {"configuration": {"location": "../%s"}}}}}`
	got, err := ask(t, own, strings.Replace(message, "%s", "services", 1), Allowance{})
	if err != nil || got.Location != y.services {
		t.Errorf("%+v, %v", got, err)
	}
	_, err = ask(t, own, strings.Replace(message, "%s", "elsewhere", 1), Allowance{})
	refused(t, err, y.elsewhere)
	if got, err := ask(t, own, `{"id": "ts001"}`, Allowance{}); err != nil || got.Location != "../services" {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestAnInstanceIsAPlainName(t *testing.T) {
	own := newYard(t).own(t)
	for _, instance := range []string{"..", ".", "", "a/b", "/bin/sh", `a\b`, "a\x00b", strings.Repeat("x", 300)} {
		_, err := Admit(own, &Task{ID: "ts009", Instance: instance, Location: "/", ServiceName: "x"}, Allowance{ServicesPaths: []string{"/"}})
		refused(t, err, "instance")
	}
}

func TestCommandsOfMessagesCanBeAllowed(t *testing.T) {
	y := newYard(t)
	own := y.own(t)
	a := Allowance{AllowCommands: true}
	got, err := ask(t, own, `{"id": "ts009", "instance": "Free", "Process": {"command": "echo 'a b'", "env": {"name": "A", "value": "1"}}}`, a)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]string{"echo", "a b"}, got.Process.Command); d != "" {
		t.Error(d)
	}
	if len(got.Process.Env) != 1 || got.ServiceType != "Process" || got.Topic != "process" || got.Announce() != "provider" {
		t.Errorf("got %+v", got)
	}
	got, err = ask(t, own, `{"id": "ts002", "Process": {"command": "sleep 61"}}`, a)
	if err != nil {
		t.Fatal(err)
	}
	if got.Process.Command[1] != "61" || got.Process.Stop.Signal != "SIGTERM" || got.Instance != "Sleeper" || got.ServiceName != "test_ts002" {
		t.Errorf("got %+v", got)
	}
	if _, ok := got.Raw["Process"]; ok {
		t.Error("a Process travels on topic process")
	}
	_, err = ask(t, own, `{"id": "ts009", "instance": "Free", "Process": {"command": "echo 'a"}}`, a)
	refused(t, err, "never closed", "configuration.TaskService.Process.command")
	_, err = ask(t, own, `{"id": "ts009", "instance": "Evil", "Process": {"stop": {"timeout": "1s"}}, "Task": {"message": {"content": {"configuration": {"location": "`+y.elsewhere+`"}}}}}`, a)
	refused(t, err, "--services_path")
	_, err = ask(t, own, `{"id": "ts009", "Process": {"command": "id"}}`, a)
	refused(t, err, "instance")
}

func TestAdmitWithoutAFileOfItsOwn(t *testing.T) {
	_, err := Admit(nil, &Task{ID: "ts001"}, Allowance{})
	refused(t, err, "the provider's file")
	_, err = Admit(&Context{}, &Task{ID: "ts001", Instance: "X", Location: "/"}, Allowance{})
	refused(t, err, "services path")
}
