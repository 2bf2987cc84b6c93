package logs

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
)

// tail reads the last lines of a source: from its newest file back to the one that has
// the first of them. The source stands at its end then.
func (s *source) tail(q Query) ([]Line, error) {
	cuts := s.list.after(s.task, s.done)
	if n := len(cuts); n > 0 {
		s.done = cuts[n-1].stamp
	}
	lines, err := s.ring(q)
	for i := len(cuts) - 1; i >= 0 && err == nil && len(lines) < q.Last; i-- {
		one := &source{list: s.list, task: s.task, only: true}
		err = one.openCut(cuts[i])
		if errors.Is(err, fs.ErrNotExist) { // removed meanwhile, and with it all that are older
			return lines, nil
		}
		if err != nil {
			return nil, err
		}
		missing := q
		missing.Last -= len(lines)
		var before []Line
		before, err = one.ring(missing)
		one.close()
		lines = append(before, lines...)
	}
	return lines, err
}

// ring reads to the end of the source and gives the last lines that fit, their texts
// copied. Of a large file it tries the end first.
func (s *source) ring(q Query) ([]Line, error) {
	if s.file == nil {
		if err := s.open(); errors.Is(err, io.EOF) {
			return nil, nil
		} else if err != nil {
			return nil, err
		}
	}
	const usual = 512 // bytes a line, generously
	window := int64(q.Last)*usual + maxText
	info, err := s.file.Stat()
	if err != nil || !s.plain || !s.live && !s.only || info.Size() < 2*window {
		return s.keep(q)
	}
	if err := s.seek(info.Size() - window); err != nil {
		return nil, err
	}
	if _, err := s.next(); err != nil && !errors.Is(err, io.EOF) { // the end of a line
		return nil, err
	}
	kept, err := s.keep(q)
	if err != nil || len(kept) == q.Last {
		return kept, err
	}
	if err := s.seek(0); err != nil {
		return nil, err
	}
	return s.keep(q)
}

// seek goes on at another place of a file that is not compressed.
func (s *source) seek(at int64) error {
	_, err := s.file.Seek(at, io.SeekStart)
	s.rest = nil
	s.in.Reset(s.file)
	return err
}

// keep reads to the end and keeps the last lines that fit.
func (s *source) keep(q Query) ([]Line, error) {
	var kept []Line
	oldest := 0 // of kept, when that is full
	for {
		line, err := s.next()
		if errors.Is(err, io.EOF) {
			return append(kept[oldest:len(kept):len(kept)], kept[:oldest]...), nil
		}
		if err != nil {
			return nil, err
		}
		switch {
		case !q.fits(line):
		case len(kept) < q.Last:
			line.Text = bytes.Clone(line.Text)
			kept = append(kept, line)
		default:
			line.Text = append(kept[oldest].Text[:0], line.Text...)
			kept[oldest] = line
			oldest = (oldest + 1) % q.Last
		}
	}
}
