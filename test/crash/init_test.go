package crash

import (
	"maps"
	"syscall"
	"testing"

	"zmicroservices/context/command"
	"zmicroservices/context/event"
	"zmicroservices/test/harness"
)

// TestAKeeperThatStandsFirstStartsItsProviderAgain has --init: the process that
// was started is the keeper, and the provider below it is killed.
func TestAKeeperThatStandsFirstStartsItsProviderAgain(t *testing.T) {
	b := newBench(t, 3, `<Process><command>/bin/sleep 1000</command></Process>`, "--init")
	b.start()
	b.settled(3)
	before := b.pids()
	for range 3 {
		dead := b.client.Hello().PID
		if dead == b.cmd.Process.Pid {
			t.Fatal("the provider stands first")
		}
		if err := syscall.Kill(dead, syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		<-b.client.Done()
		_ = b.client.Close()
		b.meet()
		if now := b.client.Hello().PID; now == dead {
			t.Fatalf("provider %d answers after its death", dead)
		}
		if after := b.pids(); !maps.Equal(before, after) {
			t.Fatalf("services were %v and are %v", before, after)
		}
	}
	b.stop()
	if left := harness.Left(t, b.transaction); len(left) > 0 {
		t.Errorf("processes are left: %v", left)
	}
}

// settled returns when n services have started and the journal has it: what a
// provider has not written yet, its successor does not go on with.
func (b *bench) settled(n int) {
	b.t.Helper()
	await(b.t, "the services to start", func() bool { return len(b.pids()) == n })
	b.written()
}

// written returns when the journal has all that was seen so far.
func (b *bench) written() {
	b.t.Helper()
	if _, err := b.client.History(b.t.Context(), command.HistoryQuery{Limit: 1}); err != nil { // it waits for the writer
		b.t.Fatal(err)
	}
}

// pids are those of the services that have started.
func (b *bench) pids() map[event.TaskID]int {
	b.t.Helper()
	views, err := b.client.State(b.t.Context(), b.transaction)
	if err != nil {
		return nil // not yet begun
	}
	out := map[event.TaskID]int{}
	for _, task := range views[0].Tasks {
		if task.State == event.Started {
			out[task.ID] = task.PID
		}
	}
	return out
}
