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

func TestDrinkingEmptiesTheCup(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		task, err := NewDrinking(taskservice.Config{Values: map[string]any{"sips": "3"}})
		if err != nil {
			t.Fatal(err)
		}
		var said notices
		if err := task.Run(t.Context(), &said); err != nil {
			t.Fatal(err)
		}
		if task.taken != 3 || said != 0 {
			t.Errorf("took %d sips and said %d things", task.taken, said)
		}
	})
}

func TestDrinkingWithoutSipsGoesOnUntilStopped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		task, err := NewDrinking(taskservice.Config{})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		if err := task.Run(ctx, new(notices)); err != nil {
			t.Fatal(err)
		}
		// The last sip and the end of the hour come at once.
		if hour := int(time.Hour / sipTime); task.taken < hour-1 || task.taken > hour {
			t.Errorf("took %d sips in an hour", task.taken)
		}
	})
}
