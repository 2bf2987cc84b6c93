package conf

import (
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
)

// Meta is a MetaServiceConf file: what create_service --xml_file makes services
// and a Context file of.
type Meta struct {
	File string

	ContextName string // file Context-<name>.xml, TaskLogName
	ServerIP    string
	SubPort     string
	PubPort     string
	ServicePath string // where the sources go

	ContextID string // "context001" if not written
	HomePath  string // "" if not written: ServicePath takes its place
	Location  string // "" if not written: the services folder of ServicePath
	LogOn     bool   // true if not written

	Services []*MetaService
	Warnings []*Error
}

// MetaService is one <Service>.
type MetaService struct {
	Pos      Pos    `json:"-"`
	TaskType string // "Looped" (default) or "Single"

	TaskService  string // instance, folder and package
	TaskDesc     string
	ServiceName  string
	TaskID       string
	DeviceAction string
	EntryAction  string // "on_start" if not written

	TaskFile  string // "" is TaskService
	TaskClass string // "" is TaskService
	TaskTopic string // "process" if not written

	ServiceType string // "Process" (default) or "Thread"
	TaskLang    string // "go" (default), "python", "command"
	Command     string // of <command>, here or within <Process>; POSIX-quoted
	Process     string // the XML of <Process>, "" for none; NewTask takes it

	States [4]MetaState // in the order of Triggers
}

// MetaState is one <state> of a service.
type MetaState struct {
	Pos                      Pos `json:"-"`
	Trigger, Action, StateID string
}

// taskLangs are the languages that create_service can write.
var taskLangs = []string{"go", "python", "command"}

// LoadMeta reads and checks a MetaServiceConf file. The error is an ErrorList
// of all mistakes, or what the operating system said.
func LoadMeta(path string) (*Meta, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("read services file: %w", err)
	}
	defer f.Close()
	return ParseMeta(path, f)
}

// ParseMeta is LoadMeta for a reader; file is the name that positions carry.
func ParseMeta(file string, in io.Reader) (*Meta, error) {
	bounds := DefaultBounds()
	src, err := readBounded(file, in, bounds)
	if err != nil {
		return nil, err
	}
	root, err := rootOf(file, src, "MetaServiceConf", bounds)
	if err != nil {
		return nil, err
	}
	r := &reader{}
	r.check(root, metaTable)
	m := r.meta(root, src)
	m.File = file
	m.Warnings = r.warnings.sorted()
	if len(r.errs) > 0 {
		return nil, r.errs.sorted()
	}
	return m, nil
}

func (r *reader) meta(root *node, src []byte) *Meta {
	m := &Meta{
		ContextName: root.child("context_name").content(),
		ServerIP:    root.child("server_ip").content(),
		SubPort:     root.child("sub_port").content(),
		PubPort:     root.child("pub_port").content(),
		ServicePath: root.child("service_path").content(),
		ContextID:   orElse(root.child("context_id"), "context001"),
		HomePath:    root.child("home_path").content(),
		Location:    root.child("location").content(),
		LogOn:       true,
	}
	for _, port := range []string{"sub_port", "pub_port"} {
		if n := root.child(port); n.content() != "" {
			var number int
			readLeaf(r, n, &number, intIn(1, 65535))
		}
	}
	if m.SubPort != "" && m.SubPort == m.PubPort {
		r.fail(root.child("pub_port").pos, "pub_port %s is sub_port too; the forwarder needs two", m.PubPort)
	}
	if n := root.child("server_ip"); strings.ContainsAny(n.content(), " \t\n/*") {
		r.fail(n.pos, "server_ip %q is no address or host name", n.text)
	}
	if n := root.child("context_name"); n.content() != "" {
		var name string
		readLeaf(r, n, &name, checkInstance)
	}
	if n := root.child("log_on"); n.content() != "" {
		r.oneOf(n, "0", "1")
		m.LogOn = n.text != "0"
	}
	for _, n := range root.children("Service") {
		r.inTask(n, metaTable.child("Service"), func() { m.Services = append(m.Services, r.metaService(n, src)) })
	}
	r.metaTwice(root.children("Service"), "task_id")
	r.metaTwice(root.children("Service"), "task_service")
	return m
}

// metaTwice: the original silently leaves out a service whose id or instance it
// has seen.
func (r *reader) metaTwice(services []*node, name string) {
	first := map[string]Pos{}
	for _, n := range services {
		c := n.child(name)
		if c.content() == "" {
			continue
		}
		if before, twice := first[c.text]; twice {
			r.fail(c.pos, "%s %q stands twice; first at %s", name, c.text, before.line())
			continue
		}
		first[c.text] = c.pos
	}
}

