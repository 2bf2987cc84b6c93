package main

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"zmicroservices/taskservice/message"
)

func TestOverTheBus(t *testing.T) {
	p := startPeer(t)
	file := p.file()

	t.Run("an outcome is awaited and told", func(t *testing.T) {
		r := program(t, "start", file, "--transaction", "GOOD")
		r.expect(t, 0, "transaction GOOD\n", "")
		golden(t, "overbus.table", r.out)
	})
	t.Run("what arrives is the original's message, and a request_id", func(t *testing.T) {
		want := string(frameOf(t, original{
			options: options{contextFile: trio}, serviceName: "context", action: "start",
		}, testRequest))
		want = strings.NewReplacer(testTransaction, "GOOD",
			"tcp://127.0.0.1:23220", p.frontend, "tcp://127.0.0.1:23221", p.backend).Replace(want)
		if diff := cmp.Diff(want, p.heard("context")); diff != "" {
			t.Errorf("(-sent +heard)\n%s", diff)
		}
	})
	t.Run("a refusal, too", func(t *testing.T) {
		program(t, "stop", file, "--transaction", "BAD").expect(t, 1, "ts002", "error: stop in transaction BAD: ts002: no such program\n")
	})
	t.Run("silence is no success", func(t *testing.T) {
		program(t, "stop", file, "--transaction", "SILENT", "--timeout", "300ms").expect(t, 1, "", "no outcome within 300ms")
	})
	t.Run("a transaction cannot be guessed", func(t *testing.T) {
		program(t, "stop", file).expect(t, 2, "", "over the bus it cannot be looked up")
		program(t, "state", file).expect(t, 2, "", "over the bus they cannot be listed")
	})
	t.Run("state", func(t *testing.T) {
		r := program(t, "state", file, "--transaction", "GOOD")
		r.expect(t, 0, "", "")
		golden(t, "overbus-state.table", r.out)
		program(t, "state", file, "--transaction", "OLD").expect(t, 0, "ts001", "")
		program(t, "state", file, "--transaction", "EMPTY").expect(t, 1, "", `there is no transaction "EMPTY"`)
	})
	t.Run("why", func(t *testing.T) {
		r := program(t, "why", file, "ts001", "--transaction", "GOOD")
		r.expect(t, 0, "", "")
		golden(t, "overbus-why.table", r.out)
		program(t, "why", file, "ts001").expect(t, 0, "killed by SIGKILL", "") // any transaction
		program(t, "why", file, "ts002", "--transaction", "GOOD").expect(t, 1, "", "nothing is known of ts002 in transaction GOOD")
		program(t, "why", file, "ts001", "--transaction", "BAD").expect(t, 1, "", "error: ask why: the journal is not to be had\n")
		program(t, "why", file, "ts001", "--transaction", "SILENT", "--timeout", "300ms").expect(t, 1, "", "error: ask why: no answer within 300ms\n")
	})
	t.Run("history", func(t *testing.T) {
		r := program(t, "history", file, "ts001", "--transaction", "GOOD", "--since", "1h", "--limit", "5")
		r.expect(t, 0, "", "")
		golden(t, "overbus-history.table", r.out)
		heard := p.heard("state")
		for !strings.Contains(heard, `"action": "history"`) {
			heard = p.heard("state")
		}
		for _, want := range []string{`"task": "ts001"`, `"since": "2026-11-20T12:00:00Z"`, `"limit": 5`} {
			if !strings.Contains(heard, want) || strings.Contains(heard, "until") {
				t.Errorf("%s is not in %s", want, heard)
			}
		}
		program(t, "history", file, "--transaction", "BAD").expect(t, 1, "", "error: ask for the history: the journal is not to be had\n")
	})
	t.Run("the original's questions", func(t *testing.T) {
		ask := func(action, transaction string, more ...string) ran {
			return program(t, append([]string{
				"--endpoint=" + p.backend, "--listen_endpoint=" + p.frontend,
				"--service_name=state", "--action=" + action, "--transaction=" + transaction,
			}, more...)...)
		}
		ask("request", "GOOD").expect(t, 0, "+ Sending message of [", "")
		ask("request", "EMPTY").expect(t, 1, "", `there is no transaction "EMPTY"`)
		r := ask("top", "GOOD", "--memory_maps")
		r.expect(t, 0, "", "")
		golden(t, "reply_top.table", strings.ReplaceAll(r.out, p.backend, "BACKEND"))
		r = ask("top", "GOOD", "-o", "json")
		r.expect(t, 0, "", "")
		golden(t, "top.json", r.out)
		ask("top", "BAD").expect(t, 1, "", "error: top in transaction BAD: top is not to be had\n")
	})
	t.Run("without an address to listen at it sends as the original did", func(t *testing.T) {
		program(t, "--endpoint="+p.backend, "--service_name=all", "--service_id=context001", "--action=stop", "--transaction=BAD").
			expect(t, 0, "+ Connecting endpoint [", "sent; the outcome was not awaited: no address to listen at is known")
	})
	t.Run("without waiting", func(t *testing.T) {
		program(t, "stop", file, "--transaction=BAD", "--no_wait").expect(t, 0, "transaction BAD\n", "")
		program(t, "stop", file, "--transaction=BAD", "--no_wait", "-o", "json").expect(t, 0, `"awaited": false`, "")
	})
	t.Run("a word that nobody answers", func(t *testing.T) {
		program(t, "--endpoint="+p.backend, "--service_name=sniffer", "--service_id=ts004", "--action=updated",
			"--transaction=T1", "--topic=control", "--device_action=track_found", "--result=success").
			expect(t, 0, "in topic [control]", "nobody answers such a message")
		for {
			if got := p.heard("control"); strings.Contains(got, "track_found") {
				break
			}
		}
	})
	t.Run("nobody to listen to is nobody", func(t *testing.T) {
		program(t, "stop", file, "--transaction=T1", "--listen_endpoint=ipc:///nonexistent/sub").
			expect(t, 3, "", "nobody listens on ipc:///nonexistent/sub")
	})
}

func TestAnAnswerIsThatToOurQuestion(t *testing.T) {
	for _, tt := range []struct {
		asked, reply, request string
		want                  bool
	}{
		{"request", "reply_context", testRequest, true}, {"request", "reply_context", "", true}, {"request", "reply_context", "another", false},
		{"why", "reply_why", testRequest, true}, {"why", "reply_context", testRequest, false}, {"history", "reply_why", testRequest, false},
		{"top", "reply_context", "", false}, {"start", "reply_context", "", false}, {"why", "why", testRequest, false},
	} {
		said := message.State{Header: message.Header{Action: tt.reply, Transaction: "T1", RequestID: tt.request}}
		if _, got := hearAnswer(said, message.Header{Action: tt.asked, Transaction: "T1", RequestID: testRequest}); got != tt.want {
			t.Errorf("%+v: %v", tt, got)
		}
	}
}

func TestExitOverTheBusWaitsUntilNobodyListens(t *testing.T) {
	for name, transaction := range map[string]string{"answered": "END", "without a word": "DIE"} {
		t.Run(name, func(t *testing.T) {
			p := startPeer(t)
			program(t, "exit", p.file(), "--transaction", transaction).expect(t, 0, "", "")
			program(t, "stop", p.file(), "--transaction", transaction).expect(t, 3, "", "nobody listens on "+p.backend)
		})
	}
}
