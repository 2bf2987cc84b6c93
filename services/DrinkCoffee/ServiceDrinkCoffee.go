package main

import (
	"context"
	"os"
	"slices"

	"zmicroservices/taskservice"
)

// serviceNames are the names by which messages address this service: the two
// sample contexts that it is part of, StateMachine and SampleServices, have
// different ones as <service_name>.
var serviceNames = []string{"state_update", "drink_espresso"}

// serviceName is the one of the context that started us; of another one Main
// will say what is wrong.
func serviceName() string {
	c, err := taskservice.FromEnv(os.Environ())
	if err == nil && slices.Contains(serviceNames, c.ServiceName) {
		return c.ServiceName
	}
	return serviceNames[0]
}

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
