package keeper

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
)

var stamped = regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z (out|err) (.*)$`)

// parseLog checks the form of every line and returns what each stream wrote.
func parseLog(t *testing.T, path string) map[string][]string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	lines := make(map[string][]string)
	for line := range strings.Lines(string(text)) {
		m := stamped.FindStringSubmatch(strings.TrimSuffix(line, "\n"))
		if m == nil {
			t.Fatalf("malformed line %.200q", line)
		}
		if _, err := time.Parse(time.RFC3339Nano, strings.Fields(line)[0]); err != nil {
			t.Fatal(err)
		}
		lines[m[1]] = append(lines[m[1]], m[2])
	}
	return lines
}

func TestEveryLineIsInTheFileWhenGoneIsTold(t *testing.T) {
	h := start(t)
	const n = 5000
	for i := range 5 {
		s := spec(fmt.Sprint("ts00", i), "child", "print", fmt.Sprint(n))
		s.Output.Log = filepath.Join("logs", "tr", s.ID.Task+".log") // below the state directory
		h.await(h.spawn(s), Gone)
		lines := parseLog(t, filepath.Join(h.dir, s.Output.Log))
		for _, stream := range []string{"out", "err"} {
			if len(lines[stream]) != n {
				t.Fatalf("%s: %d lines, want %d", stream, len(lines[stream]), n)
			}
			for j, line := range lines[stream] {
				if line != fmt.Sprint("line ", j) {
					t.Fatalf("%s: line %d is %q", stream, j, line)
				}
			}
		}
	}
}

func TestLastWordsWithoutNewlineAreALine(t *testing.T) {
	h := start(t)
	s := h.logged(spec("ts001", "child", "last-words"))
	id := h.spawn(s)
	if ev := h.await(id, Gone); ev.Signal != syscall.SIGKILL {
		t.Errorf("got %+v", ev)
	}
	if got := parseLog(t, s.Output.Log)["out"]; len(got) != 2 || got[1] != "last words" {
		t.Errorf("got %q", got)
	}
}

func TestLongLineIsCut(t *testing.T) {
	h := start(t)
	s := h.logged(spec("ts001", "child", "long-line"))
	h.await(h.spawn(s), Gone)
	got := parseLog(t, s.Output.Log)["out"]
	if len(got) != 3 || got[0] != strings.Repeat("a", maxLine) || got[1] != strings.Repeat("b", maxLine) || got[2] != "c" {
		t.Errorf("got %d lines", len(got))
	}
}

func TestTailComesBackWithExited(t *testing.T) {
	h := start(t)
	s := spec("ts001", "child", "print", "3")
	s.Output.Tail = 12
	ev := h.await(h.spawn(s), Exited)
	if len(ev.Output) != 12 || !strings.HasSuffix(ev.Output, "line 2\n") {
		t.Errorf("got %q", ev.Output)
	}
}

func TestIncarnationsShareAFile(t *testing.T) {
	h := start(t)
	s := h.logged(spec("ts001", "child", "print", "2"))
	for range 3 {
		h.await(h.spawn(s), Gone)
		s.ID.Incarnation++
	}
	if got := parseLog(t, s.Output.Log)["out"]; len(got) != 6 {
		t.Errorf("got %q", got)
	}
}

func TestFloodDoesNotDelayOthers(t *testing.T) {
	h := start(t)
	flood := h.logged(spec("ts001", "child", "flood"))
	flood.Output.Log = filepath.Join(h.dir, "full") // a device that is always full
	if err := os.Symlink("/dev/full", flood.Output.Log); err != nil {
		t.Fatal(err)
	}
	h.spawn(flood)
	h.await(flood.ID, Spawned)
	for i := range 10 {
		s := h.logged(spec(fmt.Sprint("quick", i), "child", "print", "1"))
		h.await(h.spawn(s), Gone)
		if got := parseLog(t, s.Output.Log)["out"]; len(got) != 1 {
			t.Errorf("got %q", got)
		}
	}
	until(t, "lines are dropped and counted", func() bool {
		st, err := h.Stats(t.Context())
		return err == nil && st.DroppedLines > 1000
	})
	if !alive(h.await(flood.ID, Spawned).PID) {
		t.Error("the flood was ended by the full disk")
	}
	if err := h.Kill(flood.ID); err != nil {
		t.Fatal(err)
	}
	h.await(flood.ID, Gone)
}

func TestServiceOutlivesAKilledKeeper(t *testing.T) {
	c, err := Start(t.Context(), Options{RuntimeDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	s := spec("ts001", "child", "chatter", filepath.Join(t.TempDir(), "said"))
	s.Output.Log = filepath.Join(t.TempDir(), "log")
	if err := c.Spawn(s); err != nil {
		t.Fatal(err)
	}
	ev := <-c.Events()
	if ev.Kind != Spawned {
		t.Fatalf("got %+v", ev)
	}
	defer func() { _ = syscall.Kill(ev.PID, syscall.SIGKILL) }()
	(&held{t: t}).awaitLog(s.Output.Log, "up")
	if err := syscall.Kill(c.PID(), syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	for range c.Events() {
	}
	if c.Err() == nil {
		t.Error("no reason for the end")
	}
	if err := syscall.Kill(ev.PID, syscall.SIGUSR1); err != nil {
		t.Fatal(err)
	}
	until(t, "it has gone on writing", func() bool { _, err := os.Stat(s.Argv[3]); return err == nil })
	if !alive(ev.PID) {
		t.Error("it died with its keeper")
	}
}

func TestStalledDiskDelaysNobodyElse(t *testing.T) {
	h := start(t)
	stalled := h.logged(spec("ts001", "child", "flood"))
	if err := syscall.Mkfifo(stalled.Output.Log, 0o600); err != nil { // nobody reads it: opening it for writing stalls
		t.Fatal(err)
	}
	h.await(h.spawn(stalled), Spawned)
	until(t, "it is stalled", func() bool {
		st, err := h.Stats(t.Context())
		return err == nil && st.DroppedLines > 0
	})
	for i := range 3 {
		s := h.logged(spec(fmt.Sprint("quick", i), "child", "print", "1"))
		h.await(h.spawn(s), Gone)
		h.awaitLog(s.Output.Log, "err line 0\n")
	}
	if err := h.Kill(stalled.ID); err != nil {
		t.Fatal(err)
	}
	h.await(stalled.ID, Gone)
}
