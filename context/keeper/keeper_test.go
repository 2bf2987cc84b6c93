package keeper

import (
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

func TestExitCodeIsToldInOrder(t *testing.T) {
	h := start(t)
	id := h.spawn(spec("ts001", "child", "exit", "42"))
	gone := h.await(id, Gone)
	if len(h.seen) != 3 || h.seen[0].Kind != Spawned || h.seen[1].Kind != Exited || h.seen[2].Kind != Gone {
		t.Fatalf("got %v", h.seen)
	}
	if h.seen[1].Code != 42 || gone.Code != 42 || h.seen[1].Signal != 0 {
		t.Errorf("exit: got %+v", h.seen[1])
	}
	for i, ev := range h.seen {
		if ev.Seq != uint64(i+1) || ev.PID != h.seen[0].PID || ev.Start.Ticks == 0 || ev.Start.Boot == "" || ev.Start.PIDNS == 0 {
			t.Errorf("event %d: got %+v", i, ev)
		}
	}
}

func TestKilledServiceIsToldWithItsSignal(t *testing.T) {
	h := start(t)
	id := h.spawn(spec("ts001", "child", "hang"))
	if err := syscall.Kill(h.await(id, Spawned).PID, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	if ev := h.await(id, Exited); ev.Signal != syscall.SIGKILL || ev.Code != 0 {
		t.Errorf("got %+v", ev)
	}
	h.await(id, Gone)
}

func TestStopSendsTheSignalOfTheRecipe(t *testing.T) {
	h := start(t)
	s := spec("ts001", "child", "polite")
	s.Output.Log = filepath.Join(h.dir, "logs", "tr", "ts001.log")
	s.Stop.Signal = syscall.SIGUSR1
	id := h.spawn(s)
	h.awaitLog(s.Output.Log, "up")
	if err := h.Stop(id, nil); err != nil {
		t.Fatal(err)
	}
	if ev := h.await(id, Exited); ev.Code != 7 {
		t.Errorf("got %+v", ev)
	}
	h.await(id, Gone)
	if log := h.awaitLog(s.Output.Log, "got"); !strings.Contains(log, " out got user defined signal 1\n") {
		t.Errorf("got %q", log)
	}
}
