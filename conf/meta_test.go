package conf

import (
	"errors"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestMetaFieldsAndDefaults(t *testing.T) {
	m, err := LoadMeta("testdata/good/services.xml")
	if err != nil {
		t.Fatal(err)
	}
	none := [4]MetaState{{Trigger: "on_start"}, {Trigger: "on_update"}, {Trigger: "on_fail"}, {Trigger: "on_exit"}}
	want := &Meta{
		File: "testdata/good/services.xml", ContextName: "StateMachine", ServerIP: "127.0.0.1", SubPort: "5556", PubPort: "5557",
		ServicePath: "/srv", ContextID: "context001", LogOn: true,
		Services: []*MetaService{
			{
				TaskType: "Looped", TaskService: "Stand", TaskDesc: "Stand up", ServiceName: "state_update", TaskID: "ts_100",
				EntryAction: "on_start", TaskTopic: "process", ServiceType: "Process", TaskLang: "go", States: none,
			},
			{
				TaskType: "Single", TaskService: "Walk", TaskDesc: "Stand up", ServiceName: "state_update", TaskID: "ts_101",
				DeviceAction: "pass", EntryAction: "on_update", TaskFile: "Walker", TaskClass: "Walking", TaskTopic: "process",
				ServiceType: "Thread", TaskLang: "python", States: none,
			},
			{
				TaskType: "Looped", TaskService: "Run", TaskDesc: "Stand up", ServiceName: "state_update", TaskID: "ts_102",
				EntryAction: "on_start", TaskTopic: "process", ServiceType: "Process", TaskLang: "command", Command: "sleep 10",
				Process: "<Process announce=\"self\">\n      <command>sleep 10</command>\n      <stop signal=\"INT\"/>\n    </Process>", States: none,
			},
		},
	}
	if d := cmp.Diff(want, m, asMeant); d != "" {
		t.Errorf("-want +got:\n%s", d)
	}
}

func TestTheOriginalsSampleServices(t *testing.T) {
	m, err := LoadMeta("testdata/good/services-original.xml")
	if err != nil {
		t.Fatal(err)
	}
	if len(m.Services) != 3 || m.Services[0].TaskType != "Single" || m.Services[1].EntryAction != "on_update" || m.HomePath != "/opt/zmicroservices" {
		t.Errorf("got %+v", m)
	}
	want := [4]MetaState{{Trigger: "on_start"}, {Trigger: "on_update"}, {Trigger: "on_fail"}, {Trigger: "on_exit", Action: "start", StateID: "ts002"}}
	if d := cmp.Diff(want, m.Services[0].States, asMeant); d != "" {
		t.Errorf("-want +got:\n%s", d)
	}
}

// The README of the original has a stray </Service> behind three of its four
// services.
func TestTheReadmesExampleWorksOnceMended(t *testing.T) {
	broken := readFile(t, "testdata/faults/meta-stray-closing-tags.xml")
	if _, err := ParseMeta("x.xml", strings.NewReader(broken)); err == nil || !strings.HasPrefix(err.Error(), "x.xml:17:3: </Service> closes nothing") {
		t.Errorf("got %v", err)
	}
	mended := strings.ReplaceAll(broken, "  </Service>\n  </Service>\n", "  </Service>\n")
	m, err := ParseMeta("x.xml", strings.NewReader(mended))
	if err != nil || len(m.Services) != 2 || m.ContextID != "context001" {
		t.Errorf("%+v, %v", m, err)
	}
}

func TestServicesBecomeAContextFile(t *testing.T) {
	m, err := LoadMeta("testdata/good/services.xml")
	if err != nil {
		t.Fatal(err)
	}
	var tasks []NewTask
	for _, s := range m.Services {
		tasks = append(tasks, s.NewTask("/srv/services"))
	}
	path := filepath.Join(t.TempDir(), "Context-StateMachine.xml")
	r, err := Merge(path, m.NewContext(), tasks)
	if err != nil || r.Problems != nil {
		t.Fatal(err, r.Problems)
	}
	c, err := Load(path)
	if err != nil {
		t.Fatal(err)
	}
	run := c.Task("ts_102")
	if c.TaskLogName != "StateMachine" || len(c.Tasks) != 3 || c.Task("ts_101").RunsAtStart() || run.Announce() != "self" || run.Process.Stop.Signal != "SIGINT" || run.Location != "/srv/services" {
		t.Errorf("got %s", readFile(t, path))
	}
}

func TestLoadMetaOfAMissingFile(t *testing.T) {
	if _, err := LoadMeta(filepath.Join(t.TempDir(), "none")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v", err)
	}
}
