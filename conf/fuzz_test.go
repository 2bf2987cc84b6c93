package conf

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// seed adds the files that the patterns find.
func seed(f *testing.F, patterns ...string) {
	f.Helper()
	for _, pattern := range patterns {
		files, err := filepath.Glob(pattern)
		if err != nil || len(files) == 0 {
			f.Fatal(pattern, err)
		}
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(text)
		}
	}
}

// placed wants mistakes that say where they are, within the text.
func placed(t *testing.T, err error, text []byte) {
	t.Helper()
	var l ErrorList
	if err == nil {
		return
	}
	if !errors.As(err, &l) || len(l) == 0 {
		t.Fatalf("%T: %v", err, err)
	}
	lines := bytes.Count(text, []byte("\n")) + 1
	for _, e := range l {
		if e.Pos.File != "x.xml" || e.Pos.Line < 1 || e.Pos.Line > lines || e.Pos.Column < 1 || e.Msg == "" {
			t.Errorf("%+v in a text of %d lines", e, lines)
		}
	}
}

// A file is refused with places, or means the same when it is sent as a message.
func FuzzParse(f *testing.F) {
	seed(f, "testdata/faults/*.xml", "testdata/good/*.xml", "testdata/merge/mine.xml")
	f.Fuzz(func(t *testing.T, text []byte) {
		c, err := check("x.xml", bytes.NewReader(text), DefaultBounds())
		placed(t, err, text)
		if err != nil {
			return
		}
		for _, w := range c.Warnings {
			if !w.Pos.IsValid() {
				t.Errorf("no position: %v", w)
			}
		}
		message, err := FromMessage(c.Raw)
		if err != nil {
			t.Fatalf("the file is good, its message is not: %v", err)
		}
		if len(message.Tasks) != len(c.Tasks) {
			t.Fatalf("%d tasks became %d", len(c.Tasks), len(message.Tasks))
		}
		for i, asked := range message.Tasks {
			task, err := Admit(c, asked, Allowance{})
			if err != nil {
				t.Fatalf("its own message is refused: %v", err)
			}
			if d := cmp.Diff(c.Tasks[i].Process, task.Process, asMeant); d != "" {
				t.Fatalf("-file +admitted:\n%s", d)
			}
		}
	})
}

// Whatever a message says, what it may start is the file's or lies below a
// services path.
func FuzzFromMessage(f *testing.F) {
	for _, file := range []string{"trio", "single", "unknown-instance"} {
		text, err := json.Marshal(recorded(f, "testdata/"+file+".json"))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	for _, file := range []string{"all-of-ours", "called-several", "trio", "monitor"} {
		c, err := Load("testdata/good/" + file + ".xml")
		if err != nil {
			f.Fatal(err)
		}
		text, err := json.Marshal(c.Raw)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	f.Add([]byte(`{"TaskService": [{"id": "ts001", "instance": "../x", "Process": {"command": "id"}, "limit": [{"rss": 1}]}]}`))
	f.Add([]byte(`{"TaskService": {"id": "ts002", "Process": "", "announce": "self", "Task": {"state": "", "type": "on_start"}}}`))
	own := load(f, contextOf(
		taskOf("ts001", "Echo", "<location>/opt/zmicroservices/Services</location>"),
		taskOf("ts002", "Sleeper", "", `<Process><command>sleep 60</command><stop timeout="2s"/></Process>`),
	))
	f.Fuzz(func(t *testing.T, text []byte) {
		d := json.NewDecoder(bytes.NewReader(text))
		d.UseNumber()
		var configuration map[string]any
		if d.Decode(&configuration) != nil {
			return
		}
		c, err := FromMessage(configuration)
		var l ErrorList
		if err != nil && !errors.As(err, &l) {
			t.Fatalf("%T: %v", err, err)
		}
		for _, e := range l {
			if !strings.HasPrefix(e.Pos.String(), "configuration") {
				t.Errorf("no path: %v", e)
			}
		}
		for _, asked := range c.Tasks {
			admitted(t, own, asked)
		}
	})
}

func admitted(t *testing.T, own *Context, asked *Task) {
	t.Helper()
	task, err := Admit(own, asked, Allowance{})
	if err != nil {
		refused(t, err)
		return
	}
	if file := own.Task(task.ID); file != nil && len(file.Process.Command) > 0 {
		if d := cmp.Diff(file.Process, task.Process, asMeant); d != "" {
			t.Errorf("another Process is started:\n%s", d)
		}
		return
	}
	if d := cmp.Diff(DefaultProcess(), task.Process, asMeant); d != "" {
		t.Errorf("a message brought a Process:\n%s", d)
	}
	if !below(filepath.Join(task.Location, task.Instance), own.ServicesPaths()) {
		t.Errorf("started from %s, %s", task.Location, task.Instance)
	}
}

func FuzzMeta(f *testing.F) {
	seed(f, "testdata/faults/meta-*.xml", "testdata/good/services*.xml")
	f.Fuzz(func(t *testing.T, text []byte) {
		m, err := ParseMeta("x.xml", bytes.NewReader(text))
		placed(t, err, text)
		if err != nil {
			return
		}
		if len(m.Services) == 0 {
			t.Fatal("good, but no service")
		}
		var tasks []NewTask
		for _, s := range m.Services {
			tasks = append(tasks, s.NewTask("/srv/services"))
		}
		if _, err := checkNew(m.NewContext(), tasks); err != nil {
			t.Errorf("the file is good, what it asks for is not: %v", err)
		}
	})
}
