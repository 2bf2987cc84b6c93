package conf

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"

	"github.com/beevik/etree"
)

// checkNew judges what Merge is asked to write, all of it at once, and returns
// the tasks with their defaults filled in.
func checkNew(c NewContext, tasks []NewTask) ([]NewTask, error) {
	var errs []error
	for _, h := range c.head() {
		var err error
		switch h[0] {
		case "ContextID", "TaskLogName":
			if h[1] == "" {
				err = errors.New("is empty")
			}
		default:
			err = checkEndpoint(h[1], strings.HasSuffix(h[0], "Bind"))
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("%s %q %w", h[0], h[1], err))
		}
	}
	if c.SubPort == c.PubPort {
		errs = append(errs, fmt.Errorf("sub_port and pub_port are both %q; the forwarder needs two", c.SubPort))
	}
	tasks = slices.Clone(tasks)
	for i := range tasks {
		for _, err := range tasks[i].complete() {
			errs = append(errs, fmt.Errorf("task %s: %w", tasks[i].ID, err))
		}
	}
	return tasks, errors.Join(errs...)
}

// complete fills in defaults and returns what is wrong.
func (t *NewTask) complete() []error {
	var errs []error
	fail := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	defaults := func(s *string, value string) {
		if *s == "" {
			*s = value
		}
	}
	for _, s := range []string{t.ID, t.Instance, t.Description, t.ServiceName, t.DeviceAction, t.Location, t.EntryAction, t.Command} {
		if strings.ContainsFunc(s, notXML) {
			fail("%q holds a character that XML cannot", s)
		}
	}
	defaults(&t.Topic, "process")
	defaults(&t.ServiceType, "Process")
	defaults(&t.EntryAction, "on_start")
	if _, err := checkID(t.ID); err != nil {
		fail("id %q %w", t.ID, err)
	}
	if _, err := checkInstance(t.Instance); err != nil {
		fail("instance %q %w", t.Instance, err)
	}
	if t.ServiceName == "" {
		fail("service_name is empty")
	}
	if words := taskServiceTable.attr("serviceType").words; !slices.Contains(words, t.ServiceType) {
		fail("serviceType %q is none of %s%s", t.ServiceType, strings.Join(words, ", "), guess(t.ServiceType, words))
	}
	if t.Command != "" {
		if _, err := splitArgv(t.Command); err != nil {
			fail("command %w", err)
		}
	}
	errs = append(errs, t.arrange()...)
	return errs
}

// notXML finds what production Char of XML 1.0 leaves out and people come by.
func notXML(c rune) bool {
	return c < ' ' && c != '\t' && c != '\n' && c != '\r' || c == unicode.ReplacementChar || c == 0xfffe || c == 0xffff
}

// arrange puts the states into the order of Triggers, one for each.
func (t *NewTask) arrange() []error {
	var errs []error
	var states [4]NewState
	for i, trigger := range Triggers {
		states[i].Trigger = trigger
	}
	for _, s := range t.States {
		if s == (NewState{}) {
			continue
		}
		i := slices.Index(Triggers[:], s.Trigger)
		switch {
		case i < 0:
			errs = append(errs, fmt.Errorf("trigger %q is none of %s%s", s.Trigger, strings.Join(Triggers[:], ", "), guess(s.Trigger, Triggers[:])))
		case states[i] != NewState{Trigger: s.Trigger}:
			errs = append(errs, fmt.Errorf("trigger %s stands twice", s.Trigger))
		case (s.Action == "") != (s.Call == ""):
			errs = append(errs, fmt.Errorf("%s has an action or a call without the other", s.Trigger))
		default:
			states[i] = s
		}
	}
	t.States = states
	return errs
}

// element builds the <TaskService>, without any white space.
func (t NewTask) element() (*etree.Element, error) {
	e := etree.NewElement("TaskService")
	e.CreateAttr("id", t.ID)
	e.CreateAttr("topic", t.Topic)
	e.CreateAttr("instance", t.Instance)
	e.CreateAttr("serviceType", t.ServiceType)
	if err := t.addProcess(e); err != nil {
		return nil, err
	}
	task := e.CreateElement("Task")
	text(task, "description", t.Description)
	message := task.CreateElement("message")
	header := message.CreateElement("header")
	text(header, "action", "start")
	text(header, "service_name", t.ServiceName)
	configuration := message.CreateElement("content").CreateElement("configuration")
	text(configuration, "device_action", t.DeviceAction)
	if t.Location != "" {
		text(configuration, "location", t.Location)
	}
	state := task.CreateElement("state")
	state.CreateAttr("type", t.EntryAction)
	for _, s := range t.States {
		trigger := state.CreateElement(s.Trigger)
		text(trigger, "action", s.Action)
		text(trigger, "call", s.Call)
	}
	return e, nil
}

func (t NewTask) addProcess(e *etree.Element) error {
	process := etree.NewElement("Process")
	if t.Process != "" {
		doc := etree.NewDocument()
		if err := doc.ReadFromString(t.Process); err != nil {
			return fmt.Errorf("task %s: read its <Process>: %w", t.ID, err)
		}
		if process = doc.Root(); process == nil || process.Tag != "Process" {
			return fmt.Errorf("task %s: its <Process> is none: %.40q", t.ID, t.Process)
		}
	}
	if t.Command != "" {
		for _, old := range process.SelectElements("command") {
			process.RemoveChild(old)
		}
		command := etree.NewElement("command")
		command.SetText(t.Command)
		process.InsertChildAt(0, command)
	}
	if t.Process != "" || t.Command != "" {
		e.AddChild(process)
	}
	return nil
}

func text(parent *etree.Element, tag, value string) {
	e := parent.CreateElement(tag)
	if value != "" {
		e.SetText(value)
	}
}

// layOut puts every child of e on a line of its own, one step further in than
// e, whose own line begins with prefix. Leaves stay as they are.
func layOut(e *etree.Element, prefix, step string) {
	var children []etree.Token
	structured := false
	for _, c := range e.Child {
		switch c := c.(type) {
		case *etree.CharData:
			if c.IsWhitespace() {
				continue
			}
		case *etree.Element, *etree.Comment:
			structured = true
		}
		children = append(children, c)
	}
	if !structured {
		return
	}
	for len(e.Child) > 0 {
		e.RemoveChildAt(0)
	}
	for _, c := range children {
		e.AddChild(etree.NewText("\n" + prefix + step))
		e.AddChild(c)
		if c, ok := c.(*etree.Element); ok {
			layOut(c, prefix+step, step)
		}
	}
	e.AddChild(etree.NewText("\n" + prefix))
}
