package journal

import (
	"bufio"
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
)

// child records changes without end, each with what is wanted then, and says
// which of them Committed has confirmed.
func child(dir string) int {
	ctx := context.Background()
	j, err := Open(ctx, Options{Path: filepath.Join(dir, "journal.db"), Boot: "boot-1", Logger: slog.New(slog.NewTextHandler(os.Stderr, nil))})
	if err != nil {
		panic(err)
	}
	saved, err := j.Saved(ctx)
	if err != nil {
		panic(err)
	}
	seq := uint64(0)
	if len(saved) > 0 {
		seq = saved[0].Seq
	} else {
		j.Begin(Transaction{ID: tr, Began: epoch})
	}
	go func() { _ = j.Run(ctx) }()  // ends with the process
	said := make(chan uint64, 1024) // from the writer, which must not wait for a pipe
	go func() {                     // ends with the process
		for seq := range said {
			fmt.Println(seq)
		}
	}()
	slots := make(chan struct{}, 512) // bounds what is under way
	for {
		seq++
		now := seq
		slots <- struct{}{}
		j.Record(change(now))
		j.Want(Want{Transaction: tr, Task: "ts001", Up: true, Seq: now, Value: map[string]uint64{"seq": now}})
		j.Committed(func(err error) {
			<-slots
			if err != nil {
				panic(err)
			}
			said <- now
		})
	}
}

// A provider that is killed at any moment: whatever Committed has confirmed is
// there for the next one, the changes without a gap and what was wanted with them.
func TestWhatWasCommittedOutlivesAKill(t *testing.T) {
	o := options(t)
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	const rounds = 30
	var last uint64
	for round := range rounds {
		cmd := exec.Command(exe, "child", filepath.Dir(o.Path))
		cmd.Stderr = t.Output()
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewScanner(out)
		var confirmed uint64
		for after := 1 + rand.IntN(500); lines.Scan(); after-- {
			if confirmed, err = strconv.ParseUint(lines.Text(), 10, 64); err != nil {
				t.Fatalf("round %d said %q", round, lines.Text())
			}
			if after == 1 {
				if err := cmd.Process.Kill(); err != nil {
					t.Fatal(err)
				}
			}
		}
		_ = cmd.Wait() // killed
		if confirmed == 0 {
			t.Fatalf("round %d: nothing was confirmed", round)
		}
		h := open(t, o)
		seq := last
		for _, r := range h.history(Filter{AfterRow: int64(last), Limit: 1 << 30}) {
			if seq++; r.Change.Seq != seq || r.Row != int64(seq) {
				t.Fatalf("round %d: row %d has Seq %d, want %d", round, r.Row, r.Change.Seq, seq)
			}
		}
		saved, err := h.Saved(t.Context())
		if err != nil || len(saved) != 1 || len(saved[0].Wants) != 1 {
			t.Fatalf("round %d: %d transactions saved, %v", round, len(saved), err)
		}
		w := saved[0].Wants[0]
		if seq < confirmed || w.Seq < confirmed || saved[0].Seq != max(seq, w.Seq) || string(w.Spec) != fmt.Sprintf(`{"seq":%d}`, w.Seq) {
			t.Fatalf("round %d: %d was confirmed, changes end at %d, what is wanted at %d, %s", round, confirmed, seq, w.Seq, w.Spec)
		}
		if w.Seq > seq { // a change is recorded before what is wanted because of it
			t.Fatalf("round %d: what is wanted is ahead of the changes: %d of %d", round, w.Seq, seq)
		}
		last = seq
		if err := h.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("%d changes in %d rounds", last, rounds)
}
