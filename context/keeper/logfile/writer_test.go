package logfile

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// writer is a running one.
type writer struct {
	*Writer
	t    *testing.T
	root string
}

func newWriter(t *testing.T) *writer {
	t.Helper()
	root := filepath.Join(t.TempDir(), "logs")
	w := &writer{New(root, func() {}), t, root}
	go w.Run() // ends with the test
	t.Cleanup(func() { w.Close(); <-w.Done() })
	return w
}

func (w *writer) task(transaction, task string, limits Limits) *File {
	f := w.Open(filepath.Join(w.root, transaction, task+".log"), Owner{transaction, task}, limits)
	w.t.Cleanup(func() { w.Release(f) })
	return f
}

// put writes a line and waits until it is written.
func (w *writer) put(f *File, text string) {
	w.t.Helper()
	w.Lock()
	f.Add(Stamp(time.Now(), "out"), nil, []byte(text))
	w.Unlock()
	until(w.t, "it is written", func() bool { return w.Flushed(f) })
}

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

func TestOldestCutFilesAreRemoved(t *testing.T) {
	w := newWriter(t)
	for keep := range 3 {
		f := w.task("tr", fmt.Sprint("keep", keep), Limits{MaxSize: 100, Keep: keep})
		for i := range 8 {
			w.put(f, fmt.Sprint(i, strings.Repeat(".", 50)))
		}
		got := cuts(t, f.path)
		if len(got) != keep {
			t.Errorf("keep %d: %q", keep, got)
		}
		for i, path := range append(got, f.path) {
			if line := parseLog(t, path)["out"][0]; line[:1] != fmt.Sprint(7-keep+i) {
				t.Errorf("keep %d: file %d has %q", keep, i, line)
			}
		}
	}
}

