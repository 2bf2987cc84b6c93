package keeper

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// hearUntil reads a tap until a line has the text, and returns what it heard of each
// stream.
func hearUntil(t *testing.T, tap *Tap, text string) (heard map[string][]string, dropped uint64) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	heard = make(map[string][]string)
	for found := false; !found; {
		h, err := tap.Next(ctx)
		if err != nil {
			t.Fatalf("await %q: %v; heard %d lines", text, err, len(heard["out"])+len(heard["err"]))
		}
		for stream, line := range h.Texts() {
			heard[stream] = append(heard[stream], string(line))
			found = found || strings.Contains(string(line), text)
		}
		dropped += h.Dropped
	}
	return heard, dropped
}

func (h *held) tap(id ID) *Tap {
	h.t.Helper()
	tap, err := h.Tap(h.t.Context(), id)
	if err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(func() { _ = tap.Close() })
	return tap
}

func TestTapFromBeforeTheSpawnHearsEveryLine(t *testing.T) {
	h := start(t)
	s := spec("ts001", "child", "print", "2000")
	s.Output.Log = filepath.Join(h.dir, "full") // every line, though no file has it; less than a tap may have waiting
	if err := os.Symlink("/dev/full", s.Output.Log); err != nil {
		t.Fatal(err)
	}
	one, all := h.tap(s.ID), h.tap(ID{Transaction: "tr", Task: "ts001"})
	other := h.tap(ID{Transaction: "tr", Task: "ts002"})
	h.await(h.spawn(s), Gone)
	for _, tap := range []*Tap{one, all} {
		// Each stream is in order, and either may be the later one.
		heard, dropped := hearUntil(t, tap, "line 1999")
		for len(heard["out"]) < 2000 || len(heard["err"]) < 2000 {
			more, lost := hearUntil(t, tap, "line ")
			heard["out"], heard["err"] = append(heard["out"], more["out"]...), append(heard["err"], more["err"]...)
			dropped += lost
		}
		if dropped != 0 {
			t.Errorf("%d and %d lines, %d dropped", len(heard["out"]), len(heard["err"]), dropped)
		}
		for i, line := range heard["out"] {
			if line != fmt.Sprint("line ", i) {
				t.Fatalf("line %d is %q", i, line)
			}
		}
	}
	if _, ok := other.take(); ok {
		t.Error("it hears another task")
	}
}

func TestTapOfATaskHearsItsNextIncarnation(t *testing.T) {
	h := start(t)
	s := h.logged(spec("ts001", "child", "hang"))
	h.spawn(s)
	h.awaitLog(s.Output.Log, "up")
	tap := h.tap(ID{Transaction: "tr", Task: "ts001"})
	if file, err := os.ReadFile(s.Output.Log); err != nil || string(file[:30]) >= tap.From().UTC().Format("2006-01-02T15:04:05.000000000Z") {
		t.Errorf("%q is not before %v: %v", file, tap.From(), err)
	}
	next := h.logged(spec("ts001", "child", "print", "1"))
	next.ID.Incarnation = 2
	h.spawn(next)
	if heard, _ := hearUntil(t, tap, "line 0"); len(heard["out"])+len(heard["err"]) == 0 {
		t.Error("nothing heard")
	}
}

func TestTapThatNobodyReadsHoldsNobodyUp(t *testing.T) {
	h := start(t)
	s := spec("ts001", "child", "flood")
	s.Output.Log = os.DevNull
	tap := h.tap(s.ID)
	h.await(h.spawn(s), Spawned)
	until(t, "lines are dropped", func() bool {
		tap.mu.Lock()
		defer tap.mu.Unlock()
		n := len(tap.queue)
		return n > 0 && tap.queue[n-1].Dropped > 0
	})
	if _, dropped := hearUntil(t, tap, "x"); dropped != 0 {
		t.Errorf("%d were dropped before the first", dropped)
	}
	if err := tap.Close(); err != nil {
		t.Fatal(err)
	}
	quick := h.logged(spec("ts002", "child", "print", "1"))
	h.await(h.spawn(quick), Gone)
	if err := h.Kill(s.ID); err != nil {
		t.Fatal(err)
	}
	h.await(s.ID, Gone)
}

func TestTapEndsWithItsClient(t *testing.T) {
	h := start(t)
	tap := h.tap(ID{Transaction: "tr", Task: "ts001"})
	if err := h.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := tap.Next(t.Context()); !errors.Is(err, ErrEnded) {
		t.Errorf("got %v", err)
	}
}

func TestTapOfAnOldKeeperIsRefused(t *testing.T) {
	dir := t.TempDir()
	recorded(t, dir)
	c, _, err := Attach(t.Context(), Options{RuntimeDir: dir})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	if _, err := c.Tap(t.Context(), ID{Transaction: "tr", Task: "ts001"}); !errors.Is(err, ErrVersion) {
		t.Errorf("got %v", err)
	}
}
