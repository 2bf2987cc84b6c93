package provider

import (
	"fmt"
	"strings"
	"syscall"
	"testing"

	"zmicroservices/context/command"
	"zmicroservices/context/event"
	"zmicroservices/context/group"
	"zmicroservices/context/keeper"
)

// A keeper that is killed is followed by another one; but where each that follows
// dies at once, something is wrong that another one will not mend. The provider ends
// then, however many transactions have an answer to give that nobody reads any more.
func TestAProviderEndsWhenEveryKeeperDies(t *testing.T) {
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
	for range maxSuccessions + 1 {
		dead := s.p.hold.current()
		if err := syscall.Kill(dead.PID(), syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		await(t, "another keeper, or the end", func() bool {
			return s.p.hold.current() != dead || len(s.ended) > 0
		})
	}
	if err := s.wait(); err == nil || !strings.Contains(err.Error(), "keeper") {
		t.Errorf("Run gave %v, want the keeper's end", err)
	}
	if syscall.Kill(pid, 0) != nil {
		t.Error("the task service did not live on")
	}
}

// A command that is under way when the keeper is killed is carried out by the next.
func TestAStopOutlivesTheKeeperThatCarriedItOut(t *testing.T) {
	stubborn := service("a", "/bin/sh -c 'trap : TERM; while :; do sleep 0.05; done'", "")
	s := start(t, file(t, strings.Replace(stubborn, `timeout="2s"`, `timeout="1s"`, 1)))
	s.say("start")
	pid := pid(t, s.hear("a", "started"))
	t.Cleanup(func() { _ = syscall.Kill(-pid, syscall.SIGKILL) })
	s.say("stop")
	await(t, "the stop to be under way", func() bool {
		list, err := s.p.hold.List(t.Context())
		return err == nil && (len(list) == 0 || list[0].State != keeper.Running) // over, on a slow day
	})
	if err := syscall.Kill(s.p.hold.current().PID(), syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	s.hear("a", "stopped")
	if alive(pid) {
		t.Error("it is said to be stopped, and lives")
	}
}
