package logs

import (
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
)

func TestTheOldestFoldersOfTransactionsThatAreOverAreRemoved(t *testing.T) {
	state := t.TempDir()
	path := func(n int) string { return filepath.Join(state, "logs", fmt.Sprintf("tr%d", n)) }
	for n := range 6 {
		if err := os.MkdirAll(path(n), 0o750); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(path(n), "ts001.log"), []byte("a line\n"), 0o640); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(path(n), after(n), after(n)); err != nil {
			t.Fatal(err)
		}
	}
	p := Pruner{StateDir: state, Keep: 3, Logger: slog.New(slog.DiscardHandler), Live: func(id string) bool { return id == "tr0" }}
	for _, want := range []int{2, 0} { // the second look finds nothing
		if n, err := p.prune(); n != want || err != nil {
			t.Errorf("%d folders were removed (%v), want %d", n, err, want)
		}
	}
	for n, there := range []bool{true, false, false, true, true, true} {
		if _, err := os.Stat(path(n)); (err == nil) != there {
			t.Errorf("folder %d: %v, want it there: %v", n, err, there)
		}
	}
}

func TestAStateDirectoryWithoutLogsIsLeftAlone(t *testing.T) {
	p := Pruner{StateDir: t.TempDir(), Logger: slog.New(slog.DiscardHandler), Live: func(string) bool { return false }}
	if n, err := p.prune(); n != 0 || err != nil {
		t.Errorf("%d folders were removed: %v", n, err)
	}
}
