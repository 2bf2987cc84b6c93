package conf

import (
	"errors"
	"flag"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// Each file of testdata/faults is named after its fault; beside it is what we
// say of it, errors first.
func TestEveryFaultIsToldWithItsPlace(t *testing.T) {
	files, err := filepath.Glob("testdata/faults/*.xml")
	if err != nil || len(files) == 0 {
		t.Fatal("no faults to try", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".xml"), func(t *testing.T) {
			golden(t, strings.TrimSuffix(file, ".xml")+".want", verdict(t, file))
		})
	}
}

func verdict(t *testing.T, file string) string {
	t.Helper()
	src, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	name := filepath.Base(file)
	var lines []string
	say := func(kind string, list []*Error) {
		for _, e := range list {
			lines = append(lines, kind+e.Error())
		}
	}
	if strings.HasPrefix(name, "meta-") {
		m, err := ParseMeta(name, src)
		if m != nil {
			say("warning: ", m.Warnings)
		}
		say("", list(t, err))
		return strings.Join(lines, "\n") + "\n"
	}
	c, err := check(name, src, DefaultBounds())
	say("", list(t, err))
	if c != nil {
		say("warning: ", c.Warnings)
	}
	return strings.Join(lines, "\n") + "\n"
}

// list is the ErrorList in err, which must hold nothing else.
func list(t *testing.T, err error) ErrorList {
	t.Helper()
	if err == nil {
		return nil
	}
	l, ok := err.(ErrorList)
	if !ok {
		t.Fatalf("%T is no ErrorList: %v", err, err)
	}
	for _, e := range l {
		if !e.Pos.IsValid() {
			t.Errorf("no position: %v", e)
		}
	}
	return l
}

func golden(t *testing.T, file, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(string(want), got); d != "" {
		t.Errorf("%s (-want +got):\n%s", file, d)
	}
}

func TestGoodFilesHaveNoMistakesAndNoWarnings(t *testing.T) {
	files, err := filepath.Glob("testdata/good/*.xml")
	if err != nil || len(files) == 0 {
		t.Fatal("no good files to try", err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			var warnings []*Error
			var err error
			if strings.Contains(file, "services") {
				var m *Meta
				if m, err = LoadMeta(file); err == nil {
					warnings = m.Warnings
				}
			} else {
				var c *Context
				if c, err = Load(file); err == nil {
					warnings = c.Warnings
				}
			}
			if err != nil {
				t.Error(err)
			}
			for _, w := range warnings {
				t.Errorf("warning: %v", w)
			}
		})
	}
}

func TestLoadOfAMissingFileIsNoListOfMistakes(t *testing.T) {
	_, err := Load(filepath.Join(t.TempDir(), "none.xml"))
	if !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v", err)
	}
	if _, ok := err.(ErrorList); ok {
		t.Error("an operating system's error is no mistake in a file")
	}
}
