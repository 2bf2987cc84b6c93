package main

import (
	"testing"

	"zmicroservices/taskservice"
)

// notice is one control message of the task.
type notice struct {
	action, result string
	items          map[string]any
}

// notices stands in for the session, and remembers what the task said.
type notices []notice

func (n *notices) Notify(action, result string, items map[string]any) error {
	*n = append(*n, notice{action, result, items})
	return nil
}

func TestCheckEmailsTakesSteps(t *testing.T) {
	task, err := NewCheckEmails(taskservice.Config{})
	if err != nil {
		t.Fatal(err)
	}
	var said notices
	for range 3 {
		if err := task.Step(t.Context(), &said); err != nil {
			t.Fatal(err)
		}
	}
	if task.steps != 3 {
		t.Errorf("took %d steps, want 3", task.steps)
	}
	for _, n := range said {
		if n.action == "failed" {
			t.Errorf("the task said %v", n)
		}
	}
}
