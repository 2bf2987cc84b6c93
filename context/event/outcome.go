package event

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
