package conf

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
)

// Allowance is what the provider's operator allows messages beyond the
// provider's own file.
type Allowance struct {
	// ServicesPaths are the folders that a task from a message may be started
	// from; empty means every location of the provider's own file. Relative
	// ones count from the working directory, as they come from a command line.
	ServicesPaths []string

	// AllowCommands lets a message bring a <Process> of its own.
	AllowCommands bool

	// Bundled reports whether an instance is built into the provider; nil is
	// none.
	Bundled func(instance string) bool
}

// RefusedError says why a message's task is not started, and what would allow
// it.
type RefusedError struct {
	TaskID string
	Rule   string // what is not allowed
	Remedy string // the flag or the file that would allow it
}

// Error returns `task ts001: rule; remedy`.
func (e *RefusedError) Error() string {
	return fmt.Sprintf("task %s: %s; %s", e.TaskID, e.Rule, e.Remedy)
}

// Admit decides what a message may start. It returns the task to run, which
// shares no map with its arguments, or a *RefusedError.
//
//   - A task of the provider's own file runs as the file says. The message may
//     change values of its configuration, save its location.
//   - A task that is not in the file, or differs from it in more, runs with the
//     default Process, if its program lies below a services path or is bundled.
//   - A Process of the message's own needs AllowCommands.
//
// What a message leaves out is no difference; a bare id means the file's task.
func Admit(own *Context, asked *Task, a Allowance) (*Task, error) {
	j := &judge{own: own, file: own.Task(asked.ID), asked: asked, allow: a}
	if _, err := checkID(asked.ID); err != nil {
		return nil, j.refuse(fmt.Sprintf("the id %q %v", asked.ID, err), "give it a plain one")
	}
	different := j.difference()
	switch {
	case len(asked.ours) > 0 && !j.sameOurs():
		return j.foreign()
	case j.file == nil && j.bare():
		return nil, j.refuse("is not defined in "+j.where(), "add a TaskService with this id there, or send the whole task")
	case j.file != nil && different == "":
		return j.ownTask(), nil
	case j.file != nil && j.file.confined():
		return nil, j.refuse(
			fmt.Sprintf("%s; of a task with a <command> in the provider's file a message may change the configuration only", different),
			fmt.Sprintf("change it in %s", j.file.Pos))
	}
	return j.located(different)
}

type judge struct {
	own   *Context
	file  *Task // nil when the id is not in the provider's file
	asked *Task
	allow Allowance
}

func (j *judge) refuse(rule, remedy string) error {
	return &RefusedError{TaskID: j.asked.ID, Rule: rule, Remedy: remedy}
}

// where names the provider's file, and why what is in it by now may not help: it
// is the likeliest mistake.
func (j *judge) where() string {
	file := "the provider's file"
	if j.own != nil && j.own.File != "" {
		file = j.own.File
	}
	return file + ", which is read when the provider begins"
}

// bare reports whether the message says nothing of the task but its id.
func (j *judge) bare() bool {
	return j.asked.Instance == "" && j.asked.ServiceName == "" && j.asked.Location == ""
}

// difference names the first thing, the configuration apart, in which the
// message departs from the file.
func (j *judge) difference() string {
	if j.file == nil {
		return ""
	}
	f, m := j.file, j.asked
	for _, d := range []struct{ what, file, message string }{
		{"instance", f.Instance, m.Instance},
		{"serviceType", f.ServiceType, m.ServiceType},
		{"topic", f.Topic, m.Topic},
		{"service_name", f.ServiceName, m.ServiceName},
		{"state type", f.StateType, m.StateType},
	} {
		if d.message != "" && d.message != d.file {
			return fmt.Sprintf("its %s is %q, in the provider's file it is %q", d.what, d.message, d.file)
		}
	}
	if m.saysState() && !slices.Equal(edges(f.Transitions), edges(m.Transitions)) {
		return "its transitions are not those of the provider's file"
	}
	return ""
}

// saysState reports whether a message's task has any of the four triggers.
func (t *Task) saysState() bool {
	body, _ := t.Raw["Task"].(map[string]any)
	state, _ := body["state"].(map[string]any)
	return slices.ContainsFunc(Triggers[:], func(trigger string) bool { _, ok := state[trigger]; return ok })
}

// edges makes transitions comparable, whatever order they were written in.
func edges(list []Transition) []string {
	s := make([]string, len(list))
	for i, t := range list {
		s[i] = t.Trigger + " " + t.Action + " " + t.Call + " " + t.When
	}
	slices.Sort(s)
	return s
}

// confined reports whether the file narrows how the task runs, so that running
// it with the default Process instead would widen it.
func (t *Task) confined() bool {
	p := t.Process
	return len(p.Command) > 0 || p.User != "" || p.Group != "" || p.Limits != ProcessLimits{Pos: p.Limits.Pos}
}

// sameOurs reports whether the message's Process, limit and expect are those of
// the file, in our form of the dictionary or in the original's.
func (j *judge) sameOurs() bool {
	if j.file == nil {
		return false
	}
	if len(j.asked.oursErr) == 0 && same(j.file.Process, j.asked.Process) &&
		same(j.file.Limits, j.asked.Limits) && same(j.file.Expects, j.asked.Expects) {
		return true
	}
	return reflect.DeepEqual(values(j.file.ours, original), values(j.asked.ours, func(n *node) any { return n.value }))
}

