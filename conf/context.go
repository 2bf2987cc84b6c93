package conf

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"time"
)

// Context is a Context file, or what a message's content.configuration says of
// one.
type Context struct {
	File string // its path; "" for a message

	FrontEndEndpoint string // who listens connects here
	BackendEndpoint  string // who publishes connects here
	FrontBind        string // the forwarder takes publishers here
	BackendBind      string // the forwarder takes subscribers here

	ContextID   string
	TaskLogName string
	Tasks       []*Task // in the order of the file

	Transitions Transitions
	Monitor     Monitor
	LogBudget   int64  // bytes, over all files of output of the context
	Wire        string // "" or "original"

	// Warnings are mistakes that keep nothing from running.
	Warnings []*Error

	// Raw is the file as the dictionary that the original's programs send as
	// content.configuration: strings, map[string]any, []any. TaskService is
	// always a list, and our own elements keep their attributes to themselves.
	Raw map[string]any

	places map[string]Pos // of the elements named in it
}

// Transitions bounds what transitions may cause: Intensity actions that share
// a root cause within Window.
type Transitions struct {
	Pos       Pos `json:"-"`
	Intensity int
	Window    time.Duration
}

// Bounds are the limits of an input, checked while it is read.
type Bounds struct {
	Bytes int64 // of the file
	Depth int   // elements within elements
	Tasks int   // task services in a file
}

// DefaultBounds returns what Load and Parse use: 64 MiB, as a message, 64
// levels, 5,000 task services.
func DefaultBounds() Bounds { return Bounds{Bytes: 64 << 20, Depth: 64, Tasks: 5000} }

// Load reads, parses and validates a Context file. The error is an ErrorList of
// all mistakes, or what the operating system said. What is merely odd is in
// Context.Warnings.
func Load(path string) (*Context, error) { return LoadBounded(path, DefaultBounds()) }

// LoadBounded is Load with bounds of the caller's.
func LoadBounded(path string, bounds Bounds) (*Context, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("read context file: %w", err)
	}
	defer f.Close()
	return check(path, f, bounds)
}

// check parses and validates, and returns no Context that has mistakes.
func check(file string, in io.Reader, bounds Bounds) (*Context, error) {
	c, err := parse(file, in, bounds)
	var errs ErrorList
	if err != nil && !errors.As(err, &errs) {
		return nil, err
	}
	if c != nil {
		more, warnings := c.Validate()
		errs = append(errs, more...)
		c.Warnings = append(ErrorList(c.Warnings), warnings...).sorted()
	}
	if len(errs) > 0 {
		return nil, errs.sorted()
	}
	return c, nil
}

// Parse reads a Context file; file is the name that positions carry. It judges
// each element by itself; what elements say of each other is for Validate. With
// an ErrorList it still returns what could be understood, nil only if the input
// is no XML.
func Parse(file string, r io.Reader) (*Context, error) { return parse(file, r, DefaultBounds()) }

func parse(file string, in io.Reader, bounds Bounds) (*Context, error) {
	root, err := parseFile(file, in, "Context", bounds)
	if err != nil {
		return nil, err
	}
	r := &reader{}
	r.check(root, contextTable)
	c := r.context(root, bounds)
	c.File = file
	c.Raw = object(root)
	list, ok := c.Raw["TaskService"].([]any)
	if !ok {
		list = []any{}
		if single, ok := c.Raw["TaskService"]; ok {
			list = append(list, single)
		}
	}
	c.Raw["TaskService"] = list
	return c, r.errs.sorted().Err()
}

// parseFile reads the tree of a file whose root element has the wanted name.
func parseFile(file string, in io.Reader, root string, bounds Bounds) (*node, error) {
	src, err := readBounded(file, in, bounds)
	if err != nil {
		return nil, err
	}
	return rootOf(file, src, root, bounds)
}

// readBounded reads all of in and converts it to UTF-8.
func readBounded(file string, in io.Reader, bounds Bounds) ([]byte, error) {
	var src bytes.Buffer
	// One byte more than allowed tells a file at the limit from one beyond it.
	n, err := src.ReadFrom(io.LimitReader(in, bounds.Bytes+1))
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", file, err)
	}
	if n > bounds.Bytes {
		return nil, ErrorList{{Pos: Pos{file, 1, 1}, Msg: fmt.Sprintf("the file is larger than %d bytes", bounds.Bytes)}}
	}
	text, err := toUTF8(src.Bytes())
	if err != nil {
		return nil, ErrorList{{Pos: Pos{file, 1, 1}, Msg: err.Error()}}
	}
	return text, nil
}

