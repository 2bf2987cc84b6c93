package keeper

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// cuts are the cut files of a log, the oldest first.
func cuts(t *testing.T, path string) []string {
	t.Helper()
	all, err := filepath.Glob(path + ".*")
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(all)
	return all
}

func TestFullFileIsCutBetweenLines(t *testing.T) {
	h := start(t)
	s := h.logged(spec("ts001", "child", "print", "2000"))
	s.Output.MaxSize, s.Output.Keep = 10_000, 1000
	h.await(h.spawn(s), Gone)
	files := append(cuts(t, s.Output.Log), s.Output.Log)
	if len(files) < 10 {
		t.Fatalf("%d files", len(files))
	}
	got := map[string][]string{}
	for _, path := range files {
		if info, err := os.Stat(path); err != nil || info.Size() > 10_000 {
			t.Errorf("%s: %d bytes, %v", path, info.Size(), err)
		}
		for stream, lines := range parseLog(t, path) { // no line is in two of them
			got[stream] = append(got[stream], lines...)
		}
	}
	for _, stream := range []string{"out", "err"} {
		for i, line := range got[stream] {
			if line != fmt.Sprint("line ", i) {
				t.Fatalf("%s: line %d is %q", stream, i, line)
			}
		}
		if len(got[stream]) != 2000 {
			t.Errorf("%s: %d lines", stream, len(got[stream]))
		}
	}
}
