package logs

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var noon = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

// after is n seconds after noon.
func after(n int) time.Time { return noon.Add(time.Duration(n) * time.Second) }

// folder is a transaction's, written as the keeper does.
type folder struct {
	t   *testing.T
	dir string
}

func newFolder(t *testing.T) folder {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "logs", "tr")
	if err := os.MkdirAll(dir, 0o750); err != nil {
		t.Fatal(err)
	}
	return folder{t, dir}
}

func (f folder) state() string { return filepath.Dir(filepath.Dir(f.dir)) }

func (f folder) live(task string) string { return filepath.Join(f.dir, task+".log") }

func (f folder) write(task string, lines ...Line) {
	f.t.Helper()
	var b []byte
	for _, l := range lines {
		b = l.Append(b)
	}
	f.raw(task, string(b))
}

func (f folder) raw(task, text string) {
	f.t.Helper()
	w, err := os.OpenFile(f.live(task), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o640)
	if err == nil {
		_, err = w.WriteString(text)
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		f.t.Fatal(err)
	}
}

func (f folder) cut(task string, at time.Time) (path string) {
	f.t.Helper()
	path = f.live(task) + "." + at.UTC().Format(cutStamp)
	if err := os.Rename(f.live(task), path); err != nil {
		f.t.Fatal(err)
	}
	return path
}

func (f folder) compress(path string) {
	f.t.Helper()
	if err := compress(f.t.Context(), path); err != nil {
		f.t.Fatal(err)
	}
}

// out is a line on stdout, n seconds after noon.
func out(n int, text string) Line { return Line{At: after(n), Stream: "out", Text: []byte(text)} }

// texts are the lines as "task stream text".
func (f folder) texts(q Query) []string {
	f.t.Helper()
	var got []string
	err := Read(context.Background(), f.dir, q, func(l Line) error {
		got = append(got, fmt.Sprintf("%s %s %s", l.Task, l.Stream, l.Text))
		return nil
	})
	if err != nil {
		f.t.Fatal(err)
	}
	return got
}
