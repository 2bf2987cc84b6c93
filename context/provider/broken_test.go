package provider

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"zmicroservices/context/command"
	"zmicroservices/context/event"
	"zmicroservices/context/group"
)

// A keeper that is killed is the end of its provider, however many transactions
// have an answer to give that nobody reads any more.
func TestAProviderEndsWhenItsKeeperIsKilled(t *testing.T) {
	s := start(t, file(t, service("a", "/bin/sleep 1000", "")))
	s.say("start")
	pid := pid(t, s.hear("a", "started"))
	t.Cleanup(func() { _ = syscall.Kill(-pid, syscall.SIGKILL) }) // its keeper can't any more
	for i := range 20 {
		if err := s.p.Ask(command.Request{
			Transaction: event.TransactionID(fmt.Sprint("idle", i)), Action: string(group.Restart), All: true,
		}); err != nil {
			t.Fatal(err)
		}
	}
	if err := syscall.Kill(parent(t, pid), syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	if err := s.wait(); err == nil || !strings.Contains(err.Error(), "keeper") {
		t.Errorf("Run gave %v, want the keeper's end", err)
	}
}

// parent is the parent of a process; see proc_pid_stat(5).
func parent(t *testing.T, pid int) int {
	t.Helper()
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		t.Fatal(err)
	}
	_, after, _ := strings.Cut(string(stat), ") ")
	ppid, err := strconv.Atoi(strings.Fields(after)[1])
	if err != nil {
		t.Fatal(err)
	}
	return ppid
}
