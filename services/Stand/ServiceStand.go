package main

import (
	"context"

	"zmicroservices/taskservice"
)

// serviceName is the name by which messages address this service; the Context
// file has it as <service_name>.
const serviceName = "state_update"

// ServiceStand shows the task to the bus: it is started once, and the service
// ends with it.
type ServiceStand struct {
	task *Standing
}

// Run does the work once. It returns when the work is done or ctx has ended.
func (s ServiceStand) Run(ctx context.Context, bus *taskservice.Session) error {
	return s.task.Run(ctx, bus)
}

// newTask is called once, before the service says started.
func newTask(c taskservice.Config) (taskservice.Task, error) {
	task, err := NewStanding(c)
	if err != nil {
		return nil, err
	}
	return ServiceStand{task}, nil
}
