package logs

import (
	"context"
	"errors"
	"io"
	"slices"
)

// Read gives the chosen lines of a transaction's folder in the order of their times;
// lines of the same time, and those of one task, in the order in which they were
// written. A folder that is not there has none. It ends with the error of each or of
// ctx. A Line is valid until each returns.
func Read(ctx context.Context, dir string, q Query, each func(Line) error) error {
	l := &listing{dir: dir}
	if err := l.refresh(); err != nil {
		return err
	}
	sources, err := read(ctx, l, q, each)
	for _, s := range sources {
		s.close()
	}
	return err
}

// read gives what is there, and the sources where they stand then.
func read(ctx context.Context, l *listing, q Query, each func(Line) error) ([]*source, error) {
	sources := q.sources(l)
	if q.Last > 0 {
		return sources, last(ctx, l, q, sources, each)
	}
	var m merge
	for i, s := range sources {
		if err := m.add(s, i); err != nil {
			return sources, err
		}
	}
	for n := 0; ; n++ {
		if n%1024 == 0 && ctx.Err() != nil {
			return sources, ctx.Err()
		}
		line, err := m.next()
		if errors.Is(err, io.EOF) {
			return sources, nil
		}
		if err == nil && q.fits(line) {
			err = each(line)
		}
		if err != nil {
			return sources, err
		}
	}
}

// last gives the last lines of all sources together: of each its own last at most.
func last(ctx context.Context, l *listing, q Query, sources []*source, each func(Line) error) error {
	var all []Line
	for i, s := range sources {
		if err := ctx.Err(); err != nil {
			return err
		}
		own, err := s.tail(q)
		if err != nil {
			return err
		}
		all = append(all, own...)
		if i%64 == 63 { // not the last lines of thousands at once
			all = newest(all, q.Last)
		}
	}
	for _, line := range newest(all, q.Last) {
		if err := each(line); err != nil {
			return err
		}
	}
	return nil
}

func newest(all []Line, n int) []Line {
	slices.SortStableFunc(all, func(a, b Line) int { return a.At.Compare(b.At) })
	return slices.Clone(all[max(0, len(all)-n):])
}
