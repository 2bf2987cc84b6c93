package taskservice

import (
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
	err = <-s.guard(func() error {
		task, err = s.factory(s.config)
		return err
	})
	if err == nil && task == nil {
		err = errors.New("factory made no task")
	}
	return task, err
}

// guard calls what an author wrote, in a goroutine of its own that ends with
// it. A panic is an error there, and so is a runtime.Goexit (as of a testing.T
// that fails), which would otherwise end the owner's goroutine. The channel
// gets one result; its capacity of 1 lets the goroutine end unheard.
func (s *service) guard(f func() error) <-chan error {
	result := make(chan error, 1)
	go func() {
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
	return result
}

func top(stack []byte) string {
	lines := strings.SplitAfterN(string(stack), "\n", stackLines+1)
	return strings.Join(lines[:min(len(lines), stackLines)], "")
}
