package logs

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"testing"
	"time"
)

// collected is what a reader was given.
type collected struct {
	mu    sync.Mutex
	texts []string
	grown chan struct{} // capacity 1, a level: sent by add, never closed
}

func newCollected() *collected { return &collected{grown: make(chan struct{}, 1)} }

func (c *collected) add(l Line) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.texts = append(c.texts, fmt.Sprintf("%s %s", l.Task, l.Text))
	select {
	case c.grown <- struct{}{}:
	default:
	}
	return nil
}

// await waits until there are n.
func (c *collected) await(t *testing.T, n int) []string {
	t.Helper()
	deadline := time.After(30 * time.Second)
	for {
		c.mu.Lock()
		got := c.texts
		c.mu.Unlock()
		if len(got) >= n {
			return got
		}
		select {
		case <-c.grown:
		case <-deadline:
			t.Fatalf("%d lines after 30 s, want %d: last %q", len(got), n, got[max(0, len(got)-3):])
		}
	}
}

// during runs a reader while do does.
func during(t *testing.T, reader func(ctx context.Context, each func(Line) error) error, do func(*collected)) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	c, done := newCollected(), make(chan error, 1) // sent once
	go func() { done <- reader(ctx, c.add) }()     // ends with ctx
	do(c)
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func TestFollowGoesAcrossFiles(t *testing.T) {
	f := newFolder(t)
	f.write("a", out(1, "1"))
	follow := func(ctx context.Context, each func(Line) error) error { return Follow(ctx, f.dir, Query{}, each) }
	during(t, follow, func(c *collected) {
		c.await(t, 1)
		f.write("a", out(2, "2"))
		f.raw("a", out(3, "").At.Format(time.RFC3339Nano)) // a line that is not whole yet
		c.await(t, 2)
		f.raw("a", " out 3\n")
		c.await(t, 3)
		f.write("a", out(4, "4"))
		first := f.cut("a", after(5))
		f.write("a", out(6, "6"))
		second := f.cut("a", after(7)) // two between two looks, it may be
		f.compress(first)
		f.compress(second)
		f.write("a", out(8, "8"))
		c.await(t, 6)
		if err := os.Rename(f.live("a"), f.dir+"/a.log.1"); err != nil { // somebody else's rotation
			t.Fatal(err)
		}
		f.write("a", out(9, "9 and more"))
		c.await(t, 7)
		if err := os.Truncate(f.live("a"), 0); err != nil {
			t.Fatal(err)
		}
		f.write("a", out(10, "10")) // less than what was there
		f.write("b", out(11, "11")) // a task that was not there
		equal(t, c.await(t, 9), "a 1", "a 2", "a 3", "a 4", "a 6", "a 8", "a 9 and more", "a 10", "b 11")
	})
}

// Whoever reads while the keeper cuts and removes and the provider compresses gets each
// line once.
func TestNoLineIsMissedOrDoubledWhileFilesAreCut(t *testing.T) {
	const lines = 3000
	f := newFolder(t)
	f.write("a", out(0, "0"))
	follow := func(ctx context.Context, each func(Line) error) error { return Follow(ctx, f.dir, Query{}, each) }
	during(t, follow, func(c *collected) {
		var compressing sync.WaitGroup
		for i := 1; i < lines; i++ {
			f.write("a", out(i, fmt.Sprint(i)))
			if i%97 == 0 {
				path := f.cut("a", after(i))
				compressing.Go(func() { f.compress(path) }) // ends by itself
			}
			if i%500 == 0 {
				n := 0
				err := Read(t.Context(), f.dir, Query{}, func(l Line) error {
					if string(l.Text) != fmt.Sprint(n) {
						return fmt.Errorf("line %d is %q", n, l.Text)
					}
					n++
					return nil
				})
				if err != nil || n != i+1 {
					t.Fatalf("%d lines of %d: %v", n, i+1, err)
				}
			}
		}
		for i, text := range c.await(t, lines) {
			if text != fmt.Sprint("a ", i) {
				t.Fatalf("line %d is %q", i, text)
			}
		}
		compressing.Wait()
	})
}

// ear is a tap whose words the test has.
type ear struct {
	from   time.Time
	said   chan saying
	closed bool
}

type saying struct {
	lines   []Line
	dropped uint64
	err     error
}

func (e *ear) From() time.Time { return e.from }
func (e *ear) Close() error    { e.closed = true; return nil }
func (e *ear) Next(ctx context.Context) ([]byte, uint64, error) {
	select {
	case s := <-e.said:
		var b []byte
		for _, l := range s.lines {
			b = l.Append(b)
		}
		return b, s.dropped, s.err
	case <-ctx.Done():
		return nil, 0, ctx.Err()
	}
}

func TestListenJoinsFilesAndEars(t *testing.T) {
	f := newFolder(t)
	ears := map[string]*ear{"a": {from: after(4), said: make(chan saying)}, "b": {from: after(2), said: make(chan saying)}}
	f.write("a", out(1, "1"), out(3, "3"), out(4, "not this"))
	f.write("b", out(1, "1"), out(2, "not this"))
	q := Query{Tasks: []string{"a", "b"}}
	gone := errors.New("gone")
	listen := func(ctx context.Context, each func(Line) error) error {
		err := Listen(ctx, f.dir, q, func(_ context.Context, task string) (Ear, error) { return ears[task], nil }, each)
		if !errors.Is(err, gone) {
			return err
		}
		return nil
	}
	during(t, listen, func(c *collected) {
		c.await(t, 3)
		ears["b"].said <- saying{lines: []Line{out(2, "2")}}
		c.await(t, 4)
		ears["a"].said <- saying{lines: []Line{out(4, "4"), out(5, "5")}, dropped: 7}
		equal(t, c.await(t, 7), "a 1", "b 1", "a 3", "b 2", "a 4", "a 5",
			"a zms: 7 lines not shown here (too many to follow; they are in the file)")
		ears["a"].said <- saying{err: gone}
	})
	for task, e := range ears {
		if !e.closed {
			t.Errorf("%s was not closed", task)
		}
	}
}

func TestListenClosesEarsWhenOneIsRefused(t *testing.T) {
	good := &ear{from: after(0), said: make(chan saying)}
	refused := errors.New("refused")
	open := func(_ context.Context, task string) (Ear, error) {
		if task == "b" {
			return nil, refused
		}
		return good, nil
	}
	err := Listen(t.Context(), t.TempDir(), Query{Tasks: []string{"a", "b"}}, open, func(Line) error { return nil })
	if !errors.Is(err, refused) || !good.closed {
		t.Errorf("%v, closed %v", err, good.closed)
	}
}
