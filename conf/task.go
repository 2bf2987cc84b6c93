package conf

import (
	"slices"
	"strings"
)

// Task is one <TaskService>.
type Task struct {
	Pos         Pos `json:"-"`
	ID          string
	Topic       string // of its messages: "process"
	Instance    string // a bundled task, or a folder below Location
	ServiceType string // "Process" or "Thread"
	Replica     int    `json:",omitempty"` // its number, of one that AsReplica made

	Description  string
	ServiceName  string
	DeviceAction string // copied into every status of the service
	Location     string // folder that holds the folder Instance; "" for a bundled task
	Action       string // Task/message/header/action as written
	StateType    string // Task/state@type as written
	Transitions  []Transition

	// Configuration is Task/message/content/configuration, never nil. From a
	// file all values are strings, objects and lists of them; hosts is a list.
	Configuration map[string]any

	Process Process
	Limits  []Limit
	Expects []Expect

	// Raw is the task object as it travels on topic process, without our own
	// elements.
	Raw map[string]any

	idPos   Pos
	ours    []*node   // Process, limit and expect, as they were written
	oursErr ErrorList // what is wrong with them, when they came in a message
}

// Transition is one edge: when Trigger happens to the task, do Action to Call.
type Transition struct {
	Pos     Pos    `json:"-"`
	Trigger string // on_start, on_update, on_fail, on_exit
	Action  string // start, stop, restart; other words are passed on
	Call    string // a task id
	When    string // of on_update: what the status has to hold, as in "device_action=inactive"; "": anything
}

// Fits says whether a status holds what When asks for, and is about the task that is
// called: a status with a task_id is about that one.
func (t Transition) Fits(status map[string]any) bool {
	if t.When == "" {
		return true
	}
	for condition := range strings.FieldsSeq(t.When) {
		item, value, _ := strings.Cut(condition, "=")
		if text, _ := status[item].(string); text != value {
			return false
		}
	}
	about, _ := status["task_id"].(string)
	return about == "" || about == t.Call
}

// RunsAtStart reports whether a start runs the task at once. If not the task
// is created and waits for a transition or an operator.
func (t *Task) RunsAtStart() bool { return t.StateType == "on_start" || t.StateType == "start_now" }

// Announce says who tells the bus of started, stopped and failed: "provider" or
// "self". Unless it is written, a program run by <command> knows nothing of the
// bus, and any other task service does.
func (t *Task) Announce() string {
	switch {
	case t.Process.Announce != "":
		return t.Process.Announce
	case len(t.Process.Command) > 0:
		return "provider"
	}
	return "self"
}

// Clone returns a copy for a caller that changes it: its maps and transitions
// are its own, the lists within Process are still shared and not to be written.
func (t *Task) Clone() *Task {
	c := *t
	c.Configuration = cloneObject(t.Configuration)
	c.Raw = cloneObject(t.Raw)
	c.Transitions = slices.Clone(t.Transitions)
	return &c
}

// oursInTask are the elements of a <TaskService> that the original lacks.
var oursInTask = []string{"Process", "limit", "expect"}

// taskService reads a <TaskService> that check has gone over.
func (r *reader) taskService(n *node) *Task {
	t := &Task{Pos: n.pos, Configuration: map[string]any{}, Process: DefaultProcess()}
	id, written := n.attr("id")
	t.idPos = id.pos
	if r.message && !written {
		r.fail(Pos{File: n.pos.File + ".id"}, "is missing")
	}
	read(r, n, "id", &t.ID, checkID)
	read(r, n, "topic", &t.Topic, asText)
	read(r, n, "instance", &t.Instance, checkInstance)
	read(r, n, "serviceType", &t.ServiceType, asText)
	if a, ok := n.attr("topic"); ok && a.value != "process" && a.value != "" {
		r.warn(a.pos, "topic %q: task services are spoken to on topic process only", a.value)
	}
	r.body(n.child("Task"), t)
	for _, c := range n.nodes {
		if c.spec != nil && c.spec.ours {
			t.ours = append(t.ours, c)
		}
	}
	if r.message {
		r.apart(t)
	} else {
		r.ours(t)
		r.oddities(n, t)
	}
	t.Raw = r.taskObject(n, t)
	return t
}

// body reads the <Task> within a <TaskService>.
func (r *reader) body(n *node, t *Task) {
	header := n.child("message").child("header")
	t.Description = n.child("description").content()
	t.Action = header.child("action").content()
	t.ServiceName = header.child("service_name").content()
	r.configuration(n.child("message").child("content").child("configuration"), t)
	state := n.child("state")
	read(r, state, "type", &t.StateType, asText)
	t.Transitions = r.transitions(state)
}

