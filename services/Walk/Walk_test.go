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

func TestWalkingSeesTheCaféOnce(t *testing.T) {
	task, err := NewWalking(taskservice.Config{Values: map[string]any{"corner": "3"}})
	if err != nil {
		t.Fatal(err)
	}
	var said notices
	for range 10 {
		if err := task.Step(t.Context(), &said); err != nil {
			t.Fatal(err)
		}
	}
	if len(said) != 1 || said[0].action != "updated" || said[0].items["steps"] != 3 {
		t.Errorf("it said %v", said)
	}
}
