package conf

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

var aHead = NewContext{ContextID: "context001", ServerIP: "127.0.0.1", SubPort: "5556", PubPort: "5557", LogName: "EchoAction"}

func aTask(id, instance string) NewTask {
	return NewTask{
		ID: id, Instance: instance, Description: "An echo action", ServiceName: "echo_action", DeviceAction: "shout",
		Location: "/srv/services", States: [4]NewState{{Trigger: "on_fail", Action: "restart", Call: id}},
	}
}

func merge(t testing.TB, path string, tasks ...NewTask) MergeResult {
	t.Helper()
	r, err := Merge(path, aHead, tasks)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func readFile(t testing.TB, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestMergeCreatesAFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "Context-EchoAction.xml")
	task := aTask("ts_100", "EchoAction")
	task.Command = `sh -c 'echo "<&>"; sleep 60'`
	task.Process = "<Process announce=\"self\">\n<!-- why --><stop\n signal='INT'/></Process>"
	r := merge(t, path, task)
	if d := cmp.Diff(MergeResult{Created: true, Added: []string{"ts_100"}}, r); d != "" {
		t.Errorf("-want +got:\n%s", d)
	}
	golden(t, "testdata/merge/created.want", readFile(t, path))
	c, err := Load(path)
	if err != nil {
		t.Fatal(err)
	}
	if len(c.Warnings) > 0 || c.FrontEndEndpoint != "tcp://127.0.0.1:5556" || c.BackendBind != "tcp://*:5556" || c.BackendEndpoint != "tcp://127.0.0.1:5557" || c.FrontBind != "tcp://*:5557" {
		t.Errorf("got %+v", c)
	}
	if d := cmp.Diff([]string{"sh", "-c", `echo "<&>"; sleep 60`}, c.Tasks[0].Process.Command); d != "" {
		t.Error(d)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm()&0o600 != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
}

// Everything a person put into the file stays; what is there is not doubled.
func TestMergeKeepsWhatIsThere(t *testing.T) {
	path := filepath.Join(t.TempDir(), "Context-Mine.xml")
	if err := os.WriteFile(path, []byte(readFile(t, "testdata/merge/mine.xml")), 0o640); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, 0o604); err != nil {
		t.Fatal(err)
	}
	head := aHead
	head.SubPort, head.LogName = "7777", "Other"
	r, err := Merge(path, head, []NewTask{aTask("ts001", "New"), aTask("ts_100", "Stand"), aTask("ts_101", "Walk")})
	if err != nil {
		t.Fatal(err)
	}
	want := MergeResult{
		Added: []string{"ts_101"}, Kept: []string{"ts001", "ts_100"},
		Notes: []string{
			"FrontEndEndpoint stays tcp://127.0.0.1:5556, not tcp://127.0.0.1:7777",
			"BackendBind stays tcp://*:5556, not tcp://*:7777",
			"TaskLogName stays Mine, not Other",
		},
	}
	if d := cmp.Diff(want, r); d != "" {
		t.Errorf("-want +got:\n%s", d)
	}
	golden(t, "testdata/merge/mine.want", readFile(t, path))
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o604 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
}

func TestMergeAddsNothingButTheTask(t *testing.T) {
	before := readFile(t, "testdata/merge/mine.xml")
	after := readFile(t, "testdata/merge/mine.want")
	// Whatever is not the new task is as it was, byte by byte.
	at := strings.Index(after, "\n\n\t<TaskService id=\"ts_101\"")
	end := strings.Index(after, "<!-- the end")
	if at < 0 || end < 0 || !strings.HasPrefix(before, after[:at]) || !strings.HasSuffix(before, after[end:]) {
		t.Errorf("more was changed:\n%s", cmp.Diff(before, after))
	}
}

func TestMergeLeavesAFileAloneThatNeedsNothing(t *testing.T) {
	path := filepath.Join(t.TempDir(), "c.xml")
	merge(t, path, aTask("a", "A"))
	before, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	r := merge(t, path, aTask("a", "B"), aTask("b", "A"))
	after, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if !os.SameFile(before, after) || len(r.Added) != 0 || r.Created {
		t.Errorf("the file was replaced: %+v", r)
	}
}

