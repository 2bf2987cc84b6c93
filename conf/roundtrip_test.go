package conf

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// goodValues are right ones for each attribute and leaf of ours that is not a
// choice of words.
var goodValues = map[string][]string{
	"command": {"sleep 10", `a 'b c' "d"`}, "directory": {"/srv"}, "user": {"nobody"}, "group": {"7"}, "umask": {"022"},
	"nice": {"-5"}, "affinity": {"0,2-3"}, "name": {"A", "PATH"}, "value": {"", " x "}, "file": {"/etc/x"},
	"signal": {"INT", "9", "SIGHUP"}, "timeout": {"1s", "1m30s"}, "success": {"0,2"}, "backoff": {"10ms"}, "factor": {"1.5"},
	"max_backoff": {"1m"}, "jitter": {"0.5"}, "intensity": {"3"}, "window": {"3s"}, "resume_after": {"1h"},
	"exec": {"test -e x"}, "http": {"http://[::1]:80/x"}, "tcp": {"localhost:80"}, "log": {"ready"}, "topic": {"process"},
	"every": {"2s"}, "failures": {"2"}, "nofile": {"10:20"}, "nproc": {"5"}, "as": {"1GB"}, "core": {"unlimited"},
	"memory": {"1GiB"}, "cpu": {"50%"}, "pids": {"9"}, "cron": {"@daily", "1 2 * * *"}, "zone": {"UTC"}, "count": {"2"},
	"max_size": {"1MB"}, "keep": {"2"}, "max_age": {"7d"}, "rss": {"1GB"}, "fds": {"10"}, "connections": {"3"}, "age": {"1h"},
	"for": {"5s"}, "min": {"1/s"}, "max": {"20/s"}, "within": {"2s"}, "interval": {"1s"}, "budget": {"2GB"},
	"instance": {"Echo", "Walk"}, "type": {"on_start", "on_update", "start_now"}, "action": {"start"}, "service_name": {"walk", "x"},
	"description": {"", "ä <b> & c"},
}

// alternatives are attributes of which exactly one may be there.
var alternatives = map[string][]string{
	"env": {"name", "file"}, "probe": {"exec", "http", "tcp", "log", "topic", "notify"}, "schedule": {"cron", "every"},
	"limit": {"rss", "cpu", "fds", "connections", "age"}, "expect": {"min", "max"},
}

// randomContext draws a right Context file from the parser's own table.
func randomContext(t *rapid.T) string {
	var body strings.Builder
	n := rapid.IntRange(0, 3).Draw(t, "tasks")
	for i := range n {
		body.WriteString(randomService(t, fmt.Sprint("ts", i), n))
	}
	for _, e := range contextTable.children {
		if e.ours && e.name != "wire" {
			body.WriteString(randomElement(t, e))
		}
	}
	return contextOf(body.String())
}

func randomService(t *rapid.T, id string, n int) string {
	var b strings.Builder
	fmt.Fprintf(&b, "<TaskService id=%q topic=\"process\" instance=%q serviceType=\"Process\">", id, good(t, "instance"))
	for _, e := range taskServiceTable.children {
		if e.ours {
			b.WriteString(randomElement(t, e))
		}
	}
	fmt.Fprintf(&b, "<Task><description>%s</description><message><header><service_name>%s</service_name></header><content><configuration>",
		escape(good(t, "description")), good(t, "service_name"))
	for _, key := range rapid.SliceOfN(rapid.SampledFrom([]string{"a", "b", "hosts"}), 0, 4).Draw(t, "configuration") {
		fmt.Fprintf(&b, "<%s>%s</%[1]s>", key, escape(good(t, "description")))
	}
	fmt.Fprintf(&b, "</configuration></content></message><state type=%q>", good(t, "type"))
	for _, trigger := range Triggers {
		if rapid.Bool().Draw(t, trigger) {
			fmt.Fprintf(&b, "<%s><action>%s</action><call>ts%d</call></%[1]s>", trigger, rapid.SampledFrom(actions).Draw(t, "action"), rapid.IntRange(0, n-1).Draw(t, "call"))
		}
	}
	b.WriteString("</state></Task></TaskService>")
	return b.String()
}