func TestCompressedCutFilesCountAndGoInTheirTurn(t *testing.T) {
	w := newWriter(t)
	f := w.task("tr", "ts001", Limits{MaxSize: 100, Keep: 2})
	stranger := f.path + ".1" // logrotate's, not ours
	if err := os.MkdirAll(filepath.Dir(f.path), 0o700); err != nil {
		t.Fatal(err)
	}
	future := time.Now().Add(time.Hour).UTC() // the clock was set back since
	for i, suffix := range []string{".gz", "", ".gz"} {
		if err := os.WriteFile(f.path+"."+future.Add(time.Duration(i)).Format(cutStamp)+suffix, nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(stranger, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		w.put(f, strings.Repeat(".", 90))
	}
	want := []string{stranger, f.path + "." + future.Add(2).Format(cutStamp) + ".gz", f.path + "." + future.Add(3).Format(cutStamp)}
	if got := cuts(t, f.path); !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestOldFileIsCutWithTheNextLine(t *testing.T) {
	w := newWriter(t)
	f := w.task("tr", "ts001", Limits{MaxAge: time.Hour, Keep: 3})
	if err := os.MkdirAll(filepath.Dir(f.path), 0o700); err != nil {
		t.Fatal(err)
	}
	before := string(Stamp(time.Now().Add(-2*time.Hour), "out")) + "of a keeper before\n"
	if err := os.WriteFile(f.path, []byte(before), 0o600); err != nil {
		t.Fatal(err)
	}
	w.put(f, "new")
	w.put(f, "newer")
	if got := cuts(t, f.path); len(got) != 1 {
		t.Fatalf("got %q", got)
	}
	if got := parseLog(t, f.path)["out"]; len(got) != 2 {
		t.Errorf("got %q", got)
	}
}

func TestRenamedOrRemovedFileIsMadeAnew(t *testing.T) {
	w := newWriter(t)
	f := w.task("tr", "ts001", Limits{})
	for i, away := range []func() error{
		func() error { return os.Rename(f.path, f.path+".1") },
		func() error { return os.Remove(f.path) },
		func() error { return os.Truncate(f.path, 0) }, // stays; logrotate's copytruncate
	} {
		w.put(f, fmt.Sprint("before ", i))
		if err := away(); err != nil {
			t.Fatal(err)
		}
		f.live.looked = f.live.looked.Add(-2 * outsidePatience) // nobody writes
		w.put(f, fmt.Sprint("after ", i))
		if got := parseLog(t, f.path)["out"]; len(got) != 1 || got[0] != fmt.Sprint("after ", i) {
			t.Errorf("%d: got %q", i, got)
		}
		if err := os.Remove(f.path); err != nil {
			t.Fatal(err)
		}
		f.live.looked = f.live.looked.Add(-2 * outsidePatience)
	}
	if got := parseLog(t, f.path+".1")["out"]; len(got) != 1 || got[0] != "before 0" {
		t.Errorf("got %q", got)
	}
}

func TestBudgetTakesTheOldestOfAllTransactions(t *testing.T) {
	w := newWriter(t)
	idle := filepath.Join(w.root, "old", "ts001.log")
	first := idle + ".20260102T030405.000000000Z"
	second := filepath.Join(w.root, "other", "ts001.log.20260102T030405.000000001Z.gz")
	for _, path := range []string{idle, first, second} {
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, make([]byte, 1000), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	there := func(want ...bool) {
		t.Helper()
		for i, path := range []string{first, second, idle} {
			if _, err := os.Stat(path); (err == nil) != want[i] {
				t.Errorf("%s: %v", path, err)
			}
		}
	}
	busy := w.task("new", "ts001", Limits{MaxSize: 1000, Keep: 100, Budget: 3500})
	line := strings.Repeat("x", 300)
	w.put(busy, line)
	there(true, true, true)
	w.put(busy, line)
	there(false, true, true)
	for range 3 {
		w.put(busy, line)
	}
	there(false, false, true)
	for range 9 {
		w.put(busy, line)
	}
	there(false, false, true) // cut files go before the last words of what has ended
	busy.limits.Budget = 900
	w.budget.limit.Store(900)
	w.put(busy, line)
	there(false, false, false)
	used := int64(0)
	for _, path := range append(cuts(t, busy.path), busy.path) {
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		used += info.Size()
	}
	if used > 900 {
		t.Errorf("%d bytes", used)
	}
	if n := w.losses.total(); n != 0 {
		t.Errorf("%d lines lost", n)
	}
	w.put(busy, strings.Repeat("x", 1000)) // there is no room to be made for that
	w.Lock()
	defer w.Unlock()
	if list := w.losses.untold(true); len(list) != 1 || list[0] != (Loss{Owner{"new", "ts001"}, 1, 0, "log budget used up"}) {
		t.Errorf("got %+v", list)
	}
}

func TestCutNames(t *testing.T) {
	for name, want := range map[string]string{
		"ts001.log.20261121T044507.123456789Z":         "ts001.log",
		"ts001.log.20261121T044507.123456789Z.gz":      "ts001.log",
		"ts.log.log.20261121T044507.123456789Z":        "ts.log.log",
		"ts001.log":                                    "",
		"ts001.log.1":                                  "",
		"ts001.log.20261121T044507.123456789Z.gz.part": "",
		"ts001.20261121T044507.123456789Z":             "",
		"ts001.log.20261321T044507.123456789Z":         "",
		"20261121T044507.123456789Z":                   "",
		"":                                             "",
	} {
		if log, _, ok := parseCut(name); ok != (want != "") || ok && log != want {
			t.Errorf("%q: %q, %v", name, log, ok)
		}
	}
}

func TestDroppedLinesAreSaidInTheFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	l := New(t.TempDir(), func() {})
	f := l.Open(path, Owner{"tr", "ts001"}, Limits{})
	stamp := Stamp(time.Now(), "out")
	l.Lock()
	for range 20 { // no writer runs yet: a stalled disk
		f.Add(stamp, nil, []byte(strings.Repeat("x", maxPending/16)))
	}
	l.Unlock()
	go l.Run() // ends with Close below
	until(t, "the disk is back", func() bool { return l.Flushed(f) })
	l.Lock()
	f.Add(stamp, []byte("af"), []byte("ter"))
	l.Unlock()
	l.Release(f)
	l.Close()
	<-l.Done()
	lines := parseLog(t, path)
	if n := len(lines["out"]); n != 17 || lines["out"][16] != "after" {
		t.Errorf("%d lines, last %.20q", n, lines["out"][n-1])
	} else if want := "zms: 5 lines dropped here (written faster than the disk takes it)"; lines["out"][15] != want {
		t.Errorf("got %q, want %q", lines["out"][15], want)
	}
	if n := l.Dropped(); n != 5 {
		t.Errorf("counted %d", n)
	}
}
