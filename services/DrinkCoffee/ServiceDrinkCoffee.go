package main

import (
	"context"

	"zmicroservices/taskservice"
)

// serviceName is left to the Context file: the two sample contexts that this
// service is part of, StateMachine and SampleServices, have different ones.
const serviceName = ""

// ServiceDrinkCoffee shows the task to the bus: it is started once, and the
// service ends with it.
type ServiceDrinkCoffee struct {
	task *Drinking
}

// Run does the work once. It returns when the work is done or ctx has ended.
func (s ServiceDrinkCoffee) Run(ctx context.Context, bus *taskservice.Session) error {
	return s.task.Run(ctx, bus)
}

// newTask is called once, before the service says started.
func newTask(c taskservice.Config) (taskservice.Task, error) {
	task, err := NewDrinking(c)
	if err != nil {
		return nil, err
	}
	return ServiceDrinkCoffee{task}, nil
}