// same compares values whose positions are kept out of their JSON.
func same(a, b any) bool {
	x, errX := json.Marshal(a)
	y, errY := json.Marshal(b)
	return errX == nil && errY == nil && string(x) == string(y)
}

func values(nodes []*node, value func(*node) any) map[string][]any {
	m := map[string][]any{}
	for _, n := range nodes {
		m[n.name] = append(m[n.name], value(n))
	}
	return m
}

// ownTask is the file's task with the message's values in its configuration.
func (j *judge) ownTask() *Task {
	t := j.file.Clone()
	for k, v := range j.asked.Configuration {
		// A location leads to programs, so that it is the file's to say.
		if k != "location" {
			t.Configuration[k] = clone(v)
		}
	}
	if action, ok := t.Configuration["device_action"].(string); ok {
		t.DeviceAction = action
	}
	if len(t.Configuration) > 0 {
		enter(t.Raw, "Task", "message", "content")["configuration"] = cloneObject(t.Configuration)
	}
	return t
}

// setRaw makes the object that travels say what the fields say; f is where a
// state that the message left out comes from.
func (t *Task) setRaw(f *Task) {
	t.Raw["id"], t.Raw["topic"], t.Raw["instance"], t.Raw["serviceType"] = t.ID, t.Topic, t.Instance, t.ServiceType
	body := enter(t.Raw, "Task")
	if _, ok := body["state"]; !ok {
		state := map[string]any{"type": t.StateType}
		if known, ok := enter(cloneObject(f.Raw), "Task")["state"].(map[string]any); ok {
			state = known
		}
		body["state"] = state
	}
	enter(body, "message", "header")["service_name"] = t.ServiceName
	enter(body, "message", "content")["configuration"] = cloneObject(t.Configuration)
}

// enter follows keys into an object and makes the objects that are missing.
func enter(o map[string]any, keys ...string) map[string]any {
	for _, key := range keys {
		next, ok := o[key].(map[string]any)
		if !ok {
			next = map[string]any{}
			o[key] = next
		}
		o = next
	}
	return o
}

// foreign judges a message that brings a Process, limit or expect of its own.
func (j *judge) foreign() (*Task, error) {
	if !j.allow.AllowCommands {
		rule := "a message may not bring a <Process>, <limit> or <expect> of its own"
		if j.file != nil {
			rule = "its <Process>, <limit> or <expect> is not that of the provider's file"
		}
		return nil, j.refuse(rule, fmt.Sprintf("put it into %s, or start the provider with --allow_commands", j.where()))
	}
	if len(j.asked.oursErr) > 0 {
		return nil, j.refuse("its <Process> is wrong: "+strings.ReplaceAll(j.asked.oursErr.Error(), "\n", ", "), "mend the message")
	}
	if len(j.asked.Process.Command) == 0 {
		return j.located("")
	}
	t := j.whole()
	if err := j.complete(t); err != nil {
		return nil, err
	}
	return t, nil
}

// whole is the message's task, with what it leaves out taken from the file.
func (j *judge) whole() *Task {
	t := j.asked.Clone()
	if !j.allow.AllowCommands || len(j.asked.ours) == 0 {
		t.Process, t.Limits, t.Expects = DefaultProcess(), nil, nil
	}
	f := j.file
	if f == nil {
		f = &Task{Topic: "process", ServiceType: "Process", StateType: "on_start"}
	}
	for _, gap := range []struct {
		into *string
		from string
	}{
		{&t.Topic, f.Topic},
		{&t.Instance, f.Instance},
		{&t.ServiceType, f.ServiceType},
		{&t.ServiceName, f.ServiceName},
		{&t.Description, f.Description},
		{&t.StateType, f.StateType},
	} {
		if *gap.into == "" {
			*gap.into = gap.from
		}
	}
	if !j.asked.saysState() {
		t.Transitions = slices.Clone(f.Transitions)
	}
	if t.Location == "" && f.Location != "" {
		t.Location = f.Location
		t.Configuration["location"] = f.Location
	}
	t.setRaw(f)
	return t
}

// complete asks of a task that is not the file's what a file would have had to
// say.
func (j *judge) complete(t *Task) error {
	if _, err := checkInstance(t.Instance); err != nil {
		return j.refuse(fmt.Sprintf("its instance %q %v", t.Instance, err), "name a folder below its location, or a bundled task")
	}
	return nil
}

// located judges a task by where its program lies.
func (j *judge) located(different string) (*Task, error) {
	t := j.whole()
	if err := j.complete(t); err != nil {
		return nil, err
	}
	if j.allow.Bundled != nil && j.allow.Bundled(t.Instance) {
		return t, nil
	}
	prefix := ""
	if different != "" {
		prefix = different + ", and "
	}
	if t.Location == "" {
		return nil, j.refuse(prefix+fmt.Sprintf("instance %q is not bundled and the message names no location", t.Instance),
			fmt.Sprintf("add the task to %s, or give it a location below a --services_path", j.where()))
	}
	paths := j.allow.ServicesPaths
	if len(paths) == 0 {
		paths = j.own.ServicesPaths()
	}
	// What is judged here is what will be run, whatever the working directory.
	t.Location = j.own.Resolve(t.Location)
	if at := outside(t.Location, t.Instance, paths); at != "" {
		return nil, j.refuse(prefix+fmt.Sprintf("%s is not below a services path (%s)", at, strings.Join(paths, ", ")),
			fmt.Sprintf("start the provider with --services_path %s, or add the task to %s", t.Location, j.where()))
	}
	return t, nil
}
