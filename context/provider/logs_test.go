package provider

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"zmicroservices/context/command"
	"zmicroservices/context/event"
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
	enough := errors.New("enough")
	err := logs.Follow(ctx, dir, logs.Query{Tasks: []string{task}}, func(l logs.Line) error {
		if got = append(got, string(l.Text)); got[len(got)-1] == last {
			return enough
		}
		return nil
	})
	if !errors.Is(err, enough) {
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

// The control socket's log goes from the files to what is printed now, with no line
// missing or twice.
func TestLogIsFollowedFromTheFilesOn(t *testing.T) {
	script := filepath.Join(t.TempDir(), "count.sh") // as long as it runs
	text := "#!/bin/sh\ni=0\nwhile :; do echo line $i; i=$((i+1)); [ $((i % 100)) = 0 ] && sleep 0.01; done\n"
	if err := os.WriteFile(script, []byte(text), 0o700); err != nil {
		t.Fatal(err)
	}
	s := start(t, file(t, service("ts001", script, "")+printing(t, "ts002", 3, "")))
	s.say("start")
	s.logOf("ts001", "line 100")
	c, err := command.Dial(t.Context(), filepath.Join(s.p.opts.RuntimeDir, command.SocketName))
	if err != nil {
		t.Fatal(err)
	}
	if c.Hello().StateDir != s.opts.StateDir {
		t.Errorf("state directory %q", c.Hello().StateDir)
	}
	enough := errors.New("enough")
	n := 0
	err = c.Logs(t.Context(), command.LogQuery{Transaction: "T1", Tasks: []event.TaskID{"ts001"}, Follow: true}, func(lines []command.LogLine) error {
		for _, l := range lines {
			if string(l.Text) != fmt.Sprint("line ", n) {
				return fmt.Errorf("line %d is %q", n, l.Text)
			}
			n++
		}
		if n > 2000 {
			return enough
		}
		return nil
	})
	if !errors.Is(err, enough) {
		t.Error(err)
	}
	_ = c.Close() // the provider goes on telling as long as the connection lives
	if c, err = command.Dial(t.Context(), filepath.Join(s.p.opts.RuntimeDir, command.SocketName)); err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	other := 0
	err = c.Logs(t.Context(), command.LogQuery{Transaction: "T1", Follow: true}, func(lines []command.LogLine) error {
		for _, l := range lines {
			if l.Task == "ts002" {
				other++
			}
		}
		if other == 3 {
			return enough
		}
		return nil
	})
	if !errors.Is(err, enough) {
		t.Error(err)
	}
}

func TestDroppedOutputIsInTheViewAndTheJournal(t *testing.T) {
	c := file(t, printing(t, "ts001", 20, ""))
	dir := filepath.Join(filepath.Dir(c.File), "s", "logs", "T1")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("/dev/full", filepath.Join(dir, "ts001.log")); err != nil {
		t.Fatal(err)
	}
	s := start(t, c)
	s.say("start")
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	again := time.NewTicker(5 * time.Millisecond)
	defer again.Stop()
	for {
		entries, err := s.p.History(ctx, command.HistoryQuery{Task: "ts001"})
		if err != nil {
			t.Fatal(err)
		}
		v := s.p.View("T1")
		for _, e := range entries {
			if e.Note != nil && e.Note.Event == "output dropped" && strings.Contains(e.Note.Reason, " of stdout and 0 of stderr so far: disk full") &&
				v != nil && v.Task("ts001").Dropped == 20 {
				return
			}
		}
		select {
		case <-again.C:
		case <-ctx.Done():
			t.Fatalf("journal %+v, view %+v", entries, v)
		}
	}
}
