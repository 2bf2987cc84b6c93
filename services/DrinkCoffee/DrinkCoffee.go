package main

import (
	"context"
	"fmt"
	"time"

	"zmicroservices/taskservice"
)

// sipTime is how long a sip is enjoyed.
const sipTime = 500 * time.Millisecond

// notifier is what the task needs of its session, so that a test can stand in.
type notifier interface {
	// Notify publishes a control message: action is updated (progress, a
	// result) or failed, result is success or failure, items go beside them.
	Notify(action, result string, items map[string]any) error
}

// Drinking is the task: Stop and take a coffee.
type Drinking struct {
	sips  int // in a cup; 0 is a cup that is never empty
	taken int
}

// NewDrinking makes the task. The Context file may say how many sips a cup has,
// in <sips>; without it the service goes on until it is stopped.
func NewDrinking(c taskservice.Config) (*Drinking, error) {
	sips, err := c.Int("sips", 0)
	return &Drinking{sips: sips}, err
}

// Run takes sips until the cup is empty. It says nothing on the bus.
func (t *Drinking) Run(ctx context.Context, bus notifier) error {
	sip := time.NewTicker(sipTime)
	defer sip.Stop()
	for t.sips == 0 || t.taken < t.sips {
		select {
		case <-sip.C:
		case <-ctx.Done():
			return nil
		}
		t.taken++
		fmt.Println("coffee, sip", t.taken)
	}
	fmt.Println("the cup is empty")
	return nil
}
