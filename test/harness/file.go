package harness

import (
	"encoding/xml"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// File is a Context file to be written. Its bind addresses have port 0: Start
// says which ports the kernel chose.
type File struct {
	ContextID string // "" is context001
	Tasks     []Task
	Extra     string // XML of ours below Context, as it is
	Front     string // bind address for publishers; "" is 127.0.0.1, any port
	Back      string // for subscribers
}

// Task is one task service of a File.
type Task struct {
	ID          string
	Instance    string // "" is Command
	ServiceName string // "" is command
	Command     string // as in <command>; "" runs the instance
	Location    string
	Entry       string                    // "" is on_start
	Announce    string                    // "" is the default
	Env         map[string]string         // <env> of the process
	Process     string                    // XML of ours below <Process>, as it is
	Limits      string                    // XML of ours beside <Process>, as it is
	Values      map[string]string         // more of the configuration
	Transitions map[string]TransitionCall // by trigger: on_fail, …
}

// TransitionCall is what a trigger does.
type TransitionCall struct{ Action, Call string }

// Write writes the file into a folder of the test's own and gives its path.
func Write(t testing.TB, f File) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "Context.xml")
	if err := os.WriteFile(path, []byte(f.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// String is the file's XML.
func (f File) String() string {
	or(&f.ContextID, "context001")
	or(&f.Front, "tcp://127.0.0.1:0")
	or(&f.Back, "tcp://127.0.0.1:0")
	var b strings.Builder
	fmt.Fprintf(&b, `<?xml version="1.0" encoding="UTF-8"?>
<Context>
  <FrontEndEndpoint>%s</FrontEndEndpoint>
  <BackendEndpoint>%s</BackendEndpoint>
  <FrontBind>%s</FrontBind>
  <BackendBind>%s</BackendBind>
  <ContextID>%s</ContextID>
  <TaskLogName>Harness</TaskLogName>
%s`, client(f.Back), client(f.Front), f.Front, f.Back, f.ContextID, f.Extra)
	for _, t := range f.Tasks {
		t.write(&b)
	}
	b.WriteString("</Context>\n")
	return b.String()
}

// client is an endpoint to connect to. An open port has no number yet: the
// provider puts the real one in its place.
func client(bind string) string {
	if at := strings.LastIndex(bind, ":0"); at >= 0 && at == len(bind)-2 {
		return bind[:at] + ":1"
	}
	return bind
}

func (t Task) write(b *strings.Builder) {
	or(&t.Instance, "Command")
	or(&t.ServiceName, "command")
	or(&t.Entry, "on_start")
	fmt.Fprintf(b, "  <TaskService id=%q topic=\"process\" instance=%q serviceType=\"Process\">\n", t.ID, t.Instance)
	if t.Command != "" || t.Announce != "" || len(t.Env) > 0 || t.Process != "" {
		b.WriteString("    <Process")
		if t.Announce != "" {
			fmt.Fprintf(b, " announce=%q", t.Announce)
		}
		b.WriteString(">")
		if t.Command != "" {
			fmt.Fprintf(b, "<command>%s</command>", text(t.Command))
		}
		for _, name := range slices.Sorted(maps.Keys(t.Env)) {
			fmt.Fprintf(b, "<env name=%q value=\"%s\"/>", name, text(t.Env[name]))
		}
		b.WriteString(t.Process + "</Process>\n")
	}
	b.WriteString(t.Limits)
	fmt.Fprintf(b, "    <Task><message><header><action>start</action><service_name>%s</service_name></header>\n"+
		"      <content><configuration>", text(t.ServiceName))
	if t.Location != "" {
		fmt.Fprintf(b, "<location>%s</location>", text(t.Location))
	}
	for _, name := range slices.Sorted(maps.Keys(t.Values)) {
		fmt.Fprintf(b, "<%s>%s</%s>", name, text(t.Values[name]), name)
	}
	fmt.Fprintf(b, "</configuration></content></message>\n      <state type=%q>", t.Entry)
	for _, trigger := range []string{"on_start", "on_update", "on_fail", "on_exit"} {
		c := t.Transitions[trigger]
		fmt.Fprintf(b, "<%s><action>%s</action><call>%s</call></%s>", trigger, text(c.Action), text(c.Call), trigger)
	}
	b.WriteString("</state></Task>\n  </TaskService>\n")
}

func or(s *string, other string) {
	if *s == "" {
		*s = other
	}
}

func text(s string) string {
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(s)) // a strings.Builder takes everything
	return b.String()
}
