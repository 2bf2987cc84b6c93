package taskservice

import (
	"context"
	"time"
)

// Task is the work of a task service.
//
// Run is called once, after started was published. It returns soon after ctx
// has ended, which is how a stop reaches it; what it returns then does not
// matter. Otherwise nil means that the work is done, and the service ends as
// stopped; an error means that it failed, for that reason. A panic counts as
// an error.
type Task interface {
	Run(ctx context.Context, s *Session) error
}

// TaskFunc is a Task that is a function.
type TaskFunc func(ctx context.Context, s *Session) error

// Run calls f.
func (f TaskFunc) Run(ctx context.Context, s *Session) error { return f(ctx, s) }

// Factory makes the task from its configuration. It is called once, before
// started is published; an error or a panic makes that a failed start.
type Factory func(c Config) (Task, error)

// Looped is a Task that takes one step after the other, the first at once, with
// a pause of every between two, until ctx ends or a step returns an error.
func Looped(every time.Duration, step func(ctx context.Context, s *Session) error) Task {
	return TaskFunc(func(ctx context.Context, s *Session) error {
		pause := time.NewTimer(0)
		defer pause.Stop()
		for {
			// Asked first by itself: a select would choose at random.
			if ctx.Err() != nil {
				return nil
			}
			select {
			case <-ctx.Done():
				return nil
			case <-pause.C:
			}
			if err := step(ctx, s); err != nil {
				return err
			}
			pause.Reset(every)
		}
	})
}
