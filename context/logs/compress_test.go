package logs

import (
	"bytes"
	"context"
	"log/slog"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// swept runs a Compressor for as long as a look takes.
func swept(t *testing.T, f folder, wanted func(string) bool, log *slog.Logger, during func()) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		c := &Compressor{StateDir: f.state(), Wanted: wanted, Logger: log}
		done := make(chan error, 1)
		go func() { done <- c.Run(ctx) }() // ends with ctx
		synctest.Wait()
		if during != nil {
			during()
			time.Sleep(2 * sweepEvery) // of the bubble
			synctest.Wait()
		}
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

func all(string) bool { return true }

func exists(t *testing.T, path string, want bool) {
	t.Helper()
	if _, err := os.Stat(path); (err == nil) != want {
		t.Errorf("%s: %v", path, err)
	}
}

func TestCutFilesAreCompressed(t *testing.T) {
	f := example(t)
	before := f.texts(Query{})
	f.write("plain", out(1, "x"))
	plain := f.cut("plain", after(2))
	old := f.live("a") + "." + after(7).Format(cutStamp)
	info, err := os.Stat(old)
	if err != nil {
		t.Fatal(err)
	}
	var later string
	swept(t, f, func(task string) bool { return task != "plain" }, slog.New(slog.DiscardHandler), func() {
		exists(t, old, false)
		later = f.cut("b", after(10))
	})
	exists(t, later, false)
	exists(t, later+".gz", true)
	exists(t, plain, true)
	exists(t, f.live("a"), true)
	if now, err := os.Stat(old + ".gz"); err != nil || !now.ModTime().Equal(info.ModTime()) || now.Mode() != info.Mode() {
		t.Errorf("got %+v, %v", now, err)
	}
	equal(t, f.texts(Query{Tasks: []string{"a", "b"}}), before...)
}

// Whatever a provider that was killed has left, no line is missing, doubled or
// left uncompressed.
func TestCompressionGoesOnAfterACrash(t *testing.T) {
	f := example(t)
	before := f.texts(Query{})
	path := f.live("a") + "." + after(7).Format(cutStamp)
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	write := func(path string, b []byte) {
		t.Helper()
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	orphan := f.live("a") + "." + after(1).Format(cutStamp) + partSuffix // its file was removed since
	for _, crash := range []func(){
		func() { write(path+partSuffix, []byte("half")); write(orphan, nil) },
		func() { // between renaming and removing
			f.compress(path)
			write(path, text)
		},
		func() { f.compress(path) },
	} {
		write(path, text)
		_ = os.Remove(path + ".gz")
		crash()
		equal(t, f.texts(Query{}), before...)
		swept(t, f, all, slog.New(slog.DiscardHandler), nil)
		exists(t, path, false)
		exists(t, path+".gz", true)
		exists(t, path+partSuffix, false)
		exists(t, orphan, false)
		equal(t, f.texts(Query{}), before...)
	}
}

func TestFileThatCannotBeCompressedStays(t *testing.T) {
	f := newFolder(t)
	f.write("a", out(1, "a1"))
	path := f.cut("a", after(2))
	if err := os.MkdirAll(path+".gz/in the way", 0o700); err != nil {
		t.Fatal(err)
	}
	if err := compress(t.Context(), path); err == nil {
		t.Error("no error")
	}
	exists(t, path, true)
	exists(t, path+partSuffix, false)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := compress(ctx, path); err == nil {
		t.Error("no error")
	}
	exists(t, path+partSuffix, false)

	var said bytes.Buffer
	c := &Compressor{StateDir: f.state(), Wanted: all, Logger: slog.New(slog.NewTextHandler(&said, nil))}
	for range 3 {
		c.say(c.sweep(t.Context(), []string{path}))
	}
	if n := strings.Count(said.String(), "log files not compressed"); n != 1 {
		t.Errorf("said %d times: %s", n, said.String())
	}
}
