package main

import (
	"context"
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

func printed(task string, second int, stream, text string) command.LogLine {
	return command.LogLine{At: began.Add(time.Duration(second) * time.Second), Task: event.TaskID(task), Stream: stream, Text: []byte(text)}
}

// some is what three task services have printed, one of them to drive a terminal.
var some = []command.LogLine{
	printed("ts001", 1, "out", "up"),
	printed("ts002", 2, "err", "\x1b]0;owned\a\x1b[2J\ttab \xff\r<b>"),
	printed("ts001", 3, "out", ""),
	printed("long_one", 4, "out", "größer"),
}

func TestLogsAreAskedOfTheProvider(t *testing.T) {
	file := localFile(t)
	p := startLocal(t, file)
	p.transaction(testTransaction, taskView("ts001", "Echo", event.Started, 100))
	p.lines = some

	r := program(t, "logs", file)
	r.expect(t, 0, "", "")
	golden(t, "logs.table", r.out)
	r = program(t, "logs", file, "-t", "-o", "json")
	r.expect(t, 0, "", "")
	golden(t, "logs.json", r.out)
	program(t, "logs", file, "ts002", "ts001", "--since", "10m", "-n", "7").expect(t, 0, "ts001 | up\n", "")
	program(t, "logs", file, "--transaction", "T7").expect(t, 0, "", "")
	if got := p.logged[2]; got.Transaction != testTransaction || fmt.Sprint(got.Tasks) != "[ts001 ts002]" || got.Last != 7 ||
		!got.Since.Equal(began.Add(50*time.Minute)) {
		t.Errorf("asked %+v", got)
	}
	if got := p.logged[3]; got.Transaction != "T7" || got.Tasks != nil || got.Last != 0 || !got.Since.IsZero() || got.Follow {
		t.Errorf("asked %+v", got)
	}
	program(t, "logs", file, "-n", "0").expect(t, 0, "", "")
	program(t, "logs", file, "-n", "-2").expect(t, 2, "", "--lines -2 is less than no line")
	program(t, "logs", file, "--since", "soon").expect(t, 2, "", "--since \"soon\" is neither a time")
	program(t, "logs", file, "ts9").expect(t, 2, "", `there is no task "ts9"`)
	p.transaction("T2", taskView("ts001", "Echo", event.Started, 101))
	program(t, "logs", file).expect(t, 2, "", "--transaction: missing; live are "+testTransaction+", T2")
	if frames := p.published(); len(frames) > 0 {
		t.Errorf("output left a trace on the bus: %q", frames)
	}
}

func TestLogsDoNotDriveATerminal(t *testing.T) {
	file := localFile(t)
	p := startLocal(t, file)
	p.transaction(testTransaction, taskView("ts001", "Echo", event.Started, 100))
	p.lines = some
	for _, tt := range []struct {
		golden string
		colour bool
	}{{"logs.terminal", false}, {"logs.colour", true}} {
		var out, err shared
		w := testWorld(&out, &err)
		w.terminal, w.colour = true, tt.colour
		if code := run(t.Context(), []string{"logs", file, "-t"}, w); code != 0 {
			t.Fatal(err.String())
		}
		golden(t, tt.golden, out.String())
		text := out.String()
		for _, ours := range []string{"\x1b[36m", "\x1b[32m", "\x1b[31m", "\x1b[2m", "\x1b[0m", "\n", "\t"} {
			text = strings.ReplaceAll(text, ours, "")
		}
		if text != printable(text) {
			t.Errorf("%q", text)
		}
	}
}

// saw waits until a run has printed something.
func saw(t *testing.T, out *shared, text string) {
	t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	deadline := time.After(tooLong)
	for !strings.Contains(out.String(), text) {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("no %q in %q", text, out.String())
		}
	}
}

func TestLogsAreFollowedUntilInterrupted(t *testing.T) {
	file := localFile(t)
	p := startLocal(t, file)
	p.transaction(testTransaction, taskView("ts001", "Echo", event.Started, 100))
	ctx, interrupt := context.WithCancel(t.Context())
	var out, err shared
	code := make(chan int, 1)
	go func() { code <- run(ctx, []string{"logs", file, "-f"}, testWorld(&out, &err)) }() // ends with the interrupt
	for i := range 3 {
		p.mu.Lock()
		p.lines = append(p.lines, printed("ts001", i, "out", fmt.Sprint("line ", i)))
		p.mu.Unlock()
		saw(t, &out, fmt.Sprintf("ts001 | line %d\n", i))
	}
	interrupt()
	if got := <-code; got != 0 || err.String() != "" {
		t.Errorf("code %d, %s", got, err.String())
	}
}

