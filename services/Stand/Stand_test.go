package main

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"zmicroservices/taskservice"
)

// notices stands in for the session, and counts what the task said.
type notices int

func (n *notices) Notify(string, string, map[string]any) error {
	*n++
	return nil
}

func TestStandingStandsForAWhileAndSaysNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		task, err := NewStanding(taskservice.Config{Values: map[string]any{"pause": "3s"}})
		if err != nil {
			t.Fatal(err)
		}
		var said notices
		begin := time.Now()
		if err := task.Run(t.Context(), &said); err != nil {
			t.Fatal(err)
		}
		if stood := time.Since(begin); !task.done || stood != 3*time.Second {
			t.Errorf("stood for %v", stood)
		}
		if said != 0 {
			t.Errorf("it said %d things", said)
		}
	})
}

func TestStandingStopsWhenAsked(t *testing.T) {
	task, err := NewStanding(taskservice.Config{Values: map[string]any{"pause": "1h"}})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := task.Run(ctx, new(notices)); err != nil || task.done {
		t.Errorf("got %v, done %v", err, task.done)
	}
}
