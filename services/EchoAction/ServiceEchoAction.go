package main

import (
	"context"

	"zmicroservices/taskservice"
)

// serviceName is the name by which messages address this service; the Context
// file has it as <service_name>.
const serviceName = "echo_action"

// ServiceEchoAction shows the task to the bus: its steps are taken one after the
// other until the service is asked to stop.
type ServiceEchoAction struct {
	task *EchoShouting
}

// Step takes one step of the task.
func (s ServiceEchoAction) Step(ctx context.Context, bus *taskservice.Session) error {
	return s.task.Step(ctx, bus)
}

// newTask is called once, before the service says started.
func newTask(c taskservice.Config) (taskservice.Task, error) {
	task, err := NewEchoShouting(c)
	if err != nil {
		return nil, err
	}
	return taskservice.Looped(every, ServiceEchoAction{task}.Step), nil
}
