package main

import (
	"context"
	"fmt"
	"time"

	"zmicroservices/taskservice"
)

// every is the pause between two steps.
const every = 500 * time.Millisecond

// notifier is what the task needs of its session, so that a test can stand in.
type notifier interface {
	// Notify publishes a control message: action is updated (progress, a
	// result) or failed, result is success or failure, items go beside them.
	Notify(action, result string, items map[string]any) error
}

// Walking is the task: Walk along the street. It goes on until it is stopped; at
// a corner there is a café, and what it says there has coffee served.
type Walking struct {
	corner int // steps to the café
	steps  int
}

// NewWalking makes the task. The Context file may say after how many steps the
// corner comes, in <corner>.
func NewWalking(c taskservice.Config) (*Walking, error) {
	corner, err := c.Int("corner", 4)
	return &Walking{corner: corner}, err
}

// Step is one step along the street.
func (t *Walking) Step(ctx context.Context, bus notifier) error {
	t.steps++
	if t.steps != t.corner {
		fmt.Println("walking, step", t.steps)
		return nil
	}
	fmt.Println("a café at the corner")
	return bus.Notify("updated", "success", map[string]any{"sees": "café", "steps": t.steps})
}
