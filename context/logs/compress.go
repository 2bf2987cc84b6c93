package logs

import (
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"golang.org/x/sys/unix"
)

// sweepEvery is how often a Compressor looks for files that were cut.
const sweepEvery = 15 * time.Second

// partSuffix is behind the name of a cut file that is being compressed.
const partSuffix = ".gz.part"

// Compressor compresses cut files, one at a time. It may be killed at any moment: a
// file is removed when its compressed twin is on the disk, and what was half done is
// done again.
type Compressor struct {
	StateDir string
	Wanted   func(task string) bool // whether files of this task are compressed
	Logger   *slog.Logger

	listings map[string]*listing // by transaction
	failed   string              // the error that was last said
}

// Run compresses until ctx ends.
func (c *Compressor) Run(ctx context.Context) error {
	again := time.NewTicker(sweepEvery)
	defer again.Stop()
	for {
		if files := c.due(); len(files) > 0 {
			done := make(chan error, 1) // sent once
			go func() {                 // ends when all are compressed, or ctx ends
				// Never unlocked: the thread ends with the goroutine, and its priority with it.
				runtime.LockOSThread()
				_ = unix.Setpriority(unix.PRIO_PROCESS, 0, 19) // 0 is this thread, setpriority(2)
				done <- c.sweep(ctx, files)
			}()
			c.say(<-done)
		}
		select {
		case <-again.C:
		case <-ctx.Done():
			return nil
		}
	}
}

// say logs an error once, not every time.
func (c *Compressor) say(err error) {
	text := ""
	if err != nil && !errors.Is(err, context.Canceled) {
		text = err.Error()
	}
	if text != "" && text != c.failed {
		c.Logger.Warn("log files not compressed", "err", err)
	}
	c.failed = text
}

// due gives the files that are to be compressed, and removes those that have been.
func (c *Compressor) due() (files []string) {
	root := filepath.Join(c.StateDir, "logs")
	dirs, _ := os.ReadDir(root)
	listings := make(map[string]*listing)
	for _, d := range dirs {
		l := c.listings[d.Name()]
		if l == nil {
			l = &listing{dir: filepath.Join(root, d.Name())}
		}
		listings[d.Name()] = l
		if l.refresh() != nil {
			continue
		}
		for _, part := range l.parts { // nothing is under way
			_ = os.Remove(part)
		}
		for _, task := range l.names() {
			if !c.Wanted(task) {
				continue
			}
			for _, cut := range l.tasks[task] {
				path := l.cut(task, cut)
				switch {
				case cut.plain && cut.gzip:
					_ = os.Remove(path) // a provider was killed just before
				case cut.plain:
					files = append(files, path)
				}
			}
		}
	}
	c.listings = listings // of those that are gone nothing stays
	return files
}

func (c *Compressor) sweep(ctx context.Context, files []string) error {
	var first error
	for _, path := range files {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		err := compress(ctx, path)
		if err != nil && !errors.Is(err, os.ErrNotExist) && first == nil { // removed meanwhile, as the oldest
			first = fmt.Errorf("compress %s: %w", path, err)
		}
	}
	return first
}

// compress makes path.gz of path.
func compress(ctx context.Context, path string) (err error) {
	in, err := os.Open(path)
	if err != nil {
		return err
	}
	defer in.Close()
	info, err := in.Stat()
	if err != nil {
		return err
	}
	part := path + partSuffix
	out, err := os.OpenFile(part, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, info.Mode().Perm())
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = out.Close()
			_ = os.Remove(part)
		}
	}()
	z, _ := gzip.NewWriterLevel(out, gzip.BestSpeed) // the level is one that there is
	if _, err = io.Copy(z, interruptible{ctx, in}); err != nil {
		return err
	}
	if err = z.Close(); err != nil {
		return err
	}
	// On the disk under its name before the other goes.
	if err = out.Sync(); err != nil {
		return err
	}
	if err = out.Close(); err != nil {
		return err
	}
	_ = os.Chtimes(part, time.Time{}, info.ModTime()) // a label
	if err = os.Rename(part, path+".gz"); err != nil {
		return err
	}
	if err = syncDir(filepath.Dir(path)); err != nil {
		return err
	}
	return os.Remove(path)
}

// interruptible reads until ctx ends.
type interruptible struct {
	ctx context.Context
	r   io.Reader
}

func (i interruptible) Read(p []byte) (int, error) {
	if err := i.ctx.Err(); err != nil {
		return 0, err
	}
	return i.r.Read(p)
}

func syncDir(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}
