package main

import (
	"testing"
	"time"

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

func TestEchoShoutingShoutsAfterCounting(t *testing.T) {
	task, err := NewEchoShouting(taskservice.Config{})
	if err != nil {
		t.Fatal(err)
	}
	task.now = func() time.Time { return time.Date(2026, 1, 1, 12, 34, 56, 0, time.UTC) }
	var said notices
	for second := 1; second <= 20; second++ {
		if err := task.Step(t.Context(), &said); err != nil {
			t.Fatal(err)
		}
		if want := second / 10; len(said) != want {
			t.Fatalf("after %d s it has shouted %d times, want %d", second, len(said), want)
		}
	}
	if said[0].action != "updated" || said[0].items["shout"] != "12:34:56" {
		t.Errorf("it said %v", said[0])
	}
}

func TestEchoShoutingCannotCountToNothing(t *testing.T) {
	for _, count := range []string{"0", "-1", "ten"} {
		c := taskservice.Config{Values: map[string]any{"count": count}}
		if _, err := NewEchoShouting(c); err == nil {
			t.Errorf("count %q makes a task", count)
		}
	}
}
