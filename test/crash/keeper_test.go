package crash

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"zmicroservices/context/command"
	"zmicroservices/context/event"
	"zmicroservices/test/harness"
)

// talker is a task service that says something twenty times a second.
const talker = `<Process><command>/bin/sh -c 'n=0; while :; do n=$((n+1)); echo line $n; sleep 0.05; done'</command><stop timeout="2s"/></Process>`

// TestServicesGoOnWhenTheirKeeperIsKilled kills it under a living provider.
func TestServicesGoOnWhenTheirKeeperIsKilled(t *testing.T) {
	b := newBench(t, 3, talker)
	b.start()
	b.settled(3)
	before, provider := b.pids(), b.client.Hello().PID
	for range keeperRounds {
		b.killKeeper()
		b.goesOn(before)
	}
	if after := b.client.Hello().PID; after != provider {
		t.Errorf("the provider was %d and is %d", provider, after)
	}
	// An exit under the new keeper is known, and what is asked of it done.
	if err := syscall.Kill(before["ts000"], syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	await(t, "the exit to be told", func() bool {
		views, err := b.client.State(t.Context(), b.transaction)
		return err == nil && views[0].Task("ts000").State == event.Failed
	})
	b.freeze()
	b.stop()
	if left := harness.Left(t, b.transaction); len(left) > 0 {
		t.Errorf("processes are left: %v", left)
	}
}

// TestServicesGoOnWhenNobodyIsLeft kills the provider first, then the keeper.
func TestServicesGoOnWhenNobodyIsLeft(t *testing.T) {
	b := newBench(t, 3, talker)
	b.start()
	b.settled(3)
	before := b.pids()
	keeper := b.keeper()
	b.kill()
	if err := syscall.Kill(keeper, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	await(t, "the keeper to be gone", func() bool { return !harness.Alive(keeper) })
	// One ends while nobody looks.
	if err := syscall.Kill(before["ts002"], syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	lost := before["ts002"]
	delete(before, "ts002")
	b.start()
	// How it ended is known where the kernel remembers; else it is made again.
	await(t, "the one that ended to be known for it", func() bool { return b.pids()["ts002"] != lost })
	after := b.pids()
	delete(after, "ts002")
	if !maps.Equal(before, after) {
		t.Errorf("services were %v and are %v", before, after)
	}
	b.goesOn(before)
	if reasons := b.notes("adopted", "ts000"); len(reasons) != 1 || !strings.Contains(reasons[0], "unwritten output") {
		t.Errorf("the journal says of the adoption: %q", reasons)
	}
	b.oneProcessEach()
	b.stop()
	if left := harness.Left(t, b.transaction); len(left) > 0 {
		t.Errorf("processes are left: %v", left)
	}
}

// keeper is the process that holds the services: the one with our state directory.
func (b *bench) keeper() int {
	b.t.Helper()
	files, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		b.t.Fatal(err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		args := strings.Split(string(text), "\x00")
		pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(file)))
		if err == nil && len(args) > 1 && args[1] == "keeper" && strings.Contains(string(text), "\x00"+b.state+"\x00") && harness.Alive(pid) {
			return pid
		}
	}
	return 0
}

// killKeeper ends it as a crash would, and waits for the next.
func (b *bench) killKeeper() {
	b.t.Helper()
	dead := b.keeper()
	if dead == 0 {
		b.t.Fatal("there is no keeper")
	}
	if err := syscall.Kill(dead, syscall.SIGKILL); err != nil {
		b.t.Fatal(err)
	}
	await(b.t, "another keeper", func() bool {
		now := b.keeper()
		return now != 0 && now != dead
	})
}

// goesOn wants these processes, and more lines of each than there were.
func (b *bench) goesOn(before map[event.TaskID]int) {
	b.t.Helper()
	lines := map[event.TaskID]int64{}
	for task := range before {
		lines[task] = b.logSize(task)
	}
	for task := range before {
		await(b.t, fmt.Sprintf("%s to be heard again", task), func() bool { return b.logSize(task) > lines[task] })
	}
	after := b.pids()
	for task, pid := range before {
		if after[task] != pid {
			b.t.Errorf("%s was process %d and is %d", task, pid, after[task])
		}
	}
}

func (b *bench) logSize(task event.TaskID) int64 {
	b.t.Helper()
	st, err := os.Stat(filepath.Join(b.state, "logs", b.transaction, string(task)+".log"))
	if err != nil {
		return 0
	}
	return st.Size()
}

// notes are the reasons of the journal's rows of this event about a task service.
func (b *bench) notes(what string, task event.TaskID) []string {
	b.t.Helper()
	entries, err := b.client.History(b.t.Context(), command.HistoryQuery{Limit: 1_000_000})
	if err != nil {
		b.t.Fatal(err)
	}
	var reasons []string
	for _, e := range entries {
		if e.Note != nil && e.Note.Event == what && e.Note.Task == task {
			reasons = append(reasons, e.Note.Reason)
		}
	}
	return reasons
}
