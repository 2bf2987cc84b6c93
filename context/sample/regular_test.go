package sample

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestRegularFilesAreSeenWithTheirPlaces(t *testing.T) {
	dir := t.TempDir()
	var want []Regular
	for name, flags := range map[string]int{"r": os.O_RDONLY, "w": os.O_WRONLY, "a": os.O_WRONLY | os.O_APPEND, "r+": os.O_RDWR, "a+": os.O_RDWR | os.O_APPEND} {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte("0123456789"), 0o600); err != nil {
			t.Fatal(err)
		}
		f, err := os.OpenFile(path, flags, 0)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		if _, err := f.Seek(7, 0); flags&os.O_APPEND == 0 && err != nil {
			t.Fatal(err)
		}
		want = append(want, Regular{Path: path, FD: uint64(f.Fd())})
	}
	s, err := New(DefaultOptions())
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	tree := s.Watch(Target{PID: os.Getpid(), Want: OpenFiles, Alone: true})
	s.Tick(tree)
	seen := map[string]Regular{}
	for _, r := range tree.Regular() {
		seen[r.Path] = r
	}
	for _, w := range want {
		got := seen[w.Path]
		if name := filepath.Base(w.Path); got.Mode() != name || got.FD != w.FD || got.Position != 7 && got.Flags&os.O_APPEND == 0 {
			t.Errorf("%s: %+v, mode %s", name, got, got.Mode())
		}
	}
	for path := range seen {
		if info, err := os.Stat(path); err == nil && !info.Mode().IsRegular() {
			t.Errorf("%s is no regular file", path)
		}
	}
}

func TestFDInfo(t *testing.T) {
	for text, want := range map[string]Regular{
		"pos:\t22619\nflags:\t0100001\nmnt_id:\t30\n": {Position: 22619, Flags: 32769},
		"flags:\t02\npos:\t0\n":                       {Flags: 2},
	} {
		var got Regular
		if err := parseFDInfo([]byte(text), &got); err != nil || !cmp.Equal(got, want) {
			t.Errorf("%q: %+v %v", text, got, err)
		}
	}
	for _, text := range []string{"", "pos:\t1\n", "pos:\tx\nflags:\t0\n", "pos:\t0\nflags:\t9\n"} {
		if err := parseFDInfo([]byte(text), &Regular{}); err == nil {
			t.Errorf("%q is taken", text)
		}
	}
}