// randomElement draws an element of ours, or none, or several where that may
// be.
func randomElement(t *rapid.T, e *element) string {
	most := 1
	if e.many {
		most = 2
	}
	if e.name == "depends" {
		return "" // it must not form circles
	}
	var b strings.Builder
	for i := range rapid.IntRange(0, most).Draw(t, e.name) {
		b.WriteString("<" + e.name)
		choice := alternatives[e.name]
		chosen := ""
		if choice != nil {
			chosen = rapid.SampledFrom(choice).Draw(t, "one of")
		}
		for _, a := range e.attrs {
			if slices.Contains(choice, a.name) && a.name != chosen || a.name == "value" && chosen == "file" {
				continue
			}
			if a.name != chosen && !a.required && rapid.Bool().Draw(t, "without") {
				continue
			}
			value := good(t, a.name)
			switch {
			case len(a.words) > 0:
				value = rapid.SampledFrom(a.words).Draw(t, a.name)
			case e.name == "env" && a.name == "name":
				value = fmt.Sprint("V", i)
			}
			fmt.Fprintf(&b, ` %s="%s"`, a.name, escape(value))
		}
		b.WriteString(">")
		if len(e.attrs) == 0 {
			b.WriteString(escape(good(t, e.name)))
		}
		for _, c := range e.children {
			b.WriteString(randomElement(t, c))
		}
		b.WriteString("</" + e.name + ">")
	}
	return b.String()
}

func good(t *rapid.T, name string) string {
	values := goodValues[name]
	if len(values) == 0 {
		return ""
	}
	return rapid.SampledFrom(values).Draw(t, name)
}

func escape(s string) string {
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", `"`, "&quot;").Replace(s)
}

// A file, sent as a message, arrives as what it was.
func TestFileToMessageToContext(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := randomContext(t)
		file, err := check("x.xml", strings.NewReader(text), DefaultBounds())
		if err != nil {
			t.Fatalf("%v in\n%s", err, text)
		}
		if len(file.Warnings) > 0 {
			t.Fatalf("%v in\n%s", ErrorList(file.Warnings), text)
		}
		sent, err := json.Marshal(file.Raw)
		if err != nil {
			t.Fatal(err)
		}
		d := json.NewDecoder(bytes.NewReader(sent))
		d.UseNumber()
		var received map[string]any
		if err := d.Decode(&received); err != nil {
			t.Fatal(err)
		}
		message, err := FromMessage(received)
		if err != nil {
			t.Fatalf("%v in\n%s", err, sent)
		}
		message.File = file.File
		if d := cmp.Diff(file, message, asMeant); d != "" {
			t.Fatalf("-file +message:\n%s\n%s", d, text)
		}
		for i, asked := range message.Tasks {
			admitted, err := Admit(file, asked, Allowance{})
			if err != nil {
				t.Fatalf("%v in\n%s", err, text)
			}
			if d := cmp.Diff(file.Tasks[i], admitted, asMeant); d != "" {
				t.Fatalf("-file +admitted:\n%s\n%s", d, text)
			}
		}
	})
}

// The same file as the original's conf_command sends it: what its conversion
// loses must not keep a task from being started as the file says.
func TestTheOriginalsMessageOfOurFileIsAdmitted(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := randomContext(t)
		file, err := check("x.xml", strings.NewReader(text), DefaultBounds())
		if err != nil {
			t.Fatal(err)
		}
		root, err := parseTree("x.xml", []byte(text), DefaultBounds())
		if err != nil {
			t.Fatal(err)
		}
		sent, _ := original(root).(map[string]any)
		message, err := FromMessage(sent)
		if err != nil {
			t.Fatalf("%v in\n%s", err, text)
		}
		for i, asked := range message.Tasks {
			admitted, err := Admit(file, asked, Allowance{})
			if err != nil {
				t.Fatalf("%v in\n%s", err, text)
			}
			if d := cmp.Diff(file.Tasks[i], admitted, asMeant); d != "" {
				t.Fatalf("-file +admitted:\n%s", d)
			}
		}
	})
}
