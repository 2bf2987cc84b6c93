package agent

import (
	"context"
	"log/slog"
	"strings"
	"sync"
	"unicode/utf8"

	"zmicroservices/taskservice/hippodamia"
)

const (
	tailLines = 20  // warnings and errors that a Tail keeps
	tailBytes = 500 // of each
)

// Tail keeps the last warnings and errors of a log. Its zero value is ready.
type Tail struct {
	mu    sync.Mutex // guards lines
	lines []hippodamia.LogLine
}

// Handler passes what is logged on to next, and keeps what is a warning or worse, also
// if next is deaf to it.
func (t *Tail) Handler(next slog.Handler) slog.Handler { return &tailHandler{tail: t, next: next} }

// Lines are what is kept, oldest first.
func (t *Tail) Lines() []hippodamia.LogLine {
	t.mu.Lock()
	defer t.mu.Unlock()
	return append([]hippodamia.LogLine(nil), t.lines...)
}

func (t *Tail) keep(r slog.Record, attrs string) {
	level := slog.LevelWarn
	if r.Level >= slog.LevelError {
		level = slog.LevelError
	}
	text := MaskText(r.Message + attrs)
	if len(text) > tailBytes {
		text = strings.ToValidUTF8(text[:tailBytes], "") + "…"
	}
	line := hippodamia.LogLine{Time: r.Time, Level: level.String(), Message: text}
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.lines) == tailLines {
		copy(t.lines, t.lines[1:])
		t.lines = t.lines[:tailLines-1]
	}
	t.lines = append(t.lines, line)
}

type tailHandler struct {
	tail  *Tail
	next  slog.Handler
	group string // "a.b." of the groups it is in
	attrs string // " k=v" of the attributes it has
}

func (h *tailHandler) Enabled(ctx context.Context, level slog.Level) bool {
	return level >= slog.LevelWarn || h.next.Enabled(ctx, level)
}

func (h *tailHandler) Handle(ctx context.Context, r slog.Record) error {
	if r.Level >= slog.LevelWarn {
		var b strings.Builder
		b.WriteString(h.attrs)
		r.Attrs(func(a slog.Attr) bool {
			write(&b, h.group, a)
			return b.Len() < tailBytes
		})
		h.tail.keep(r, b.String())
	}
	if !h.next.Enabled(ctx, r.Level) {
		return nil
	}
	return h.next.Handle(ctx, r)
}

func (h *tailHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	var b strings.Builder
	b.WriteString(h.attrs)
	for _, a := range attrs {
		write(&b, h.group, a)
	}
	return &tailHandler{h.tail, h.next.WithAttrs(attrs), h.group, b.String()}
}

func (h *tailHandler) WithGroup(name string) slog.Handler {
	if name == "" {
		return h
	}
	return &tailHandler{h.tail, h.next.WithGroup(name), h.group + name + ".", h.attrs}
}

// write appends " key=value"; a value with blanks is quoted by its own String or not
// at all, since a tail is for people.
func write(b *strings.Builder, group string, a slog.Attr) {
	value := a.Value.Resolve()
	if value.Kind() == slog.KindGroup {
		for _, one := range value.Group() {
			write(b, group+a.Key+".", one)
		}
		return
	}
	if a.Equal(slog.Attr{}) {
		return
	}
	text := value.String()
	if secretName.MatchString(a.Key) && text != "" {
		text = masked
	}
	if !utf8.ValidString(text) {
		text = strings.ToValidUTF8(text, "\uFFFD")
	}
	b.WriteString(" " + group + a.Key + "=" + text)
}
