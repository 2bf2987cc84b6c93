package logs

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"sync"
	"time"
)

// Ear hears the output of one task while it is read, before any disk: a tap of the
// keeper.
type Ear interface {
	// From is when it began: what is older is in the files.
	From() time.Time
	// Next waits for lines as they stand in a file, and says how many were dropped
	// behind them.
	Next(ctx context.Context) (lines []byte, dropped uint64, err error)
	Close() error
}

// gathering is how long lines are waited for that came from other tasks at the same
// time, to be put in order.
const gathering = 20 * time.Millisecond

// Listen gives what Read does, and then what the ears of the tasks hear, until ctx ends,
// which is no error, or an ear does. Tasks must be named; each has an ear made by open.
func Listen(ctx context.Context, dir string, q Query, open func(ctx context.Context, task string) (Ear, error), each func(Line) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	ears, err := openEars(ctx, q.Tasks, open)
	defer func() {
		for _, e := range ears {
			if e != nil {
				_ = e.Close() // it ends with its connection otherwise
			}
		}
	}()
	var hearing sync.WaitGroup
	defer hearing.Wait()
	defer cancel(nil)
	if err != nil {
		return ended(ctx, err)
	}
	q.heard = make(map[string]time.Time)
	for i, task := range q.Tasks {
		q.heard[task] = ears[i].From()
	}
	if err := Read(ctx, dir, q, each); err != nil {
		return ended(ctx, err)
	}
	if err := q.pause(); err != nil {
		return err
	}
	heard := make(chan []Line) // sent by the goroutines below, never closed; 0: the ears hold what waits
	for i, task := range q.Tasks {
		hearing.Go(func() { // ends with ctx, or with its ear
			if err := hear(ctx, task, ears[i], heard); err != nil {
				cancel(err)
			}
		})
	}
	for {
		lines, err := gather(ctx, heard)
		for _, line := range lines {
			if !line.At.Before(q.Since) {
				if err := each(line); err != nil {
					return err
				}
			}
		}
		if err != nil {
			if cause := context.Cause(ctx); cause != ctx.Err() { // an ear's
				return cause
			}
			return nil
		}
		if err := q.pause(); err != nil {
			return err
		}
	}
}

// openEars opens all at once: on a stalled disk each takes its time.
func openEars(ctx context.Context, tasks []string, open func(context.Context, string) (Ear, error)) ([]Ear, error) {
	ears, errs := make([]Ear, len(tasks)), make([]error, len(tasks))
	var opening sync.WaitGroup
	for i, task := range tasks {
		opening.Go(func() { ears[i], errs[i] = open(ctx, task) }) // ends when it is open, or ctx does
	}
	opening.Wait()
	for _, err := range errs {
		if err != nil {
			return ears, err
		}
	}
	return ears, nil
}

// hear passes on what one ear hears.
func hear(ctx context.Context, task string, e Ear, to chan<- []Line) error {
	for {
		text, dropped, err := e.Next(ctx)
		if err != nil {
			return err
		}
		var lines []Line
		for b := range bytes.Lines(text) {
			if l, err := Parse(b); err == nil {
				l.Task = task
				lines = append(lines, l)
			}
		}
		if dropped > 0 {
			at := time.Now()
			if n := len(lines); n > 0 {
				at = lines[n-1].At
			}
			text := fmt.Sprintf("zms: %d lines not shown here (too many to follow; they are in the file)", dropped)
			lines = append(lines, Line{At: at, Task: task, Stream: "err", Text: []byte(text)})
		}
		select {
		case to <- lines:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// gather waits for lines, and a little for more, and gives them in the order of their
// times.
func gather(ctx context.Context, from <-chan []Line) (all []Line, err error) {
	select {
	case all = <-from:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	enough := time.NewTimer(gathering)
	defer enough.Stop()
	for more := true; more; {
		select {
		case lines := <-from:
			all = append(all, lines...)
			more = len(all) < maxNews
		case <-enough.C:
			more = false
		case <-ctx.Done():
			more, err = false, ctx.Err()
		}
	}
	slices.SortStableFunc(all, func(a, b Line) int { return a.At.Compare(b.At) })
	return all, err
}
