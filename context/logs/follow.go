package logs

import (
	"bytes"
	"context"
	"errors"
	"io"
	"slices"
	"time"
)

// look is how often Follow looks at files that nobody tells of.
const look = 200 * time.Millisecond

// Follow gives what Read does, and then what is written, until ctx ends, which is no
// error. Of files alone: what a full disk does not take is not seen.
func Follow(ctx context.Context, dir string, q Query, each func(Line) error) error {
	f := &follower{q: q, list: listing{dir: dir}}
	defer f.close()
	if err := f.list.refresh(); err != nil {
		return err
	}
	var err error
	f.sources, err = read(ctx, &f.list, q, each)
	if err != nil {
		return ended(ctx, err)
	}
	if err := q.pause(); err != nil {
		return err
	}
	again := time.NewTicker(look)
	defer again.Stop()
	for {
		select {
		case <-again.C:
			if err := f.round(each); err != nil {
				return ended(ctx, err)
			}
		case <-ctx.Done():
			return nil
		}
	}
}

// ended is err, unless it is that ctx has ended.
func ended(ctx context.Context, err error) error {
	if ctx.Err() != nil && errors.Is(err, ctx.Err()) {
		return nil
	}
	return err
}

// follower is the state of Follow.
type follower struct {
	q       Query
	list    listing
	sources []*source
}

func (f *follower) close() {
	for _, s := range f.sources {
		s.close()
	}
}

// round gives what has come since the last, in the order of its times.
func (f *follower) round(each func(Line) error) error {
	if err := f.list.refresh(); err != nil {
		return err
	}
	if len(f.q.Tasks) == 0 {
		for _, task := range f.list.names() {
			if !slices.ContainsFunc(f.sources, func(s *source) bool { return s.task == task }) {
				f.sources = append(f.sources, &source{list: &f.list, task: task})
			}
		}
	}
	var lines []Line
	for _, s := range f.sources {
		own, err := s.news()
		if err != nil {
			return err
		}
		lines = append(lines, own...)
	}
	slices.SortStableFunc(lines, func(a, b Line) int { return a.At.Compare(b.At) })
	if len(lines) == 0 {
		return nil
	}
	for _, line := range lines {
		if !f.q.fits(line) {
			continue
		}
		if err := each(line); err != nil {
			return err
		}
	}
	return f.q.pause()
}

// maxNews bounds the lines that one source gives in a round.
const maxNews = 10000

// news reads what has come, their texts copied.
func (s *source) news() (lines []Line, err error) {
	for len(lines) < maxNews {
		line, err := s.next()
		if errors.Is(err, io.EOF) {
			if s.file != nil && s.moved() {
				continue
			}
			return lines, nil
		}
		if err != nil {
			return nil, err
		}
		line.Text = bytes.Clone(line.Text)
		lines = append(lines, line)
	}
	return lines, nil
}
