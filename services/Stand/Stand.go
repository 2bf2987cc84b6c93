package main

import (
	"context"
	"fmt"
	"time"

	"zmicroservices/taskservice"
)

// notifier is what the task needs of its session, so that a test can stand in.
type notifier interface {
	// Notify publishes a control message: action is updated (progress, a
	// result) or failed, result is success or failure, items go beside them.
	Notify(action, result string, items map[string]any) error
}

// Standing is the task: Stand up without doing anything. When it is done, the
// Context file has somebody walk.
type Standing struct {
	pause time.Duration
	done  bool
}

// NewStanding makes the task. The Context file may say for how long, in <pause>.
func NewStanding(c taskservice.Config) (*Standing, error) {
	pause, err := c.Duration("pause", time.Second)
	return &Standing{pause: pause}, err
}

// Run stands for a while.
func (t *Standing) Run(ctx context.Context, bus notifier) error {
	fmt.Println("standing still")
	select {
	case <-time.After(t.pause):
	case <-ctx.Done():
		return nil
	}
	fmt.Println("that was long enough")
	t.done = true
	return nil
}