func TestMergeKeepsLineEndsAndEncoding(t *testing.T) {
	for _, file := range []string{"utf8-without-dash", "latin1"} {
		path := filepath.Join(t.TempDir(), "c.xml")
		text := strings.ReplaceAll(readFile(t, "testdata/good/"+file+".xml"), "\n", "\r\n")
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		before, err := Load(path)
		if err != nil {
			t.Fatal(err)
		}
		merge(t, path, aTask("new", "New"))
		after, err := Load(path)
		if err != nil {
			t.Fatal(err)
		}
		if got := after.Tasks[0].Description; got != before.Tasks[0].Description || got == "" {
			t.Errorf("%s: description %q was %q", file, got, before.Tasks[0].Description)
		}
		out := readFile(t, path)
		if strings.Count(out, "\n") != strings.Count(out, "\r\n") || strings.Contains(out, "&#xD;") {
			t.Errorf("%s: mixed line ends", file)
		}
		if strings.Contains(out, "latin1") {
			t.Errorf("%s: written as UTF-8, declared as latin1", file)
		}
	}
}

func TestMergeFollowsALink(t *testing.T) {
	folder := t.TempDir()
	target, link := filepath.Join(folder, "real", "c.xml"), filepath.Join(folder, "c.xml")
	if err := os.Mkdir(filepath.Dir(target), 0o755); err != nil {
		t.Fatal(err)
	}
	merge(t, target, aTask("a", "A"))
	if err := os.Symlink(target, link); err != nil {
		t.Fatal(err)
	}
	merge(t, link, aTask("b", "B"))
	if info, err := os.Lstat(link); err != nil || info.Mode().Type() != os.ModeSymlink {
		t.Errorf("the link is gone: %v, %v", info.Mode(), err)
	}
	if c, err := Load(target); err != nil || len(c.Tasks) != 2 {
		t.Errorf("got %v, %v", c, err)
	}
}