func (r *reader) metaService(n *node, src []byte) *MetaService {
	s := &MetaService{
		Pos:          n.pos,
		TaskType:     "Looped",
		TaskDesc:     n.child("task_desc").content(),
		ServiceName:  n.child("service_name").content(),
		DeviceAction: n.child("device_action").content(),
		EntryAction:  orElse(n.child("entry_action"), "on_start"),
		TaskFile:     n.child("task_file").content(),
		TaskClass:    n.child("task_class").content(),
		TaskTopic:    orElse(n.child("task_topic"), "process"),
		ServiceType:  orElse(n.child("service_type"), "Process"),
		TaskLang:     orElse(n.child("task_lang"), "go"),
	}
	read(r, n, "task_type", &s.TaskType, asText)
	if c := n.child("task_service"); c.content() != "" {
		readLeaf(r, c, &s.TaskService, checkInstance)
	}
	if c := n.child("task_id"); c.content() != "" {
		readLeaf(r, c, &s.TaskID, checkID)
	}
	if c := n.child("service_type"); c.content() != "" {
		r.oneOf(c, taskServiceTable.attr("serviceType").words...)
	}
	if c := n.child("task_lang"); c.content() != "" {
		r.oneOf(c, taskLangs...)
	}
	r.metaCommand(n, s, src)
	s.States = r.metaStates(n)
	return s
}

// metaCommand reads <command> and <Process>.
func (r *reader) metaCommand(n *node, s *MetaService, src []byte) {
	process, command := n.child("Process"), n.child("command")
	if process != nil {
		r.process(process)
		s.Process = string(src[process.start:process.end])
		inner := process.child("command")
		s.Command = inner.content()
		if command != nil && inner != nil {
			r.fail(command.pos, "<command> stands in <Service> and in its <Process>, at %s", inner.pos.line())
		}
	}
	if command != nil {
		var argv []string
		r.command(command, &argv)
		s.Command = command.text
	}
	if s.TaskLang == "command" && s.Command == "" {
		r.fail(n.pos, "task_lang is command, but there is no <command>")
	}
}

// metaStates wants each trigger exactly once, as the original's template has
// four places to fill.
func (r *reader) metaStates(n *node) [4]MetaState {
	var states [4]MetaState
	for i, trigger := range Triggers {
		states[i].Trigger = trigger
	}
	for _, c := range n.children("state") {
		trigger := c.child("trigger")
		if trigger.content() == "" {
			continue // check has told of it
		}
		i := slices.Index(Triggers[:], trigger.text)
		switch {
		case i < 0:
			r.fail(trigger.pos, "trigger %q is none of %s%s", trigger.text, strings.Join(Triggers[:], ", "), guess(trigger.text, Triggers[:]))
			continue
		case states[i].Pos.IsValid():
			r.fail(trigger.pos, "trigger %s stands twice; first at %s", trigger.text, states[i].Pos.line())
			continue
		}
		states[i] = MetaState{Pos: c.pos, Trigger: trigger.text, Action: c.child("action").content(), StateID: c.child("state_id").content()}
		if (states[i].Action == "") != (states[i].StateID == "") {
			r.fail(c.pos, "%s has an action or a state_id without the other", trigger.text)
		}
	}
	var missing []string
	for _, s := range states {
		if !s.Pos.IsValid() {
			missing = append(missing, s.Trigger)
		}
	}
	if len(missing) > 0 {
		r.fail(n.pos, "each of the four states is needed once; missing: %s", strings.Join(missing, ", "))
	}
	return states
}

// oneOf fails unless the leaf is one of the words.
func (r *reader) oneOf(n *node, words ...string) {
	if !slices.Contains(words, n.text) {
		r.fail(n.pos, "%s %q is none of %s%s", n.name, n.text, strings.Join(words, ", "), guess(n.text, words))
	}
}

func orElse(n *node, otherwise string) string {
	if s := n.content(); s != "" {
		return s
	}
	return otherwise
}

// NewContext is the head of the Context file that m asks for.
func (m *Meta) NewContext() NewContext {
	return NewContext{ContextID: m.ContextID, ServerIP: m.ServerIP, SubPort: m.SubPort, PubPort: m.PubPort, LogName: m.ContextName}
}

// NewTask is the task service that s asks for; location is the folder that its
// own is in.
func (s *MetaService) NewTask(location string) NewTask {
	t := NewTask{
		ID: s.TaskID, Topic: s.TaskTopic, Instance: s.TaskService, ServiceType: s.ServiceType,
		Description: s.TaskDesc, ServiceName: s.ServiceName, DeviceAction: s.DeviceAction,
		Location: location, EntryAction: s.EntryAction, Command: s.Command, Process: s.Process,
	}
	for i, st := range s.States {
		t.States[i] = NewState{Trigger: st.Trigger, Action: st.Action, Call: st.StateID}
	}
	return t
}
