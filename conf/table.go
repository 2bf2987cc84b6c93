package conf

// element says what a file may hold. One table serves the parser, the hints
// about misspelt names, the reading of messages, and the test that keeps the
// XSD honest; a name that is not here is not built.
type element struct {
	name     string
	attrs    []attribute
	children []*element
	required bool // in a file; a message may leave out what it does not change
	many     bool // may occur more than once
	ours     bool // not in the original: strict about everything inside
	open     bool // may hold anything: it is passed on as it is
}

type attribute struct {
	name     string
	required bool
	words    []string // when only these are allowed
}

func (e *element) child(name string) *element {
	if e == nil {
		return nil
	}
	for _, c := range e.children {
		if c.name == name {
			return c
		}
	}
	return nil
}

func (e *element) attr(name string) *attribute {
	if e == nil {
		return nil
	}
	for i := range e.attrs {
		if e.attrs[i].name == name {
			return &e.attrs[i]
		}
	}
	return nil
}

func (e *element) childNames() []string {
	names := make([]string, len(e.children))
	for i, c := range e.children {
		names[i] = c.name
	}
	return names
}

func (e *element) attrNames() []string {
	names := make([]string, len(e.attrs))
	for i, a := range e.attrs {
		names[i] = a.name
	}
	return names
}

// Triggers are the four events that a transition can stand for, in the order
// in which the original's create_service writes them.
var Triggers = [4]string{"on_start", "on_update", "on_fail", "on_exit"}

// actions are what a transition can do; other words are passed on as the
// original did.
var actions = []string{"start", "stop", "restart"}

func leaf(name string) *element { return &element{name: name} }

func needed(e *element) *element { e.required = true; return e }

// our makes an element that the original does not have.
func our(name string, attrs []attribute, children ...*element) *element {
	for _, c := range children {
		c.ours = true
	}
	return &element{name: name, ours: true, attrs: attrs, children: children}
}

func repeated(e *element) *element { e.many = true; return e }

func attrs(names ...string) []attribute {
	list := make([]attribute, len(names))
	for i, n := range names {
		list[i] = attribute{name: n}
	}
	return list
}

func with(list []attribute, more ...attribute) []attribute { return append(list, more...) }

func oneOf(name string, words ...string) attribute { return attribute{name: name, words: words} }

func must(a attribute) attribute { a.required = true; return a }

func yesNo(name string) attribute { return oneOf(name, "true", "false") }

var processTable = our("Process", []attribute{oneOf("announce", "provider", "self")},
	leaf("command"), leaf("directory"), leaf("user"), leaf("group"), leaf("umask"), leaf("nice"), leaf("affinity"),
	repeated(our("env", attrs("name", "value", "file"))),
	our("stop", attrs("signal", "timeout")),
	our("restart", with([]attribute{oneOf("policy", "never", "on-failure", "always")},
		attrs("success", "backoff", "factor", "max_backoff", "jitter", "intensity", "window", "resume_after")...)),
	repeated(our("depends", []attribute{must(attribute{name: "on"}), oneOf("until", "started", "ready", "completed")})),
	repeated(our("probe", with([]attribute{must(oneOf("kind", "startup", "readiness", "liveness"))},
		with(attrs("exec", "http", "tcp", "log", "topic", "every", "timeout", "failures"), yesNo("notify"))...))),
	our("limits", attrs("nofile", "nproc", "as", "core", "memory", "cpu", "pids")),
	repeated(our("hook", with([]attribute{must(oneOf("on", "pre_start", "post_start", "pre_stop", "post_stop")), must(attribute{name: "command"})},
		attrs("timeout")...))),
	our("schedule", with(attrs("cron", "every", "zone"), oneOf("overlap", "skip", "queue", "kill"))),
	our("replicas", attrs("count")),
	our("log", with(attrs("max_size", "keep", "max_age"), yesNo("gzip"))),
)

var taskTable = needed(&element{name: "Task", children: []*element{
	leaf("description"),
	needed(&element{name: "message", children: []*element{
		needed(&element{name: "header", children: []*element{
			leaf("action"), needed(leaf("service_name")), leaf("service_id"), leaf("transaction"), leaf("service_transaction"),
		}}),
		// Not marked as required: a program run by <command> may have nothing
		// to configure. For the others taskReader asks for it.
		{name: "content", children: []*element{{name: "configuration", open: true}}},
	}}),
	needed(&element{
		name: "state", attrs: []attribute{must(attribute{name: "type"})},
		children: []*element{transitionTable("on_start"), transitionTable("on_update"), transitionTable("on_fail"), transitionTable("on_exit")},
	}),
}})

func transitionTable(trigger string) *element {
	e := &element{name: trigger, children: []*element{leaf("action"), leaf("call")}}
	if trigger == "on_update" { // the others have nothing to tell apart
		e.attrs = attrs("when")
	}
	return e
}

var taskServiceTable = repeated(&element{
	name: "TaskService",
	attrs: []attribute{
		must(attribute{name: "id"}), must(attribute{name: "topic"}), must(attribute{name: "instance"}),
		must(oneOf("serviceType", "Process", "Thread")),
	},
	children: []*element{
		processTable,
		repeated(our("limit", with(attrs("rss", "cpu", "fds", "connections", "age", "for"), must(oneOf("action", "restart", "stop", "notify"))))),
		repeated(our("expect", with([]attribute{must(attribute{name: "topic"})}, attrs("min", "max", "age", "within")...))),
		taskTable,
	},
})

// contextTable is a Context file: the elements of the original and ours.
var contextTable = &element{name: "Context", children: []*element{
	needed(leaf("FrontEndEndpoint")), needed(leaf("BackendEndpoint")), needed(leaf("FrontBind")), needed(leaf("BackendBind")),
	needed(leaf("ContextID")), needed(leaf("TaskLogName")),
	taskServiceTable,
	our("transitions", attrs("intensity", "window")),
	our("monitor", with(attrs("interval"), yesNo("connections"), yesNo("opened_files"), yesNo("memory_maps"))),
	our("log", attrs("budget")),
	our("wire", nil),
}}

// metaTable is a MetaServiceConf file: the elements of the original and ours.
var metaTable = &element{name: "MetaServiceConf", children: []*element{
	needed(leaf("context_name")), needed(leaf("server_ip")), needed(leaf("sub_port")), needed(leaf("pub_port")),
	needed(leaf("service_path")), leaf("context_id"), leaf("home_path"), leaf("log_on"), leaf("location"),
	needed(repeated(&element{
		name: "Service", attrs: []attribute{oneOf("task_type", "Looped", "Single")},
		children: []*element{
			needed(leaf("task_service")), needed(leaf("task_desc")), needed(leaf("service_name")), needed(leaf("task_id")),
			leaf("device_action"), leaf("entry_action"), leaf("location"),
			leaf("task_file"), leaf("task_class"), leaf("task_topic"),
			our("service_type", nil), our("task_lang", nil), our("command", nil), processTable,
			repeated(&element{name: "state", children: []*element{needed(leaf("trigger")), leaf("action"), leaf("state_id")}}),
		},
	})),
}}