func TestMergesAtTheSameTimeLoseNothing(t *testing.T) {
	path := filepath.Join(t.TempDir(), "c.xml")
	const n = 12
	var group sync.WaitGroup
	for i := range n {
		group.Go(func() { // ends with its one merge
			if _, err := Merge(path, aHead, []NewTask{aTask(fmt.Sprint("ts", i), fmt.Sprint("I", i))}); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	if c, err := Load(path); err != nil || len(c.Tasks) != n {
		t.Errorf("got %v, %v", c, err)
	}
	if left, err := os.ReadDir(filepath.Dir(path)); err != nil || len(left) != 1 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

func TestMergeNamesAllMistakesAndWritesNothing(t *testing.T) {
	path := filepath.Join(t.TempDir(), "c.xml")
	bad := aTask("a b", "../B")
	bad.DeviceAction = "a\x00b"
	bad.ServiceType, bad.Command, bad.ServiceName = "Thraed", "a 'b", ""
	bad.States = [4]NewState{{"on_exit", "start", ""}, {"on_fial", "", ""}, {"on_fail", "restart", "a"}, {"on_fail", "stop", "a"}}
	_, err := Merge(path, NewContext{ServerIP: "", SubPort: "0", PubPort: "http"}, []NewTask{bad})
	golden(t, "testdata/merge/mistakes.want", fmt.Sprintln(err))
	if _, err := os.Stat(path); !os.IsNotExist(err) {
		t.Errorf("something was written: %v", err)
	}
}

func TestMergeRefusesWhatIsNoContextFile(t *testing.T) {
	for _, file := range []string{"stray-closing-tags", "other-root", "document-type"} {
		path := filepath.Join(t.TempDir(), "c.xml")
		before := readFile(t, "testdata/faults/"+file+".xml")
		if err := os.WriteFile(path, []byte(before), 0o644); err != nil {
			t.Fatal(err)
		}
		if _, err := Merge(path, aHead, []NewTask{aTask("a", "A")}); err == nil {
			t.Errorf("%s: merged into", file)
		}
		if readFile(t, path) != before {
			t.Errorf("%s: changed", file)
		}
	}
	for _, process := range []string{"<process/>", "<Process>", "text"} {
		task := aTask("a", "A")
		task.Process = process
		if _, err := Merge(filepath.Join(t.TempDir(), "c.xml"), aHead, []NewTask{task}); err == nil {
			t.Errorf("took %s for a <Process>", process)
		}
	}
}

func TestMergeSaysWhatIsStillMissing(t *testing.T) {
	path := filepath.Join(t.TempDir(), "c.xml")
	task := aTask("ts_100", "Stand")
	task.States[1] = NewState{"on_exit", "start", "ts_101"}
	r := merge(t, path, task)
	if r.Problems == nil || !strings.Contains(r.Problems.Error(), `on_exit calls "ts_101", which is not defined here`) {
		t.Errorf("got %v", r.Problems)
	}
	if r := merge(t, path, aTask("ts_101", "Walk")); r.Problems != nil {
		t.Errorf("got %v", r.Problems)
	}
}

func TestMergeIntoOneLine(t *testing.T) {
	path := filepath.Join(t.TempDir(), "c.xml")
	text := strings.NewReplacer("\n", "", "  ", "").Replace(contextOf(taskOf("a", "A", "")))
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	merge(t, path, aTask("b", "B"))
	if c, err := Load(path); err != nil || len(c.Tasks) != 2 {
		t.Errorf("got %v, %v in\n%s", c, err, readFile(t, path))
	}
}

// What goes in comes out, whatever characters it is made of.
func TestMergeAndLoadAgree(t *testing.T) {
	folder := t.TempDir()
	words := rapid.StringMatching(`[a-zA-Z0-9<>&"'äß@|$*_-]( ?[a-zA-Z0-9<>&"'äß@|$*_-]){0,12}`)
	names := rapid.StringMatching(`[a-zA-Z0-9_.+ä-]{3,12}`)
	n := 0
	rapid.Check(t, func(t *rapid.T) {
		n++
		path := filepath.Join(folder, fmt.Sprint(n, ".xml"))
		task := NewTask{
			ID: names.Draw(t, "id"), Instance: names.Draw(t, "instance"), ServiceType: rapid.SampledFrom([]string{"Process", "Thread"}).Draw(t, "type"),
			Description: words.Draw(t, "description"), ServiceName: words.Draw(t, "service_name"), DeviceAction: words.Draw(t, "device_action"),
			Location: "/" + words.Draw(t, "location"), EntryAction: words.Draw(t, "entry_action"),
		}
		if _, err := splitArgv(task.Description); err == nil {
			task.Command = task.Description
		}
		task.States[2] = NewState{"on_update", "stop", task.ID}
		if _, err := Merge(path, aHead, []NewTask{task}); err != nil {
			t.Fatal(err)
		}
		c, err := Load(path)
		if err != nil {
			t.Fatal(err)
		}
		got := c.Tasks[0]
		back := NewTask{
			ID: got.ID, Instance: got.Instance, ServiceType: got.ServiceType, Description: got.Description, ServiceName: got.ServiceName,
			DeviceAction: got.DeviceAction, Location: got.Location, EntryAction: got.StateType, Command: task.Command, States: task.States,
		}
		if d := cmp.Diff(task, back); d != "" {
			t.Fatalf("-in +out:\n%s", d)
		}
		if argv, _ := splitArgv(task.Command); !cmp.Equal(argv, got.Process.Command) {
			t.Fatalf("%q: %q", task.Command, got.Process.Command)
		}
	})
}

func TestReplaceFileLeavesNothingWhenItFails(t *testing.T) {
	folder := t.TempDir()
	path := filepath.Join(folder, "taken")
	if err := os.MkdirAll(filepath.Join(path, "x"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := replaceFile(path, []byte("x")); err == nil {
		t.Error("a folder was replaced")
	}
	left, err := os.ReadDir(folder)
	if err != nil || len(left) != 1 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

func TestNewFileIsWellFormed(t *testing.T) {
	text, err := newFile(NewContext{ContextID: "<&>", ServerIP: "::1", SubPort: "1", PubPort: "2", LogName: `"'`})
	if err != nil {
		t.Fatal(err)
	}
	c, err := Parse("x", bytes.NewReader(text))
	if err != nil || c.ContextID != "<&>" || c.FrontEndEndpoint != "tcp://[::1]:1" {
		t.Errorf("%+v, %v", c, err)
	}
}
