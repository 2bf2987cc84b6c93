package conf

import (
	"fmt"
	"strings"
)

// Validate judges what the elements of c say of each other. It is pure: the
// same c gives the same lists, in the order of the file, and nothing is read.
func (c *Context) Validate() (errs, warnings ErrorList) {
	v := &validator{c: c, tasks: make(map[string]*Task, len(c.Tasks))}
	v.ids()
	v.calls()
	v.depends()
	v.doors()
	v.replicas()
	return v.errs.sorted(), v.warnings.sorted()
}

type validator struct {
	c              *Context
	tasks          map[string]*Task
	circles        int
	errs, warnings ErrorList
}

func (v *validator) fail(pos Pos, t *Task, format string, args ...any) {
	if len(v.errs) >= maxMistakes {
		return
	}
	e := &Error{Pos: pos, Msg: clip(fmt.Sprintf(format, args...))}
	if t != nil {
		e.Task = t.ID
	}
	v.errs = append(v.errs, e)
}

func (v *validator) ids() {
	for _, t := range v.c.Tasks {
		if t.ID == "" {
			continue
		}
		if first, twice := v.tasks[t.ID]; twice {
			v.fail(t.idPos, t, "the id is used twice; first at %s", first.idPos.line())
			continue
		}
		v.tasks[t.ID] = t
	}
}

func (v *validator) calls() {
	for _, t := range v.c.Tasks {
		for _, tr := range t.Transitions {
			if v.tasks[tr.Call] == nil {
				v.fail(tr.Pos, t, "%s calls %q, which is not defined here", tr.Trigger, tr.Call)
			}
		}
	}
}

// depends finds ids that do not exist and circles in which every task would
// wait for the next for ever.
func (v *validator) depends() {
	const (
		unseen = iota
		onPath
		done
	)
	state := make(map[*Task]int)
	var path []*Task
	var edges []Depends // edges[i] leads from path[i] to path[i+1]
	var visit func(t *Task)
	visit = func(t *Task) {
		state[t] = onPath
		path = append(path, t)
		for _, d := range t.Process.Depends {
			next := v.tasks[d.On]
			if next == nil {
				if d.On != "" {
					v.fail(d.Pos, t, "depends on %q, which is not defined here", d.On)
				}
				continue
			}
			if d.Until == "completed" && next.Process.Restart.Policy == "always" {
				v.fail(d.Pos, t, "waits until %s has completed, which it never does: its restart policy is always", d.On)
			}
			edges = append(edges, d)
			switch state[next] {
			case unseen:
				visit(next)
			case onPath:
				v.circle(path, edges, next)
			}
			edges = edges[:len(edges)-1]
		}
		path = path[:len(path)-1]
		state[t] = done
	}
	for _, t := range v.c.Tasks {
		if state[t] == unseen {
			visit(t)
		}
	}
}

// A file of 5,000 tasks can hold millions of circles of thousands of tasks.
// Whoever breaks the first few sees the next.
const (
	maxCircles     = 20
	maxCircleTasks = 10
)

// circle tells of the part of path that begins at back.
func (v *validator) circle(path []*Task, edges []Depends, back *Task) {
	if v.circles++; v.circles > maxCircles {
		return
	}
	first := 0
	for path[first] != back {
		first++
	}
	if first == len(path)-1 {
		v.fail(edges[first].Pos, back, "depends on itself")
		return
	}
	var b strings.Builder
	fmt.Fprintf(&b, "depends on itself in a circle: %s", back.ID)
	var places []string
	for i, d := range edges[first:] {
		if i == maxCircleTasks {
			fmt.Fprintf(&b, " -> … %d more … -> %s", len(edges)-first-i-1, back.ID)
			break
		}
		fmt.Fprintf(&b, " -> %s", d.On)
		places = append(places, d.Pos.line())
	}
	v.fail(edges[first].Pos, back, "%s (%s)", b.String(), strings.Join(places, ", "))
}

// doors compares what clients connect to with what the forwarder binds. The
// addresses may differ for good reasons (a name, a tunnel), the ports hardly.
func (v *validator) doors() {
	c := v.c
	for _, d := range []struct{ connectName, connect, bindName, bind string }{
		{"BackendEndpoint", c.BackendEndpoint, "FrontBind", c.FrontBind},
		{"FrontEndEndpoint", c.FrontEndEndpoint, "BackendBind", c.BackendBind},
	} {
		if d.connect == "" || d.bind == "" || checkEndpoint(d.connect, false) != nil || checkEndpoint(d.bind, true) != nil {
			continue
		}
		if !sameDoor(d.connect, d.bind) {
			v.warnings = append(v.warnings, &Error{Pos: c.places[d.connectName], Msg: fmt.Sprintf(
				"%s %s does not lead to %s %s: clients will not find the forwarder", d.connectName, d.connect, d.bindName, d.bind)})
		}
	}
	if c.FrontBind != "" && c.FrontBind == c.BackendBind && !freePort(c.FrontBind) {
		v.fail(c.places["BackendBind"], nil, "BackendBind %s is FrontBind's address too; the forwarder needs two", c.BackendBind)
	}
}

// freePort reports whether a bind leaves the choice of the port to the system.
func freePort(bind string) bool {
	return strings.HasPrefix(bind, "tcp://") && (door(bind) == "0" || door(bind) == "*")
}
