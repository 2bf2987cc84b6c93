package taskservice_test

import (
	"context"
	"time"

	"zmicroservices/taskservice"
)

// A task service that says a word every so often: its whole program.
func Example() {
	newEcho := func(c taskservice.Config) (taskservice.Task, error) {
		every, err := c.Duration("every", time.Second)
		if err != nil {
			return nil, err // published as a failed start, with this reason
		}
		words := c.String("words")
		return taskservice.Looped(every, func(ctx context.Context, s *taskservice.Session) error {
			return s.Updated(map[string]any{"echo": words})
		}), nil
	}
	main := func() { taskservice.Main("echo_action", newEcho) }
	_ = main
}

// A task that reacts to the failures of others.
func ExampleSession_Controls() {
	watch := taskservice.TaskFunc(func(ctx context.Context, s *taskservice.Session) error {
		controls := s.Controls()
		for {
			select {
			case <-ctx.Done():
				return nil
			case c := <-controls:
				if c.Header.Action == "failed" {
					s.Log.Info("another service failed", "task", c.Header.ServiceID, "reason", c.Status["reason"])
				}
			}
		}
	})
	_ = watch
}
