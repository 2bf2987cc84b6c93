package conf

import (
	"encoding/json"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// recorded is content.configuration of a context command that the original's
// conf_command sent.
func recorded(t testing.TB, file string) map[string]any {
	t.Helper()
	src, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var message struct {
		Content struct{ Configuration map[string]any }
	}
	d := json.NewDecoder(strings.NewReader(string(src)))
	d.UseNumber()
	if err := d.Decode(&message); err != nil {
		t.Fatal(err)
	}
	return message.Content.Configuration
}

func TestRawIsWhatTheOriginalSent(t *testing.T) {
	c, err := Load("testdata/good/trio.xml")
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(recorded(t, "testdata/trio.json"), c.Raw); d != "" {
		t.Errorf("-recorded +ours:\n%s", d)
	}
}

func TestTaskRawIsTheTaskOfTheRecordedCommand(t *testing.T) {
	c, err := Load("testdata/good/trio.xml")
	if err != nil {
		t.Fatal(err)
	}
	sent := recorded(t, "testdata/trio.json")["TaskService"].([]any)
	for i, task := range c.Tasks {
		if d := cmp.Diff(sent[i], any(task.Raw)); d != "" {
			t.Errorf("task %s: -recorded +ours:\n%s", task.ID, d)
		}
	}
}

// The rows are what Python's ElementTree and the original's LateXML2Dict make
// of the same text.
func TestDictionaryByTheLetter(t *testing.T) {
	for _, row := range []struct{ name, xml, json string }{
		{"leaf", `<r> a b </r>`, `"a b"`},
		{"empty", `<r/>`, `""`},
		{"children", `<r>x<a>1</a>y<b> 2 </b></r>`, `{"a":"1","b":"2"}`},
		{"repeated", `<r><a>1</a><a>2</a><a/></r>`, `{"a":["1","2",""]}`},
		{"single stays", `<r><a><b>1</b></a></r>`, `{"a":{"b":"1"}}`},
		{"attributes of an object", `<r x="1"><a>2</a></r>`, `{"x":"1","a":"2"}`},
		{"an attribute beats a child", `<r a="1"><a>2</a></r>`, `{"a":"1"}`},
		{"attributes of a leaf go up", `<r><a x="1">2</a></r>`, `{"a":"2","x":"1"}`},
		{"and beat an earlier sibling", `<r><x>0</x><a x="1">2</a></r>`, `{"a":"2","x":"1"}`},
		{"but make a list with a later one", `<r><a x="1">2</a><x>0</x></r>`, `{"a":"2","x":["1","0"]}`},
		{"only the first one's of repeated leaves", `<r><a x="1"/><a x="2"/></r>`, `{"a":["",""],"x":"1"}`},
		{"an attribute called as its leaf", `<r><a a="1">2</a></r>`, `{"a":"1"}`},
		{"comments are nothing", `<r><!-- c --><a>1<!-- c -->2</a></r>`, `{"a":"12"}`},
		{"character data", `<r><a><![CDATA[ <b> & ]]></a></r>`, `{"a":"<b> &"}`},
		{"entities", `<r><a>&lt;&amp;&#228;</a></r>`, `{"a":"<&ä"}`},
	} {
		t.Run(row.name, func(t *testing.T) {
			root, err := parseTree("x", []byte(row.xml), DefaultBounds())
			if err != nil {
				t.Fatal(err)
			}
			var want any
			if err := json.Unmarshal([]byte(row.json), &want); err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(want, original(root)); d != "" {
				t.Errorf("-want +got:\n%s", d)
			}
			if d := cmp.Diff(want, dictionary(root)); d != "" {
				t.Errorf("our form differs where nothing is ours, -want +got:\n%s", d)
			}
		})
	}
}

func TestDictionaryKeepsOursWhole(t *testing.T) {
	c, err := Load("testdata/good/all-of-ours.xml")
	if err != nil {
		t.Fatal(err)
	}
	process := c.Raw["TaskService"].([]any)[0].(map[string]any)["Process"].(map[string]any)
	want := []any{
		map[string]any{"name": "GREETING", "value": " hello "},
		map[string]any{"name": "EMPTY", "value": ""},
		map[string]any{"file": "/etc/default/echo"},
	}
	if d := cmp.Diff(want, process["env"]); d != "" {
		t.Errorf("-want +got:\n%s", d)
	}
	for _, task := range c.Tasks {
		for _, key := range []string{"Process", "limit", "expect", "announce", "rss", "action"} {
			if v, ok := task.Raw[key]; ok {
				t.Errorf("task %s travels with %s: %v", task.ID, key, v)
			}
		}
	}
}

func TestAStateWithoutTransitionsKeepsItsType(t *testing.T) {
	c := load(t, strings.Replace(contextOf(taskOf("ts001", "Echo", "<a>1</a>")),
		`<on_fail><action>restart</action><call>ts001</call></on_fail>`, "", 1))
	body := c.Tasks[0].Raw["Task"].(map[string]any)
	if d := cmp.Diff(any(map[string]any{"type": "on_start"}), body["state"]); d != "" || body["type"] != nil {
		t.Errorf("-want +got:\n%s in %v", d, body)
	}
}

func TestSingleTaskServiceIsAList(t *testing.T) {
	for file, want := range map[string]int{"no-tasks": 0, "ipc": 1, "all-of-ours": 2} {
		c, err := Load("testdata/good/" + file + ".xml")
		if err != nil {
			t.Fatal(err)
		}
		if list, ok := c.Raw["TaskService"].([]any); !ok || len(list) != want {
			t.Errorf("%s: TaskService is %T of %d, want a list of %d", file, c.Raw["TaskService"], len(list), want)
		}
	}
}

func TestHostsIsAListInWhatATaskGets(t *testing.T) {
	for _, row := range []struct {
		xml  string
		want []any
	}{
		{`<hosts>a</hosts>`, []any{"a"}},
		{`<hosts>a</hosts><hosts>b</hosts>`, []any{"a", "b"}},
		{`<hosts><name>a</name></hosts>`, []any{map[string]any{"name": "a"}}},
	} {
		c, err := check("x.xml", strings.NewReader(contextOf(taskOf("ts001", "Echo", row.xml))), DefaultBounds())
		if err != nil {
			t.Fatal(err)
		}
		task := c.Task("ts001")
		if d := cmp.Diff(any(row.want), task.Configuration["hosts"]); d != "" {
			t.Errorf("configuration, -want +got:\n%s", d)
		}
		if d := cmp.Diff(any(row.want), rawConfiguration(task.Raw)["hosts"]); d != "" {
			t.Errorf("on topic process, -want +got:\n%s", d)
		}
	}
}

// lateXML2Dict is the original's conversion in today's Python.
const lateXML2Dict = `
import json, sys, xml.etree.ElementTree as ET
def convert(node):
    if len(node) == 0:
        result = {node.tag: (node.text or '').strip()}
        result.update(node.attrib)
        return result
    children = {}
    for child in node:
        item = convert(child)
        if child.tag in children:
            if type(children[child.tag]) is not list:
                children[child.tag] = [children[child.tag]]
            children[child.tag].append(item[child.tag])
        else:
            children.update(item)
    children.update(node.attrib)
    return {node.tag: children}
for line in sys.stdin:
    root = ET.fromstring(json.loads(line))
    print(json.dumps(convert(root)[root.tag]))
`

func TestDictionaryAgreesWithPython(t *testing.T) {
	python := tool(t, "python3")
	var texts, lines []string
	rapid.Check(t, func(t *rapid.T) {
		text := randomXML(t, 4)
		line, err := json.Marshal(text)
		if err != nil {
			t.Fatal(err)
		}
		texts, lines = append(texts, text), append(lines, string(line))
	})
	cmd := exec.Command(python, "-c", lateXML2Dict)
	cmd.Stdin = strings.NewReader(strings.Join(lines, "\n"))
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	for i, line := range strings.Split(strings.TrimSpace(string(out)), "\n") {
		var want any
		if err := json.Unmarshal([]byte(line), &want); err != nil {
			t.Fatal(err)
		}
		root, err := parseTree("x", []byte(texts[i]), DefaultBounds())
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(want, original(root)); d != "" {
			t.Fatalf("%s\n-python +ours:\n%s", texts[i], d)
		}
	}
}

// randomXML draws an element of few names, so that they meet often.
func randomXML(t *rapid.T, depth int) string {
	names := rapid.SampledFrom([]string{"a", "b", "c"})
	text := rapid.SampledFrom([]string{"", " ", "x", " y z ", "&amp;", "<!-- c -->", "<![CDATA[<]]>"})
	var element func(name string, depth int) string
	element = func(name string, depth int) string {
		var b strings.Builder
		b.WriteString("<" + name)
		for _, a := range rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"a", "b", "r"}), 0, 2, rapid.ID[string]).Draw(t, "attributes") {
			b.WriteString(" " + a + `="v` + a + `"`)
		}
		b.WriteString(">" + text.Draw(t, "text"))
		if depth > 0 {
			for range rapid.IntRange(0, 3).Draw(t, "children") {
				b.WriteString(element(names.Draw(t, "name"), depth-1) + text.Draw(t, "text"))
			}
		}
		b.WriteString("</" + name + ">")
		return b.String()
	}
	return element("r", depth)
}