// rootOf parses text and checks the name of its root element.
func rootOf(file string, text []byte, root string, bounds Bounds) (*node, error) {
	tree, err := parseTree(file, text, bounds)
	if err != nil {
		return nil, err
	}
	if tree.name != root {
		return nil, ErrorList{{Pos: tree.pos, Msg: fmt.Sprintf("the root element is <%s>; wanted is <%s>", tree.name, root)}}
	}
	return tree, nil
}

// context reads a root that check has gone over.
func (r *reader) context(root *node, bounds Bounds) *Context {
	c := &Context{
		FrontEndEndpoint: root.child("FrontEndEndpoint").content(),
		BackendEndpoint:  root.child("BackendEndpoint").content(),
		FrontBind:        root.child("FrontBind").content(),
		BackendBind:      root.child("BackendBind").content(),
		ContextID:        root.child("ContextID").content(),
		TaskLogName:      root.child("TaskLogName").content(),
		Transitions:      Transitions{Intensity: 30, Window: 10 * time.Second},
		Monitor:          Monitor{Interval: DefaultMonitorInterval, Connections: true},
		LogBudget:        1e9,
		places:           map[string]Pos{},
	}
	for _, n := range root.nodes {
		if n.name != "TaskService" {
			c.places[n.name] = n.pos
		}
	}
	for _, name := range []string{"FrontEndEndpoint", "BackendEndpoint", "FrontBind", "BackendBind"} {
		if n := root.child(name); n.content() != "" {
			if err := checkEndpoint(n.text, name == "FrontBind" || name == "BackendBind"); err != nil {
				r.fail(n.pos, "%s %q %v", name, n.text, err)
			}
		}
	}
	if n := root.child("transitions"); n != nil {
		c.Transitions.Pos = n.pos
		read(r, n, "intensity", &c.Transitions.Intensity, intIn(1, math.MaxInt32))
		read(r, n, "window", &c.Transitions.Window, parseInterval)
	}
	if n := root.child("monitor"); n != nil {
		c.Monitor = r.monitor(n, c.Monitor)
	}
	read(r, root.child("log"), "budget", &c.LogBudget, parseSize)
	if n := root.child("wire"); n != nil {
		c.Wire = n.text
		if n.text != "original" && n.text != "" {
			r.fail(n.pos, "wire %q is unknown; it may be original, or the element left out", n.text)
		}
	}
	services := root.children("TaskService")
	if len(services) > bounds.Tasks {
		r.fail(services[bounds.Tasks].pos, "there are %d task services; a file holds at most %d", len(services), bounds.Tasks)
		services = services[:bounds.Tasks]
	}
	for _, n := range services {
		r.inTask(n, taskServiceTable, func() { c.Tasks = append(c.Tasks, r.taskService(n)) })
	}
	c.Warnings = r.warnings.sorted()
	return c
}

// Task returns the task service with that id, nil if there is none.
func (c *Context) Task(id string) *Task {
	if c == nil {
		return nil
	}
	for _, t := range c.Tasks {
		if t.ID == id {
			return t
		}
	}
	return nil
}

// ServicesPaths lists every location that the context's task services name, in
// order and once each: where a message may start services from by default.
func (c *Context) ServicesPaths() []string {
	if c == nil {
		return nil
	}
	var paths []string
	seen := map[string]bool{}
	for _, t := range c.Tasks {
		if t.Location != "" && !seen[t.Location] {
			seen[t.Location] = true
			paths = append(paths, c.Resolve(t.Location))
		}
	}
	return paths
}

// Resolve returns where a location leads: a relative one counts from the folder
// of the file, so that a file means the same wherever the provider is started.
func (c *Context) Resolve(location string) string {
	if c == nil || c.File == "" || filepath.IsAbs(location) {
		return filepath.Clean(location)
	}
	return filepath.Join(filepath.Dir(c.File), location)
}
