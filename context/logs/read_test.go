package logs

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func equal(t *testing.T, got []string, want ...string) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

// example is two tasks: one over four files, one over one.
func example(t *testing.T) folder {
	f := newFolder(t)
	f.write("a", out(1, "a1"), out(2, "a2"))
	f.compress(f.cut("a", after(3)))
	f.write("a", out(4, "a4"))
	f.compress(f.cut("a", after(5)))
	f.write("a", out(6, "a6"))
	f.cut("a", after(7))
	f.write("a", out(8, "a8"), out(8, ""))
	f.write("b", out(2, "b2"), Line{At: after(6), Stream: "err", Text: []byte("b6")}, out(9, "b9"))
	f.raw("unrelated.txt", "x") // unrelated.txt.log: a task of that name
	if err := os.Rename(f.live("unrelated.txt"), f.dir+"/unrelated.txt"); err != nil {
		t.Fatal(err)
	}
	return f
}

func TestReadMergesFilesAndTasksByTime(t *testing.T) {
	f := example(t)
	equal(t, f.texts(Query{}), "a out a1", "a out a2", "b out b2", "a out a4", "a out a6", "b err b6", "a out a8", "a out ", "b out b9")
	equal(t, f.texts(Query{Tasks: []string{"b"}}), "b out b2", "b err b6", "b out b9")
	equal(t, f.texts(Query{Tasks: []string{"nobody"}}))
	equal(t, f.texts(Query{Since: after(6)}), "a out a6", "b err b6", "a out a8", "a out ", "b out b9")
	equal(t, f.texts(Query{Since: after(6), Until: after(8)}), "a out a6", "b err b6")
	equal(t, folder{t, f.dir + "nowhere"}.texts(Query{}))
}

func TestLastLinesComeFromAsManyFilesAsItTakes(t *testing.T) {
	f := example(t)
	all := f.texts(Query{})
	for n := 1; n <= len(all)+1; n++ {
		equal(t, f.texts(Query{Last: n}), all[max(0, len(all)-n):]...)
	}
	equal(t, f.texts(Query{Last: 2, Until: after(6)}), "b out b2", "a out a4")
	equal(t, f.texts(Query{Last: 9, Since: after(9)}), "b out b9")
}

func TestLastLinesOfALargeFileAreFoundFromItsEnd(t *testing.T) {
	f := newFolder(t)
	var lines []Line
	for i := range 20000 {
		lines = append(lines, out(i, fmt.Sprint(i, strings.Repeat(".", 30))))
	}
	f.write("a", lines...)
	for _, n := range []int{1, 7, 300, 15000} {
		got := f.texts(Query{Last: n})
		if len(got) != n || got[0] != fmt.Sprintf("a out %s", lines[20000-n].Text) {
			t.Errorf("%d: %d lines, first %q", n, len(got), got[0])
		}
	}
	got := f.texts(Query{Last: 3, Until: after(10)})
	if len(got) != 3 || got[2] != "a out "+string(lines[9].Text) {
		t.Errorf("got %q", got)
	}
}

func TestWhatIsNoLineGoesOnWithTheOneBefore(t *testing.T) {
	f := newFolder(t)
	f.raw("a", "torn\n")
	f.write("a", Line{At: after(3), Stream: "err", Text: []byte("whole")})
	f.raw("a", "2026-11-21T12:00\n\n")
	f.raw("a", strings.Repeat("x", 3*maxText-1)+"\n")
	f.write("a", out(4, "end"))
	got := f.texts(Query{})
	if len(got) != 5+3 {
		t.Fatalf("%d lines", len(got))
	}
	equal(t, got[:4], "a out torn", "a err whole", "a err 2026-11-21T12:00", "a err ")
	equal(t, got[7:], "a out end")
}

func TestClockThatWasSetBackKeepsTheOrderOfALog(t *testing.T) {
	f := newFolder(t)
	f.write("a", out(5, "first"), out(1, "second"), out(6, "third"))
	f.write("b", out(2, "b2"), out(5, "b5"))
	equal(t, f.texts(Query{}), "b out b2", "a out first", "a out second", "b out b5", "a out third")
}

func TestReadEndsWithItsReader(t *testing.T) {
	f := example(t)
	enough := errors.New("enough")
	n := 0
	err := Read(t.Context(), f.dir, Query{}, func(Line) error {
		if n++; n == 3 {
			return enough
		}
		return nil
	})
	if !errors.Is(err, enough) || n != 3 {
		t.Errorf("%v after %d", err, n)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, q := range []Query{{}, {Last: 3}} {
		if err := Read(ctx, f.dir, q, func(Line) error { return nil }); !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
	}
}

func TestDamagedCompressedFileIsReadAsFarAsItGoes(t *testing.T) {
	f := newFolder(t)
	f.write("a", out(1, "a1"))
	path := f.cut("a", after(2))
	f.compress(path)
	if err := os.Truncate(path+".gz", 60); err != nil { // within its data
		t.Fatal(err)
	}
	f.write("a", out(3, "a3"))
	got := f.texts(Query{})
	if len(got) == 0 || got[len(got)-1] != "a out a3" {
		t.Errorf("got %q", got)
	}
}

func TestTransactionsInOrderOfTheirLastLine(t *testing.T) {
	f := example(t)
	for i, id := range []string{"older", "newer"} {
		dir := f.state() + "/logs/" + id
		if err := os.MkdirAll(dir, 0o750); err != nil {
			t.Fatal(err)
		}
		g := folder{t, dir}
		g.write("a", out(1, "x"))
		at := time.Now().Add(time.Duration(i) * time.Hour).Add(-time.Hour / 2)
		if err := os.Chtimes(g.live("a"), at, at); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.MkdirAll(f.state()+"/logs/empty", 0o750); err != nil {
		t.Fatal(err)
	}
	found, err := Transactions(f.state())
	var ids []string
	for _, tr := range found {
		ids = append(ids, tr.ID)
	}
	if !slices.Equal(ids, []string{"newer", "tr", "older"}) || err != nil {
		t.Errorf("got %q, %v", ids, err)
	}
	if found, err := Transactions(t.TempDir()); len(found) != 0 || err != nil {
		t.Errorf("got %v, %v", found, err)
	}
}
