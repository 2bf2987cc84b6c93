package provider

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"zmicroservices/context/command"
)

// lines gives the log of a task service without its times.
func (s *stage) lines(task string) []string {
	s.t.Helper()
	text, err := os.ReadFile(filepath.Join(s.opts.StateDir, "logs", "T1", task+".log"))
	if err != nil {
		s.t.Fatal(err)
	}
	var out []string
	for line := range strings.Lines(string(text)) {
		_, line, _ = strings.Cut(strings.TrimSpace(line), " ")
		out = append(out, line)
	}
	return out
}

// rows gives the journal's rows about hooks of a task service.
func (s *stage) rows(task string) []string {
	s.t.Helper()
	all, err := s.p.History(s.t.Context(), command.HistoryQuery{Transaction: "T1"})
	if err != nil {
		s.t.Fatal(err)
	}
	var out []string
	for _, e := range all {
		if c := e.Change; c != nil && string(c.Task) == task && strings.HasPrefix(c.Event, "hook ") {
			out = append(out, strings.TrimSpace(c.Event+" "+c.Reason))
			if c.Cause.Origin == "" {
				s.t.Errorf("%s has no cause", c.Event)
			}
		}
	}
	return out
}

// until waits for something that nobody tells.
func (s *stage) until(what string, true func() bool) {
	s.t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(30 * time.Second); !true(); <-tick.C {
		if time.Now().After(deadline) {
			s.t.Fatalf("waited 30 s until %s", what)
		}
	}
}

const everyHook = `
	<hook on="pre_start" command="/bin/sh -c 'echo $ZMS_HOOK $GREETING'"/>
	<hook on="post_start" command="/bin/sh -c 'echo $ZMS_HOOK; exit 4'"/>
	<hook on="pre_stop" command="/bin/sh -c 'echo $ZMS_HOOK'"/>
	<hook on="post_stop" command="/bin/sh -c 'echo $ZMS_HOOK $ZMS_RESULT $ZMS_EXIT_CODE $ZMS_EXIT_SIGNAL'"/>
	<env name="GREETING" value="hello"/>`

func TestHooksRunAtTheirTurnsAndAreInTheJournal(t *testing.T) {
	s := start(t, file(t, process("ts001", `/bin/sleep 1000`, everyHook)))
	s.say("start")
	first := pid(t, s.hear("ts001", "started"))
	s.until("post_start is in the journal", func() bool { return slices.Contains(s.rows("ts001"), "hook post_start failed it exited with code 4") })
	s.say("stop")
	s.hear("ts001", "stopped")
	if alive(first) {
		t.Error("the service is left")
	}
	if got, want := s.lines("ts001"), []string{"out pre_start hello", "out post_start", "out pre_stop", "out post_stop success SIGTERM"}; !slices.Equal(got, want) {
		t.Errorf("said %q, want %q", got, want)
	}
	want := []string{"hook pre_start", "hook post_start failed it exited with code 4", "hook pre_stop", "hook post_stop"}
	if got := s.rows("ts001"); !slices.Equal(got, want) {
		t.Errorf("rows %q, want %q", got, want)
	}
}

func TestPostStopRunsAfterACrashAndBeforeTheRestart(t *testing.T) {
	s := start(t, file(t, process("ts001", `/bin/sleep 1000`, everyHook+`<restart policy="always" backoff="1ms"/>`)))
	s.say("start")
	if err := syscall.Kill(pid(t, s.hear("ts001", "started")), syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	s.hear("ts001", "failed")
	s.hear("ts001", "started")
	lines := s.lines("ts001")
	crash := slices.Index(lines, "out post_stop failure SIGKILL")
	if again := slices.Index(lines[1:], "out pre_start hello"); crash < 0 || again < crash-1 {
		t.Errorf("said %q", lines)
	}
}

func TestAFailedPreStartIsAFailedStartWithItsExitCode(t *testing.T) {
	s := start(t, file(t, process("ts001", `/bin/sh -c 'echo ran'`, `<hook on="pre_start" command="/bin/sh -c 'exit 9'"/>`)+
		process("ts002", `/bin/sh -c 'echo ran'`, `<hook on="post_stop" command="/no/such/hook"/>`)))
	s.say("start")
	for range 2 {
		c := s.hear2("ts001", "ts002", "started")
		want := map[string]string{
			"ts001": "hook pre_start `/bin/sh -c exit 9`: it exited with code 9",
			"ts002": "find hook post_stop of task service Its002: nothing to run; tried /no/such/hook (not there)",
		}[c.Header.ServiceID]
		if reason := fmt.Sprint(c.Status["reason"]); c.Status["result"] != "failure" || !strings.HasPrefix(reason, want) {
			t.Errorf("%s: got %v, want %q", c.Header.ServiceID, c.Status, want)
		}
	}
	if text, err := os.ReadFile(filepath.Join(s.opts.StateDir, "logs", "T1", "ts001.log")); err == nil {
		t.Errorf("it ran: %s", text)
	}
}