// configuration takes the open part of a task as the dictionary it is.
func (r *reader) configuration(n *node, t *Task) {
	switch {
	case n == nil:
		return
	case r.message:
		switch v := n.value.(type) {
		case map[string]any:
			t.Configuration = cloneObject(v)
		case nil:
		case string:
			if v != "" {
				r.fail(n.pos, "is text; wanted is an object")
			}
		default:
			r.fail(n.pos, "is %s; wanted is an object", kind(v))
		}
	default:
		t.Configuration = object(n)
	}
	// One <hosts> is a list of one: the original's tasks rely on it.
	if hosts, ok := t.Configuration["hosts"]; ok {
		if _, list := hosts.([]any); !list {
			t.Configuration["hosts"] = []any{hosts}
		}
	}
	t.DeviceAction = r.word(n, t, "device_action")
	t.Location = r.word(n, t, "location")
}

// word is a value of the configuration that we read ourselves.
func (r *reader) word(n *node, t *Task, key string) string {
	v, ok := t.Configuration[key]
	if !ok || v == nil {
		return ""
	}
	s, ok := v.(string)
	if !ok {
		pos := n.pos
		if c := n.child(key); c != nil {
			pos = c.pos
		} else if r.message {
			pos.File += "." + key
		}
		r.fail(pos, "%s is %s; wanted is text", key, kind(v))
	}
	return s
}

// transitions reads <state>, trigger by trigger.
func (r *reader) transitions(state *node) []Transition {
	var list []Transition
	if state == nil {
		return nil
	}
	nodes := state.nodes
	if r.message {
		// A JSON object has no order; the file's usual one is taken.
		nodes = nil
		for _, trigger := range Triggers {
			nodes = append(nodes, state.children(trigger)...)
		}
	}
	for _, n := range nodes {
		if n.spec == nil {
			continue // not one of the four triggers
		}
		action, call := n.child("action"), n.child("call")
		does, calls := action.content(), strings.FieldsFunc(call.content(), isListSeparator)
		switch {
		case does == "" && len(calls) == 0:
			continue
		case does == "":
			r.fail(call.pos, "%s calls %q but has no action; it needs both, or none", n.name, call.text)
			continue
		case len(calls) == 0:
			r.fail(action.pos, "%s has the action %q but calls nothing; it needs both, or none", n.name, does)
			continue
		}
		if !slices.Contains(actions, does) {
			r.warn(action.pos, "%s has the action %q, which is passed on but does nothing here%s", n.name, does, guess(does, actions))
		}
		when, _ := n.attr("when")
		for condition := range strings.FieldsSeq(when.value) {
			if item, value, is := strings.Cut(condition, "="); !is || item == "" || value == "" {
				r.fail(when.pos, "when of %s has %q; wanted are items of a status with their values, as in device_action=inactive", n.name, condition)
			}
		}
		for _, id := range calls {
			list = append(list, Transition{Pos: call.pos, Trigger: n.name, Action: does, Call: id, When: strings.Join(strings.Fields(when.value), " ")})
		}
	}
	return list
}

func isListSeparator(c rune) bool { return c == ',' || c == ' ' || c == '\t' || c == '\n' || c == '\r' }

// apart reads what a message says of Process, limit and expect. Mistakes in
// them are kept with the task: they count only if Admit would use them.
func (r *reader) apart(t *Task) {
	own := &reader{message: true, task: r.task}
	for _, n := range t.ours {
		own.check(n, n.spec)
	}
	own.ours(t)
	t.oursErr = own.errs.sorted()
	r.warnings = append(r.warnings, own.warnings...)
}

// ours reads Process, limit and expect into t.
func (r *reader) ours(t *Task) {
	for _, n := range t.ours {
		switch n.name {
		case "Process":
			t.Process = r.process(n)
		case "limit":
			t.Limits = append(t.Limits, r.limit(n))
		case "expect":
			t.Expects = append(t.Expects, r.expect(n))
		}
	}
}

// oddities are what a file should say otherwise, command and instance taken
// together.
func (r *reader) oddities(n *node, t *Task) {
	command := len(t.Process.Command) > 0
	if !command && n.child("Task").child("message") != nil {
		if c := n.child("Task").child("message").child("content"); c.child("configuration") == nil {
			r.fail(n.child("Task").child("message").pos, "there is no <content><configuration>; without a <command> a task needs one, if an empty one")
		}
	}
	if command && t.ServiceType == "Thread" {
		r.warn(t.Process.CommandPos, `serviceType="Thread" has no effect with a <command>: it runs as a process`)
	}
}

// taskObject is Task.Raw: n as it travels, less what is ours.
func (r *reader) taskObject(n *node, t *Task) map[string]any {
	var o map[string]any
	if r.message {
		object, _ := n.value.(map[string]any)
		o = cloneObject(object)
	} else {
		o = object(n)
	}
	for _, name := range oursInTask {
		delete(o, name)
	}
	if c := rawConfiguration(o); c != nil {
		if _, ok := c["hosts"]; ok {
			c["hosts"] = clone(t.Configuration["hosts"])
		}
	}
	return o
}

// rawConfiguration finds Task/message/content/configuration in a task object,
// nil if it has none.
func rawConfiguration(o map[string]any) map[string]any {
	for _, key := range []string{"Task", "message", "content", "configuration"} {
		next, ok := o[key].(map[string]any)
		if !ok {
			return nil
		}
		o = next
	}
	return o
}
