package abuse

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"zmicroservices/test/harness"
)

// What a message may start: each refusal names the rule, and the flag or the file
// that would allow it; and nothing of it is run.
func TestAMessageStartsOnlyWhatTheFilesAllow(t *testing.T) {
	services, elsewhere := t.TempDir(), t.TempDir()
	trace := filepath.Join(elsewhere, "trace")
	for _, dir := range []string{services, elsewhere} {
		program(t, filepath.Join(dir, "Echo", "Echo"), trace)
		program(t, filepath.Join(filepath.Dir(dir), "Up"+filepath.Base(dir), "Up"+filepath.Base(dir)), trace)
	}
	if err := os.Symlink(filepath.Join(elsewhere, "Echo"), filepath.Join(services, "Link")); err != nil {
		t.Fatal(err)
	}
	s := newSite(t, harness.File{Tasks: []harness.Task{{ID: "ts002", Instance: "Echo", Location: services, Announce: "provider"}}})
	with := func(o map[string]any, more map[string]any) map[string]any {
		maps.Copy(o, more)
		return o
	}
	for name, c := range map[string]struct {
		task   map[string]any
		reason []string
	}{
		"a location outside": {
			harness.TaskObject("ts009", "Echo", elsewhere), []string{"is not below a services path", "--services_path"},
		},
		"a location that climbs out": {
			harness.TaskObject("ts009", "Echo", services+"/../"+filepath.Base(elsewhere)), []string{"is not below a services path", "--services_path"},
		},
		"a link that leads out": {
			harness.TaskObject("ts009", "Link", services), []string{"is not below a services path", "--services_path"},
		},
		"a known id elsewhere": {
			harness.TaskObject("ts002", "Other", elsewhere), []string{"--services_path"},
		},
		"an instance that climbs": {
			harness.TaskObject("ts009", "../Up"+filepath.Base(services), services), []string{"instance", "a plain name is wanted"},
		},
		"an instance with a path": {
			harness.TaskObject("ts009", elsewhere+"/Echo/Echo", services), []string{"instance", "a plain name is wanted"},
		},
		"an instance of dots": {harness.TaskObject("ts009", "..", services), []string{"instance"}},
		"an id that climbs":   {harness.TaskObject("../../ts009", "Echo", services), []string{"id"}},
		"a command": {
			with(harness.TaskObject("ts009", "Echo", ""), map[string]any{"Process": map[string]any{"command": "/usr/bin/touch " + trace}}),
			[]string{"<Process>", "--allow_commands"},
		},
		"a command for a known id": {
			with(harness.TaskObject("ts001", "Command", ""), map[string]any{"Process": map[string]any{"command": "/usr/bin/touch " + trace}}),
			[]string{"<Process>", "--allow_commands"},
		},
		"an environment for a known id": {
			with(harness.TaskObject("ts002", "Echo", ""), map[string]any{
				"Process": map[string]any{"env": []any{map[string]any{"name": "LD_PRELOAD", "value": trace}}},
			}),
			[]string{"<Process>", "--allow_commands"},
		},
		"an id and nothing else": {map[string]any{"id": "ts009"}, []string{"not defined in"}},
	} {
		t.Run(name, func(t *testing.T) {
			for _, action := range []string{"start", "restart"} {
				m := s.Command(action, "REFUSED", c.task)
				if m.Status["result"] != "failed" {
					t.Errorf("%s: %v", action, m.Status)
				}
				tasks, _ := m.Status["tasks"].(map[string]any)
				reason := fmt.Sprint(m.Status["reason"], tasks)
				for _, want := range c.reason {
					if !strings.Contains(reason, want) {
						t.Errorf("%s was refused with %q, which has no %q", action, reason, want)
					}
				}
			}
		})
	}
	if _, err := os.Stat(trace); err == nil {
		t.Error("something was run")
	}
	s.served("after the refusals")
	// What is allowed still is.
	if m := s.Command("start", s.Transaction, map[string]any{"id": "ts002"}); m.Status["result"] != "success" {
		t.Errorf("the file's own task: %v", m.Status)
	}
	if m := s.Command("stop", s.Transaction, map[string]any{"id": "ts002"}); m.Status["result"] != "success" {
		t.Errorf("the file's own task: %v", m.Status)
	}
	s.recovered()
}

// Nobody can fill the memory with transactions in which nothing ever ran.
func TestRefusalsAloneMakeNoTransactions(t *testing.T) {
	s := newSite(t, harness.File{})
	const many = 150
	for i := range many {
		if m := s.Command("start", fmt.Sprintf("REFUSED%d", i), map[string]any{"id": "ts009"}); m.Status["result"] != "failed" {
			t.Fatalf("start: %v", m.Status)
		}
	}
	for transaction, want := range map[string]bool{"REFUSED0": false, fmt.Sprintf("REFUSED%d", many-1): false, s.Transaction: true} {
		s.Send("state @@@ " + harness.JSON(map[string]any{
			"header": map[string]any{
				"action": "request", "service_id": "", "service_name": "state", "service_transaction": transaction,
			},
			"content": map[string]any{"configuration": map[string]any{}},
		}))
		said := s.Seen.Until("reply_context of "+transaction, func(m harness.Message) bool {
			return m.Action == "reply_context" && m.Transaction == transaction
		})
		content, _ := said[len(said)-1].Content.(map[string]any)
		if known := len(content) > 0; known != want {
			t.Errorf("%s is known: %v, want %v", transaction, known, want)
		}
	}
	s.recovered()
}

// program writes one that leaves a trace of being run.
func program(t *testing.T, path, trace string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(filepath.Dir(path)) })
	if err := os.WriteFile(path, []byte("#!/bin/sh\ntouch "+trace+"\nexec sleep 86400\n"), 0o755); err != nil {
		t.Fatal(err)
	}
}
