package main

import (
	"context"
	"fmt"
	"time"

	"zmicroservices/taskservice"
)

// every is the pause between two steps.
const every = time.Second

// notifier is what the task needs of its session, so that a test can stand in.
type notifier interface {
	// Notify publishes a control message: action is updated (progress, a
	// result) or failed, result is success or failure, items go beside them.
	Notify(action, result string, items map[string]any) error
}

// CheckEmails is the task: Check emails from your mobile.
type CheckEmails struct {
	steps int
}

// NewCheckEmails makes the task. c.Values has what the Context file says in
// <configuration>. An error here is published as a failed start.
func NewCheckEmails(c taskservice.Config) (*CheckEmails, error) {
	return &CheckEmails{}, nil
}

// Step is one round of the work. It must return soon after ctx has ended. An
// error ends the task and is published as failed, with its text as the reason.
func (t *CheckEmails) Step(ctx context.Context, bus notifier) error {
	t.steps++
	fmt.Printf("look %d: no new mail\n", t.steps)
	return nil
}
