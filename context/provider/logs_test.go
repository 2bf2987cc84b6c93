package provider

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"zmicroservices/context/logs"
)

// printing is a service that prints n numbered lines and stays.
func printing(t *testing.T, id string, n int, element string) string {
	t.Helper()
	script := filepath.Join(t.TempDir(), id+".sh")
	text := fmt.Sprintf("#!/bin/sh\ni=0\nwhile [ $i -lt %d ]; do echo line $i; i=$((i+1)); done\nexec sleep 600\n", n)
	if err := os.WriteFile(script, []byte(text), 0o700); err != nil {
		t.Fatal(err)
	}
	return strings.Replace(service(id, script, ""), "<stop ", element+"<stop ", 1)
}

// logOf reads a task's log until it has a line.
func (s *stage) logOf(task, last string) []string {
	s.t.Helper()
	dir := filepath.Join(s.opts.StateDir, "logs", "T1")
	ctx, cancel := context.WithTimeout(s.t.Context(), 20*time.Second)
	defer cancel()
	var got []string
	err := logs.Follow(ctx, dir, logs.Query{Tasks: []string{task}}, func(l logs.Line) error {
		if got = append(got, string(l.Text)); got[len(got)-1] == last {
			cancel()
		}
		return nil
	})
	if err != nil || len(got) == 0 || got[len(got)-1] != last {
		s.t.Fatalf("%d lines, and not %q: %v", len(got), last, err)
	}
	return got
}

func TestLogIsCutAsItsElementSays(t *testing.T) {
	s := start(t, file(t, printing(t, "ts001", 500, `<log max_size="4kB" keep="100"/>`)))
	s.say("start")
	got := s.logOf("ts001", "line 499")
	for i, line := range got {
		if line != fmt.Sprint("line ", i) {
			t.Fatalf("line %d is %q", i, line)
		}
	}
	cut, err := filepath.Glob(filepath.Join(s.opts.StateDir, "logs", "T1", "ts001.log.*"))
	if err != nil || len(got) != 500 || len(cut) < 4 {
		t.Errorf("%d lines, %d files that were cut, %v", len(got), len(cut), err)
	}
}
