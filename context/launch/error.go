package launch

import (
	"fmt"
	"strings"
)

// NotFoundError says that nothing was found that a task service could be run
// as. Its text goes to the operator as it is: the reason of a failed start.
type NotFoundError struct {
	Instance string   // as in the Context file
	Hook     string   // the turn of the hook that it is about; "" is the task service itself
	Tried    []string // paths in the order tried, each with a remark in brackets if there is more to say
	Help     string   // what to do, a command where one helps
}

func (e *NotFoundError) Error() string {
	var b strings.Builder
	b.WriteString("find ")
	if e.Hook != "" {
		fmt.Fprintf(&b, "hook %s of ", e.Hook)
	}
	fmt.Fprintf(&b, "task service %s: nothing to run", e.Instance)
	if len(e.Tried) > 0 {
		fmt.Fprintf(&b, "; tried %s", strings.Join(e.Tried, ", "))
	}
	if e.Help != "" {
		fmt.Fprintf(&b, "; %s", e.Help)
	}
	return b.String()
}
