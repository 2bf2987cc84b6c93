package main

import (
	"context"
	"os"
	"strings"
	"testing"
	"time"

	"zmicroservices/context/command"
	"zmicroservices/context/event"
	"zmicroservices/taskservice/message"
)

func splitFrame(frame []byte) (string, []byte, error) { return message.Split(frame) }

func rewrite(t *testing.T, from, to string, pairs ...string) string {
	t.Helper()
	text, err := os.ReadFile(from)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(to, []byte(strings.NewReplacer(pairs...).Replace(string(text))), 0o600); err != nil {
		t.Fatal(err)
	}
	return to
}

func threeTasks() []*event.TaskView {
	one, two, three := taskView("ts001", "Echo", event.Started, 4711), taskView("ts002", "OneShot", event.Failed, 4712), taskView("ts003", "NextOne", event.Created, 4713)
	two.Exit, two.Restarts = &event.Exit{Signal: "SIGSEGV"}, 3
	return []*event.TaskView{one, two, three}
}

func TestStartBeginsATransactionAndShowsIt(t *testing.T) {
	file := localFile(t)
	p := startLocal(t, file)
	p.on = func(p *localProvider, r command.Request) {
		p.transaction(string(r.Transaction), threeTasks()...)
		p.succeed(r)
	}
	r := program(t, "start", file)
	r.expect(t, 0, "transaction "+testTransaction+"\n", "")
	golden(t, "start.table", r.out)
	if frames := p.published(); len(frames) != 1 || !strings.Contains(frames[0], `"request_id": "`+testRequest+`"`) {
		t.Errorf("published %q", frames)
	}
}

func TestStartAsJSON(t *testing.T) {
	file := localFile(t)
	p := startLocal(t, file)
	p.on = func(p *localProvider, r command.Request) {
		p.transaction(string(r.Transaction), threeTasks()...)
		p.succeed(r)
	}
	r := program(t, "start", file, "-o", "json")
	r.expect(t, 0, "", "")
	golden(t, "start.json", r.out)
}

func TestRefusalsAreSaidWithTheirReasons(t *testing.T) {
	file := localFile(t)
	p := startLocal(t, file)
	p.transaction("T1", threeTasks()...)
	p.on = func(p *localProvider, r command.Request) {
		p.answer(event.Outcome{
			Transaction: r.Transaction, Action: r.Action, Request: r.Cause.Request,
			Tasks: map[event.TaskID]string{"ts001": "it is already started"},
		})
	}
	r := program(t, "start", file, "ts001", "--transaction", "T1")
	r.expect(t, 1, "it is already started\n", "error: start in transaction T1: ts001: it is already started\n")
	if strings.Contains(r.out, "ts002") {
		t.Errorf("shown is what nobody asked for:\n%s", r.out)
	}
}

func TestStopFindsTheOnlyLiveTransaction(t *testing.T) {
	file := localFile(t)
	p := startLocal(t, file)
	p.transaction("DEAD", taskView("ts001", "Echo", event.Stopped, 1))
	p.transaction("LIVE", threeTasks()...)
	program(t, "stop", file).expect(t, 0, "transaction LIVE\n", "")
	frames := p.published()
	if len(frames) != 1 || !strings.Contains(frames[0], `"configuration": {}`) {
		t.Errorf("a stop of all names nobody: %q", frames)
	}
}

func TestTransactionsThatCannotBeGuessed(t *testing.T) {
	file := localFile(t)
	p := startLocal(t, file)
	program(t, "stop", file).expect(t, 2, "", "error: --transaction: missing, and there is none; start makes one\n")
	p.transaction("T1", threeTasks()...)
	p.transaction("T2", threeTasks()...)
	program(t, "stop", file).expect(t, 2, "", "error: --transaction: missing; live are T1, T2\n")
	p.transaction("T1", taskView("ts001", "Echo", event.Stopped, 0))
	p.transaction("T2", taskView("ts001", "Echo", event.Failed, 0))
	program(t, "restart", file, "ts001").expect(t, 2, "", "none is live, there were T1, T2\n")
	if frames := p.published(); len(frames) > 0 {
		t.Errorf("published %q", frames)
	}
}

