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

// EchoShouting is the task: An echo action is for shouting the time after
// counting 10s.
type EchoShouting struct {
	count int // seconds from one shout to the next
	steps int
	now   func() time.Time
}

// NewEchoShouting makes the task. The Context file may say how far it counts, in
// <count>.
func NewEchoShouting(c taskservice.Config) (*EchoShouting, error) {
	count, err := c.Int("count", 10)
	if err != nil {
		return nil, err
	}
	if count < 1 {
		return nil, fmt.Errorf("count: %d is less than 1", count)
	}
	return &EchoShouting{count: count, now: time.Now}, nil
}

// Step counts one second; the last one is shouted.
func (t *EchoShouting) Step(ctx context.Context, bus notifier) error {
	t.steps++
	if t.steps%t.count != 0 {
		return nil
	}
	now := t.now().Format(time.TimeOnly)
	fmt.Printf("IT IS %s!\n", now)
	return bus.Notify("updated", "success", map[string]any{"shout": now})
}
