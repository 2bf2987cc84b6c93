package main

import (
	"context"

	"zmicroservices/taskservice"
)

// serviceName is the name by which messages address this service; the Context
// file has it as <service_name>.
const serviceName = "open_inbox"

// ServiceCheckEmails shows the task to the bus: its steps are taken one after the
// other until the service is asked to stop.
type ServiceCheckEmails struct {
	task *CheckEmails
}

// Step takes one step of the task.
func (s ServiceCheckEmails) Step(ctx context.Context, bus *taskservice.Session) error {
	return s.task.Step(ctx, bus)
}

// newTask is called once, before the service says started.
func newTask(c taskservice.Config) (taskservice.Task, error) {
	task, err := NewCheckEmails(c)
	if err != nil {
		return nil, err
	}
	return taskservice.Looped(every, ServiceCheckEmails{task}.Step), nil
}
