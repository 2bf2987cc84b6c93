package harness

import (
	"encoding/json"
	"fmt"
	"sync/atomic"
	"testing"
	"time"
)

// Operator is a client that commands a provider over the bus and reads its answers.
type Operator struct {
	Seen *Observer

	t   testing.TB
	out *Client
	n   atomic.Int64
}

// NewOperator connects one to both ends of the bus.
func NewOperator(t testing.TB, p *Provider) *Operator {
	t.Helper()
	return &Operator{t: t, Seen: Observe(t, p, "control", "state", "context", "process"), out: Publisher(t, p.Publish)}
}

// Send publishes a frame as it is.
func (o *Operator) Send(frame string) {
	o.t.Helper()
	if err := o.out.Send([]byte(frame)); err != nil {
		o.t.Fatal(err)
	}
}

// RequestID makes the identifier of a request.
func (o *Operator) RequestID() string { return fmt.Sprintf("harness-%d", o.n.Add(1)) }

// Command sends a context command about these task objects and gives its
// command_result.
func (o *Operator) Command(action, transaction string, tasks ...any) Message {
	o.t.Helper()
	id := o.RequestID()
	if tasks == nil {
		tasks = []any{}
	}
	o.Send("context @@@ " + JSON(map[string]any{
		"header": map[string]any{
			"action": action, "service_id": "context001", "service_name": "context",
			"service_transaction": transaction, "request_id": id,
		},
		"content": map[string]any{"configuration": map[string]any{
			"TaskService": tasks, "TaskLogName": "Harness", "ContextID": "context001",
			"FrontEndEndpoint": "tcp://127.0.0.1:1", "BackendEndpoint": "tcp://127.0.0.1:2",
			"FrontBind": "tcp://127.0.0.1:2", "BackendBind": "tcp://127.0.0.1:1",
		}},
	}))
	return o.Result(id)
}

// Result is the command_result of a request.
func (o *Operator) Result(id string) Message {
	o.t.Helper()
	said := o.Seen.Until("command_result of "+id, func(m Message) bool {
		return m.Status["device_action"] == "command_result" && m.Status["request_id"] == id
	})
	return said[len(said)-1]
}

// RoundTrip asks for the state of a transaction that does not exist and gives the
// time to the answer.
func (o *Operator) RoundTrip() time.Duration {
	o.t.Helper()
	transaction := o.RequestID()
	began := time.Now()
	o.Send("state @@@ " + JSON(map[string]any{
		"header": map[string]any{
			"action": "request", "service_id": "", "service_name": "state", "service_transaction": transaction,
		},
		"content": map[string]any{"configuration": map[string]any{}},
	}))
	said := o.Seen.Until("reply_context of "+transaction, func(m Message) bool {
		return m.Action == "reply_context" && m.Transaction == transaction
	})
	return said[len(said)-1].At.Sub(began)
}

// JSON is a value's text.
func JSON(v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		panic(err) // a test's own literal
	}
	return string(text)
}

// TaskObject is the object of a task service in a context message.
func TaskObject(id, instance, location string) map[string]any {
	configuration := map[string]any{}
	if location != "" {
		configuration["location"] = location
	}
	return map[string]any{
		"id": id, "topic": "process", "instance": instance, "serviceType": "Process",
		"Task": map[string]any{
			"message": map[string]any{
				"header":  map[string]any{"action": "start", "service_name": "command"},
				"content": map[string]any{"configuration": configuration},
			},
			"state": map[string]any{"type": "on_start"},
		},
	}
}
