package crash

import (
	"context"
	"maps"
	"testing"

	"github.com/google/uuid"

	"zmicroservices/context/command"
	"zmicroservices/context/event"
	"zmicroservices/test/harness"
)

// What an operator has scaled, and what has completed, is as it was after a crash.
func TestReplicasAndOneShotsOutliveTheirProvider(t *testing.T) {
	b := newBench(t, 1, `<Process><command>/bin/sleep 600</command><replicas count="2"/></Process>`)
	b.start()
	b.settled(2)
	b.scale(4)
	before := b.pids()
	b.kill()
	b.start()
	if after := b.pids(); len(before) != 4 || !maps.Equal(before, after) {
		t.Errorf("pids were %v and are %v", before, after)
	}
	b.scale(1)
	if after := b.pids(); len(after) != 1 || after["ts000"] != before["ts000"] {
		t.Errorf("scaled to one: %v of %v", after, before)
	}
	b.stop()
	if left := harness.Left(t, b.transaction); len(left) > 0 {
		t.Errorf("processes are left: %v", left)
	}
}

func TestWhatHasCompletedIsNotRunAgain(t *testing.T) {
	b := newBench(t, 1, `<Process><command>/bin/true</command><replicas count="2"/></Process>`)
	b.start()
	completed := func() bool {
		for _, v := range b.tasks() {
			if !v.Completed || v.Incarnation != 1 {
				return false
			}
		}
		return len(b.tasks()) == 2
	}
	await(t, "the one-shots to complete", completed)
	b.written()
	b.kill()
	b.start()
	if !completed() {
		t.Errorf("after a crash: %+v", b.tasks())
	}
	b.stop()
}

func (b *bench) tasks() []*event.TaskView {
	b.t.Helper()
	views, err := b.client.State(b.t.Context(), b.transaction)
	if err != nil || len(views) != 1 {
		return nil // not yet begun
	}
	return views[0].Tasks
}

func (b *bench) scale(n int) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.t.Context(), harness.Patience)
	defer cancel()
	o, err := b.client.Scale(ctx, command.Scaling{
		Transaction: b.transaction, Request: uuid.NewString(), Replicas: map[event.TaskID]int{"ts000": n},
	}, nil)
	if err != nil || !o.OK {
		b.t.Fatalf("scale to %d: %+v, %v", n, o, err)
	}
}
