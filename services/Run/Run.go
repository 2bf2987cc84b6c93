package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"zmicroservices/taskservice"
)

// lapTime is how long a lap takes.
const lapTime = 500 * time.Millisecond

// errStumbled is how the first attempt ends; on_fail has it tried again.
var errStumbled = errors.New("stumbled over a shoelace")

// notifier is what the task needs of its session, so that a test can stand in.
type notifier interface {
	// Notify publishes a control message: action is updated (progress, a
	// result) or failed, result is success or failure, items go beside them.
	Notify(action, result string, items map[string]any) error
}

// Running is the task: Start running. The first process of a transaction
// stumbles after a lap; the one that comes after it finishes.
type Running struct {
	laps    int
	attempt uint64
	run     int // laps behind us
}

// NewRunning makes the task. The Context file may say how many laps it is to the
// finish, in <laps>.
func NewRunning(c taskservice.Config) (*Running, error) {
	laps, err := c.Int("laps", 3)
	return &Running{laps: laps, attempt: c.Incarnation}, err
}

// Run runs lap after lap to the finish, and says so.
func (t *Running) Run(ctx context.Context, bus notifier) error {
	lap := time.NewTicker(lapTime)
	defer lap.Stop()
	for t.run < t.laps {
		select {
		case <-lap.C:
		case <-ctx.Done():
			return nil
		}
		t.run++
		fmt.Printf("lap %d of %d\n", t.run, t.laps)
		if t.attempt == 1 {
			return errStumbled
		}
	}
	fmt.Println("finished, at attempt", t.attempt)
	return bus.Notify("updated", "success", map[string]any{"finished": true, "laps": t.run, "attempt": t.attempt})
}
