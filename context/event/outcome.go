package event

import (
	"fmt"
	"maps"
	"slices"
)

// Outcome is the answer to an operator's request: made when every task service
// named has reached what was asked for, or cannot.
type Outcome struct {
	Transaction TransactionID     `json:"transaction"`
	Action      string            `json:"action"`
	Request     string            `json:"request_id,omitempty"` // of the command, "" if it had none
	OK          bool              `json:"ok"`
	Reason      string            `json:"reason,omitempty"` // why not OK, in a line
	Tasks       map[TaskID]string `json:"tasks,omitempty"`  // the task services that failed, and why
}

// Fail puts task services that failed, at least one, into the outcome, and a line
// about them.
func (o *Outcome) Fail(tasks map[TaskID]string) {
	first := slices.Min(slices.Collect(maps.Keys(tasks)))
	o.OK, o.Tasks = false, tasks
	o.Reason = fmt.Sprintf("%s: %s", first, tasks[first])
	if n := len(tasks); n > 1 {
		o.Reason += fmt.Sprintf(" (and %d more)", n-1)
	}
}
