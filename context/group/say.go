package group

import (
	"maps"

	"zmicroservices/context/event"
)

// sayProcess publishes k's object with an action, and notes it in the words of
// the context info. It gives the object as said.
func (t *Transaction) sayProcess(k *task, a Action, c event.Cause) map[string]any {
	s := &k.seen
	object := k.spec.Raw
	if a == Start && k.want.run && !k.spec.RunsAtStart() {
		object = runNow(object)
	}
	s.action, s.result, s.object, s.told = string(a), "in_progress", object, string(a)
	t.touch(k)
	t.emit(SayProcess{Task: k.spec, Object: object, Action: a, Cause: c})
	return object
}

// runNow gives a task object whose entry runs at once: so a service that would
// wait is started by a later start, whatever language it is written in.
func runNow(object map[string]any) map[string]any {
	out := maps.Clone(object)
	task, ok := out["Task"].(map[string]any)
	if !ok {
		return out
	}
	task = maps.Clone(task)
	out["Task"] = task
	state, _ := task["state"].(map[string]any)
	state = maps.Clone(state)
	if state == nil {
		state = map[string]any{}
	}
	state["type"] = "start_now"
	task["state"] = state
	return out
}

// announce says k's state on the control topic, unless the service said it.
func (t *Transaction) announce(k *task, c event.Cause) {
	s := &k.seen
	action, result := s.state.String(), "success"
	status := map[string]any{"device_action": k.spec.DeviceAction, "pid": any(s.pid)}
	if s.pid == 0 {
		status["pid"] = nil
	}
	switch s.state {
	case event.Started:
		if k.self() {
			return
		}
	case event.Stopped:
		if s.saidStopped {
			return
		}
	case event.Failed:
		result = "failure"
		if !s.reached {
			action = event.Started.String() // a start that failed is said as the original says it
		}
		status["reason"] = s.reason
		if s.exit != nil {
			if s.exit.Signal != "" {
				status["signal"] = s.exit.Signal
			} else {
				status["exit_code"] = s.exit.Code
			}
		}
	}
	status["result"] = result
	s.action, s.result = action, result
	t.touch(k)
	t.emit(SayControl{Task: k.spec, Action: action, Status: status, Cause: c, Subject: k.ref(t.opts.Transaction)})
}
