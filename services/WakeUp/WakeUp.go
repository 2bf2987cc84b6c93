package main

import (
	"context"
	"fmt"

	"zmicroservices/taskservice"
)

// notifier is what the task needs of its session, so that a test can stand in.
type notifier interface {
	// Notify publishes a control message: action is updated (progress, a
	// result) or failed, result is success or failure, items go beside them.
	Notify(action, result string, items map[string]any) error
}

// WakeUp is the task: Wakes up every morning.
type WakeUp struct {
	done bool
}

// NewWakeUp makes the task. c.Values has what the Context file says in
// <configuration>. An error here is published as a failed start.
func NewWakeUp(c taskservice.Config) (*WakeUp, error) {
	return &WakeUp{}, nil
}

// Run does the work, once. It must return soon after ctx has ended. An error is
// published as failed, with its text as the reason.
func (t *WakeUp) Run(ctx context.Context, bus notifier) error {
	fmt.Println("good morning")
	t.done = true
	return nil
}
