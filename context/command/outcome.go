package command

import (
	"sync"

	"zmicroservices/context/event"
	"zmicroservices/taskservice/message"
)

// Outcome is the answer to a command.
type Outcome = event.Outcome

// result is an outcome as the bus says it: control, action update, in the
// context's name.
func result(o Outcome, contextID string) message.Control {
	status := map[string]any{"device_action": "command_result", "result": "success"}
	if !o.OK {
		status["result"] = "failed"
		status["reason"] = o.Reason
	}
	if len(o.Tasks) > 0 {
		tasks := make(map[string]any, len(o.Tasks))
		for id, why := range o.Tasks {
			tasks[string(id)] = why
		}
		status["tasks"] = tasks
	}
	if o.Request != "" {
		status["request_id"] = o.Request
	}
	return message.Control{
		Header: message.Header{
			Action: "update", ServiceID: contextID, ServiceName: "context",
			Transaction: string(o.Transaction), RequestID: o.Request,
		},
		Status: status,
	}
}

// waiters are the fronts that wait for an outcome, by request_id.
type waiters struct {
	mu sync.Mutex // guards by
	by map[string]chan Outcome
}

func newWaiters() *waiters { return &waiters{by: map[string]chan Outcome{}} }

// expect gives a channel on which the outcome of a request will come: capacity
// 1, so that whoever answers never waits.
func (w *waiters) expect(request string) chan Outcome {
	w.mu.Lock()
	defer w.mu.Unlock()
	c := make(chan Outcome, 1)
	w.by[request] = c
	return c
}

func (w *waiters) forget(request string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.by, request)
}

func (w *waiters) answer(o Outcome) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if c, ok := w.by[o.Request]; ok && o.Request != "" {
		delete(w.by, o.Request)
		c <- o
	}
}