func TestOriginalInvocationPrintsItsLines(t *testing.T) {
	file := localFile(t)
	p := startLocal(t, file)
	p.on = func(p *localProvider, r command.Request) {
		p.transaction(string(r.Transaction), threeTasks()...)
		p.succeed(r)
	}
	r := program(t, "--endpoint=ipc:///nonexistent/pub", "--context_file="+file, "--service_name=context",
		"--service_id=context001", "--transaction=6FDAHH3WPRVV7FGZCRIN", "--action=start")
	r.expect(t, 0, "+ Connecting endpoint [ipc:///nonexistent/pub] in topic [context]\n+ Sending message of [", "")
	if !strings.Contains(r.out, "ts001") || strings.Contains(r.out, "transaction ") {
		t.Errorf("stdout: %s", r.out)
	}
	r = program(t, "--context_file="+file, "--service_name=context", "--transaction=", "--action=start")
	r.expect(t, 0, "transaction "+testTransaction+"\n", "")
}

func TestDirectCommandIsAwaited(t *testing.T) {
	file := localFile(t)
	p := startLocal(t, file)
	p.transaction("T1", threeTasks()...)
	r := program(t, "--context_file="+file, "--service_name=echo_action", "--action=stop", "--transaction=T1")
	r.expect(t, 0, "in topic [process]\n", "")
	if !strings.Contains(r.out, "ts001") || strings.Contains(r.out, "ts002") {
		t.Errorf("shown is %s", r.out)
	}
	program(t, "--endpoint=ipc:///nonexistent/pub", "--context_file="+file, "--service_name=echo_action",
		"--service_id=ts009", "--action=stop", "--transaction=T1").
		expect(t, 1, "", "error: stop in transaction T1: there is no task service")
}

func TestTimeoutTellsWhatIsKnown(t *testing.T) {
	file := localFile(t)
	p := startLocal(t, file)
	p.transaction("T1", taskView("ts001", "Echo", event.Stopping, 4711))
	p.on = func(*localProvider, command.Request) {} // never answers
	r := program(t, "stop", file, "ts001", "--timeout", "50ms")
	r.expect(t, 1, "stopping", "error: stop in transaction T1: no outcome within 50ms; what was asked for goes on (--timeout waits longer)\n")
}

func TestInterruptTellsWhatIsKnown(t *testing.T) {
	file := localFile(t)
	p := startLocal(t, file)
	p.transaction("T1", taskView("ts001", "Echo", event.Stopping, 4711))
	ctx, interrupt := context.WithCancel(t.Context())
	defer interrupt()
	p.on = func(*localProvider, command.Request) { interrupt() }
	programIn(t, ctx, "stop", file).expect(t, 1, "stopping", "error: stop in transaction T1: interrupted; what was asked for goes on\n")
}

func TestProviderThatDiesIsNoSuccess(t *testing.T) {
	file := localFile(t)
	p := startLocal(t, file)
	p.transaction("T1", threeTasks()...)
	p.on = func(p *localProvider, _ command.Request) { p.end() }
	program(t, "stop", file).expect(t, 1, "", "error: stop in transaction T1: the provider went away\n")
}

func TestExitWaitsUntilTheSocketIsGone(t *testing.T) {
	file := localFile(t)
	p := startLocal(t, file)
	p.transaction("T1", threeTasks()...)
	program(t, "exit", file).expect(t, 0, "", "")
	program(t, "state", file).expect(t, 3, "", "error: context001 has no provider: ")
	if frames := p.published(); len(frames) != 1 || !strings.Contains(frames[0], `"action": "exit"`) {
		t.Errorf("published %q", frames)
	}
}

func TestProgressOnATerminal(t *testing.T) {
	file := localFile(t)
	p := startLocal(t, file)
	p.on = func(p *localProvider, r command.Request) {
		var s *changes
		select {
		case s = <-p.opened:
		case <-time.After(tooLong):
			p.t.Error("nobody watches")
			return
		}
		for _, c := range []event.Change{
			{Task: "ts001", To: event.Starting},
			{Task: "ts001", To: event.Started, PID: 4711},
			{Task: "ts002", To: event.Failed, PID: 4712, Reason: "no such \x1b[31mfile"},
			// An outcome may overtake the last change: let it be one that nobody waits for.
			{Task: "ts003", To: event.Starting}, {Task: "ts003", To: event.Starting},
		} {
			c.Cause.Request = r.Cause.Request
			s.next <- c
		}
		p.succeed(r)
	}
	p.transaction(testTransaction, threeTasks()...)
	var out, err shared
	w := testWorld(&out, &err)
	w.watched = true
	if code := run(t.Context(), []string{"start", file}, w); code != 0 {
		t.Fatalf("code %d: %s", code, err.String())
	}
	const want = "ts001 starting\nts001 started (pid 4711)\nts002 failed: no such \\x1b[31mfile\n"
	if !strings.HasPrefix(err.String(), want) {
		t.Errorf("stderr %q, want it to begin with %q", err.String(), want)
	}
}
