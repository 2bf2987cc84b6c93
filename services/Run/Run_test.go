package main

import (
	"errors"
	"testing"
	"testing/synctest"

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

func TestRunningStumblesFirstAndFinishesThen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var said notices
		for _, row := range []struct {
			incarnation uint64
			laps        int
			err         error
		}{{1, 1, errStumbled}, {2, 3, nil}} {
			task, err := NewRunning(taskservice.Config{Incarnation: row.incarnation})
			if err != nil {
				t.Fatal(err)
			}
			if err := task.Run(t.Context(), &said); !errors.Is(err, row.err) {
				t.Errorf("attempt %d ended with %v, want %v", row.incarnation, err, row.err)
			}
			if task.run != row.laps {
				t.Errorf("attempt %d took %d laps, want %d", row.incarnation, task.run, row.laps)
			}
		}
		if len(said) != 1 || said[0].items["finished"] != true {
			t.Errorf("it said %v", said)
		}
	})
}
