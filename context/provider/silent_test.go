package provider

import (
	"syscall"
	"testing"
	"time"

	"zmicroservices/conf"
	"zmicroservices/context/command"
	"zmicroservices/context/event"
)

// A keeper that hangs is said to, and goes on where it was when it answers again. One
// that does not is killed, and another one takes over: services notice nothing.
func TestAKeeperThatHangsIsWaitedForAndThenFollowed(t *testing.T) {
	s := startWith(t, file(t, service("a", "/bin/sleep 1000", "")+service("b", "/bin/sleep 1000", "")), func(o *Options) { o.keeperSilence = 2100 * time.Millisecond })
	s.say("start")
	pid := pid(t, s.hear("a", "started"))
	await(t, "b to have started", func() bool { return s.p.View("T1").Task("b").State == event.Started }) // perhaps before a
	k := s.p.hold.current()
	if err := syscall.Kill(k.PID(), syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	await(t, "the silence to be said", func() bool { return s.noted("keeper is silent") == 1 })
	if err := syscall.Kill(k.PID(), syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	await(t, "its end, or that of the keeper", func() bool { return s.noted("keeper answers again") == 1 || s.p.hold.current() != k })

	k = s.p.hold.current()
	if err := syscall.Kill(k.PID(), syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	// It waits for whichever keeper comes.
	if err := s.p.Ask(command.Request{Transaction: "T1", Action: "stop", Tasks: []*conf.Task{{ID: "b"}}}); err != nil {
		t.Fatal(err)
	}
	await(t, "another keeper", func() bool { return s.p.hold.current() != k })
	s.hear("b", "stopped")
	if syscall.Kill(k.PID(), 0) == nil {
		t.Error("the keeper that hung lives")
	}
	if now := s.p.View("T1").Task("a").PID; now != pid || !alive(pid) {
		t.Errorf("the service was %d and is %d", pid, now)
	}
}

// noted counts the journal's notes of an event.
func (s *stage) noted(what string) (n int) {
	s.t.Helper()
	entries, err := s.p.History(s.t.Context(), command.HistoryQuery{Limit: 10_000})
	if err != nil {
		s.t.Fatal(err)
	}
	for _, e := range entries {
		if e.Note != nil && e.Note.Event == what {
			n++
		}
	}
	return n
}
