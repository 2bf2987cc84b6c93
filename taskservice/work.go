package taskservice

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"strings"
)

// stackLines is how much of a panic's stack is worth a log line: the place
// where it happened and the callers up to the task's own.
const stackLines = 24

// make calls the factory; a panic in it is an error.
func (s *service) make() (task Task, err error) {
	err = s.guard(func() error {
		task, err = s.factory(s.config)
		return err
	})
	if err == nil && task == nil {
		err = errors.New("factory made no task")
	}
	return task, err
}

// work runs the task. Whatever ends it ends here.
func (s *service) work(ctx context.Context, task Task) {
	s.done <- s.guard(func() error { return task.Run(ctx, s.session) })
}

// guard calls f in a goroutine of its own, so that a runtime.Goexit in it (as
// of a testing.T that fails) ends that one and not the owner's.
func (s *service) guard(f func() error) error {
	result := make(chan error, 1) // sent once, by the goroutine below
	go func() {                   // ends with f
		err := errors.New("task ended its goroutine (runtime.Goexit)")
		defer func() {
			if v := recover(); v != nil {
				err = fmt.Errorf("panic: %v", v)
				s.log.Error("task panicked", "err", err, "stack", top(debug.Stack()))
			}
			result <- err
		}()
		err = f()
	}()
	return <-result
}

func top(stack []byte) string {
	lines := strings.SplitAfterN(string(stack), "\n", stackLines+1)
	return strings.Join(lines[:min(len(lines), stackLines)], "")
}
