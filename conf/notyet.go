package conf

import (
	"fmt"
)

// notYet lists what is read and validated but not carried out in this release.
// To start a service without what its file asks for would be worse than not to
// start it, so these are refused. The table only ever gets shorter.
var notYet = []struct {
	element string
	remedy  string
	task    func(t *Task) []Pos // where a task service asks for it
}{
	{element: "limit", remedy: "remove it", task: func(t *Task) []Pos {
		return where(t.Limits, func(l Limit) (Pos, bool) { return l.Pos, true })
	}},
}

// NotYet returns an error for each element of c that this release would pass
// over, with its place and what to do instead.
func NotYet(c *Context) []*Error {
	var errs ErrorList
	for _, t := range c.Tasks {
		errs = append(errs, NotYetTask(t)...)
	}
	return errs.sorted()
}

// NotYetTask is NotYet for one task service, one that Admit made for instance.
func NotYetTask(t *Task) []*Error {
	var errs ErrorList
	for _, n := range notYet {
		errs = refuse(errs, n.task(t), t.ID, n.element, n.remedy)
	}
	return errs.sorted()
}

func refuse(errs ErrorList, places []Pos, task, element, remedy string) ErrorList {
	for _, pos := range places {
		errs = append(errs, &Error{Pos: pos, Task: task, Msg: fmt.Sprintf("not yet: %s has no effect in this release; %s", element, remedy)})
	}
	return errs
}

func where[T any](list []T, means func(T) (Pos, bool)) []Pos {
	var places []Pos
	for _, v := range list {
		if pos, ok := means(v); ok {
			places = append(places, pos)
		}
	}
	return places
}