// stateOf writes what a keeper would have written, and returns the state directory.
func stateOf(t *testing.T, transaction string, lines ...command.LogLine) string {
	t.Helper()
	state := t.TempDir()
	dir := filepath.Join(state, "logs", transaction)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	for _, l := range lines {
		f, err := os.OpenFile(filepath.Join(dir, string(l.Task)+".log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
		if err == nil {
			_, err = f.Write(logs.Line{At: l.At, Stream: l.Stream, Text: l.Text}.Append(nil))
		}
		if err == nil {
			err = f.Close()
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return state
}

func TestLogsWithoutAProviderAreReadFromTheFiles(t *testing.T) {
	file := localFile(t)
	t.Setenv("ZMS_RUNTIME_DIR", t.TempDir())
	state := stateOf(t, "T1", some...)
	note := "context001 has no provider: reading " + state + "/logs/T1\n"

	r := program(t, "logs", file, "--state_dir", state)
	r.expect(t, 0, "", note)
	golden(t, "logs.table", r.out)
	program(t, "logs", file, "ts001", "--state_dir", state, "-n", "1", "--transaction", "T1").expect(t, 0, "ts001 | \n", note)
	program(t, "logs", file, "--state_dir", state, "--transaction", "T9").expect(t, 0, "", "reading")
	program(t, "logs", file, "--state_dir", state, "--transaction", "../T1").expect(t, 2, "", `"../T1" is no transaction`)
	program(t, "logs", file, "--state_dir", t.TempDir()).expect(t, 3, "", "context001 has no provider, and there is no output in ")

	ctx, interrupt := context.WithCancel(t.Context())
	var out, err shared
	code := make(chan int, 1)
	go func() { // ends with the interrupt
		code <- run(ctx, []string{"logs", file, "--state_dir", state, "-f", "-n", "1"}, testWorld(&out, &err))
	}()
	saw(t, &out, "long_one | größer\n")
	f, e := os.OpenFile(filepath.Join(state, "logs", "T1", "ts001.log"), os.O_APPEND|os.O_WRONLY, 0o600)
	if e != nil {
		t.Fatal(e)
	}
	_, e = f.Write(logs.Line{At: began.Add(time.Minute), Stream: "out", Text: []byte("more")}.Append(nil))
	if e != nil || f.Close() != nil {
		t.Fatal(e)
	}
	saw(t, &out, "ts001 | more\n")
	interrupt()
	if got := <-code; got != 0 {
		t.Errorf("code %d, %s", got, err.String())
	}
}

// Where a follower goes on in the files, what it has shown does not come again.
func TestWhatWasShownIsNotShownTwice(t *testing.T) {
	var out, err shared
	o := logging{options: options{output: "table"}}
	p := newPrinter(testWorld(&out, &err), o, trioFile(t), nil)
	show := func(lines ...command.LogLine) {
		t.Helper()
		if err := p.lines(lines); err != nil {
			t.Fatal(err)
		}
	}
	show(printed("ts001", 1, "out", "1"), printed("ts001", 2, "out", "2a"), printed("ts002", 2, "out", "2b"))
	p.skip()
	show(printed("ts001", 2, "out", "2a"), printed("ts001", 2, "out", "2c"), printed("ts002", 2, "out", "2b"), printed("ts002", 3, "out", "3"))
	var got []string
	for line := range strings.Lines(out.String()) {
		got = append(got, strings.TrimSpace(line[strings.Index(line, "|")+1:]))
	}
	if fmt.Sprint(got) != "[1 2a 2b 2c 3]" {
		t.Errorf("got %q", got)
	}
}

func TestTame(t *testing.T) {
	for text, want := range map[string]string{
		"plain größer\t→":  "plain größer\t→",
		"\x1b[31m":         `\x1b[31m`,
		"a\xff\uFFFDb\x00": `a\xff` + "\uFFFD" + `b\x00`,
		"\u202eevil\u200b": `\u202eevil\u200b`,
		"\x9b31m\r\x7f":    `\x9b31m\r\x7f`,
	} {
		if got := tame(text); got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
}
