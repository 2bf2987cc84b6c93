package agent

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"testing"
)

func messages(t *Tail) string {
	var all []string
	for _, l := range t.Lines() {
		all = append(all, l.Level+" "+l.Message)
	}
	return strings.Join(all, "\n")
}

func TestATailKeepsWarningsAndErrors(t *testing.T) {
	var tail Tail
	var out strings.Builder
	log := slog.New(tail.Handler(slog.NewTextHandler(&out, &slog.HandlerOptions{Level: slog.LevelError})))
	log.Info("no matter")
	log = log.With("task", "ts001").WithGroup("pump").With("n", 1)
	log.Warn("water is low", "level", 3, slog.Group("valve", "open", true), "api_key", "x", "url", "http://u:x@h")
	log.Error("dry", "err", errors.New("no water, password=x"))
	want := "WARN water is low task=ts001 pump.n=1 pump.level=3 pump.valve.open=true pump.api_key=*** pump.url=http://***@h\n" +
		"ERROR dry task=ts001 pump.n=1 pump.err=no water, password=***"
	if got := messages(&tail); got != want {
		t.Errorf("kept\n%s\nwant\n%s", got, want)
	}
	if strings.Contains(out.String(), "WARN") || !strings.Contains(out.String(), `pump.err="no water, password=x"`) {
		t.Errorf("passed on %s", out.String())
	}
}

func TestATailIsBounded(t *testing.T) {
	var tail Tail
	log := slog.New(tail.Handler(slog.NewTextHandler(io.Discard, nil)))
	for i := range 100 {
		log.Error(fmt.Sprint(i), "text", strings.Repeat("é", 1000), "more", strings.Repeat("x", 1000))
	}
	lines := tail.Lines()
	if len(lines) != tailLines || !strings.HasPrefix(lines[0].Message, "80 ") {
		t.Fatalf("%d lines from %q", len(lines), lines[0].Message)
	}
	for _, l := range lines {
		if len(l.Message) > tailBytes+len("…") || strings.ToValidUTF8(l.Message, "") != l.Message {
			t.Errorf("%d bytes: %q", len(l.Message), l.Message)
		}
	}
}
