package keys_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"zmicroservices/taskservice/keys"
	"zmicroservices/taskservice/zmtp/curve"
)

// patience is what a test waits for one thing on a busy machine.
const patience = 20 * time.Second

// log is what was logged.
type log struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *log) contains(s string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Contains(l.text.String(), s)
}

// opened is a Directory that runs.
type opened struct {
	*keys.Directory
	path string
	log  *log
	gone chan curve.Key // sent by Run, never closed; capacity: more than a test revokes
}

func open(t *testing.T) opened {
	t.Helper()
	o := opened{path: t.TempDir(), log: &log{}, gone: make(chan curve.Key, 100)}
	var err error
	o.Directory, err = keys.OpenDirectory(keys.DirectoryOptions{
		Path:     o.path,
		Logger:   slog.New(slog.NewTextHandler(o.log, nil)),
		Interval: 10 * time.Millisecond,
		Revoked: func(keys []curve.Key) {
			for _, k := range keys {
				o.gone <- k
			}
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- o.Run(ctx) }() // ends with the test
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return o
}

func (o opened) add(t *testing.T, c keys.Certificate) string {
	t.Helper()
	path := filepath.Join(o.path, c.Name+keys.PublicSuffix)
	if err := c.CreatePublic(path); err != nil {
		t.Fatal(err)
	}
	return path
}

func (o opened) awaitGone(t *testing.T, want curve.Key) {
	t.Helper()
	select {
	case k := <-o.gone:
		if k != want {
			t.Errorf("%s was revoked, want %s", k, want)
		}
	case <-time.After(patience):
		t.Fatalf("nobody told of %s", want)
	}
}

func TestAKeyIsKnownAsSoonAsItIsThereAndNoLonger(t *testing.T) {
	o := open(t)
	for i := range 5 {
		c := certificate(t, fmt.Sprintf("c%d", i), keys.Serve, "ts001")
		if _, known := o.Lookup(c.Public); known {
			t.Error("known before it was added")
		}
		path := o.add(t, c)
		if g, known := o.Lookup(c.Public); !known || g.Name != c.Name || g.Role != keys.Serve || o.Len() != 1 {
			t.Fatalf("added: %+v, %v", g, known)
		}
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
		if _, known := o.Lookup(c.Public); known {
			t.Error("known after it was removed")
		}
		o.awaitGone(t, c.Public)
	}
}

// Nobody connects, and the file is changed in place.
func TestWhatIsChangedInPlaceIsRevoked(t *testing.T) {
	o := open(t)
	c := certificate(t, "pump", keys.Operate)
	path := o.add(t, c)
	if _, known := o.Lookup(c.Public); !known {
		t.Fatal("not known")
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	// In one write, so that no look in between sees half of it.
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	_, err = f.WriteAt([]byte("observe"), int64(bytes.Index(text, []byte("operate"))))
	if err := errors.Join(err, f.Close()); err != nil {
		t.Fatal(err)
	}
	o.awaitGone(t, c.Public)
	if g, known := o.Lookup(c.Public); !known || g.Role != keys.Observe {
		t.Errorf("changed: %+v, %v", g, known)
	}
	replace := func(name, text string) {
		t.Helper()
		write(t, filepath.Join(o.path, "next"), text, 0o644)
		if err := os.Rename(filepath.Join(o.path, "next"), filepath.Join(o.path, name)); err != nil {
			t.Fatal(err)
		}
	}
	replace("pump.key", string(text))
	o.awaitGone(t, c.Public)
	replace("pump.key", string(text)+"\n# says nothing new\n")
	replace("zzz.key", string(text)) // the same key once more: not used
	if err := os.RemoveAll(o.path); err != nil {
		t.Fatal(err)
	}
	o.awaitGone(t, c.Public)
	if o.Len() != 0 || len(o.gone) != 0 {
		t.Errorf("%d known, %d more revoked", o.Len(), len(o.gone))
	}
}

func TestAFileThatIsWrongLeavesTheOthers(t *testing.T) {
	o := open(t)
	good, open := certificate(t, "good", keys.Observe), certificate(t, "open", keys.Operate)
	write(t, filepath.Join(o.path, "broken.key"), "curve\n    public-key = what\n", 0o644)
	write(t, filepath.Join(o.path, "other.txt"), "nothing of ours", 0o644)
	if err := os.Mkdir(filepath.Join(o.path, "folder.key"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("nowhere", filepath.Join(o.path, "dangling.key")); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(o.add(t, open), 0o666); err != nil {
		t.Fatal(err)
	}
	o.add(t, good)
	if _, known := o.Lookup(good.Public); !known {
		t.Error("the good one is not known")
	}
	if _, known := o.Lookup(open.Public); known || o.Len() != 1 {
		t.Error("a file that everybody may change was used")
	}
	for _, want := range []string{"broken.key", "parse key: 4 characters", "folder.key", "open.key: mode 0666"} {
		if !o.log.contains(want) {
			t.Errorf("nothing logged of %s", want)
		}
	}
	if err := os.Chmod(o.path, 0o777); err != nil {
		t.Fatal(err)
	}
	if _, err := keys.OpenDirectory(keys.DirectoryOptions{Path: o.path}); err == nil {
		t.Error("opened a directory that everybody may write to")
	}
	if _, err := keys.OpenDirectory(keys.DirectoryOptions{Path: filepath.Join(o.path, "missing")}); err == nil {
		t.Error("opened what is not there")
	}
}

func BenchmarkLookup(b *testing.B) {
	dir := b.TempDir()
	var last curve.Key
	for i := range 200 {
		c := certificate(b, fmt.Sprintf("c%d", i), keys.Observe)
		if err := c.CreatePublic(filepath.Join(dir, c.Name+".key")); err != nil {
			b.Fatal(err)
		}
		last = c.Public
	}
	long := time.Now().Add(-time.Hour)
	if err := os.Chtimes(dir, long, long); err != nil {
		b.Fatal(err)
	}
	d, err := keys.OpenDirectory(keys.DirectoryOptions{Path: dir})
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, known := d.Lookup(last); !known {
			b.Fatal("not known")
		}
	}
}
