package logs

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"io/fs"
	"os"
	"time"
)

// maxText bounds a line; the keeper writes at most 16 KiB of text. What is longer is
// of somebody else, and comes in pieces.
const maxText = 64 << 10

// source reads the log of one task, file by file.
type source struct {
	list  *listing
	task  string
	done  string   // stamp of the last cut file that was begun
	file  *os.File // open, nil before and between files
	live  bool     // it is, or was when it was opened, the live one
	plain bool     // it is not compressed
	only  bool     // no file after it
	in    *bufio.Reader
	rest  []byte    // the beginning of a line whose end is not there yet
	last  Line      // to complete what is no line by itself
	order time.Time // of the last line: grows even when the clock was set back
}

// next gives the next line; io.EOF when there is none, yet. Its Text is valid until then.
func (s *source) next() (Line, error) {
	for {
		if s.file == nil {
			if err := s.open(); err != nil {
				return Line{}, err
			}
		}
		text, err := s.in.ReadSlice('\n')
		switch {
		case err == nil, errors.Is(err, bufio.ErrBufferFull):
			if len(s.rest) > 0 {
				s.rest = append(s.rest, text...)
				text, s.rest = s.rest, nil
			}
			return s.line(text), nil
		case !s.live: // its end, or what is left of a compressed file that is damaged
			if text = append(s.rest, text...); len(text) > 0 {
				s.rest = nil
				return s.line(text), nil
			}
			if s.only {
				return Line{}, io.EOF
			}
			s.close()
		case errors.Is(err, io.EOF):
			s.rest = append(s.rest, text...)
			return Line{}, io.EOF
		default:
			return Line{}, err
		}
	}
}

// line makes a line of text. What is none goes on with the one before.
func (s *source) line(text []byte) Line {
	l, err := Parse(text)
	if err != nil {
		l = Line{At: s.last.At, Stream: "out", Text: bytes.TrimSuffix(text, []byte{'\n'})}
		if s.last.Stream != "" {
			l.Stream = s.last.Stream
		}
	}
	l.Task = s.task
	if l.At.After(s.order) {
		s.order = l.At
	}
	s.last = Line{At: l.At, Stream: l.Stream}
	return l
}

// open opens the next file: the oldest cut one that was not read, else the live one.
// io.EOF: there is none.
func (s *source) open() error {
	for {
		if err := s.list.refresh(); err != nil {
			return err
		}
		if newer := s.list.after(s.task, s.done); len(newer) > 0 {
			s.done = newer[0].stamp
			err := s.openCut(newer[0])
			if errors.Is(err, fs.ErrNotExist) {
				continue // it was removed meanwhile, as the oldest
			}
			return err
		}
		f, err := os.Open(s.list.live(s.task))
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return io.EOF
		case err != nil:
			return err
		}
		// Between our look and the opening it may have been cut, and this be another.
		s.list.sure = false
		if err := s.list.refresh(); err != nil {
			_ = f.Close()
			return err
		}
		newer := s.list.after(s.task, s.done)
		if len(newer) == 0 {
			s.read(f, f, true)
			return nil
		}
		if sameFile(f, s.list.cut(s.task, newer[0])) {
			s.done = newer[0].stamp
			s.read(f, f, false)
			return nil
		}
		_ = f.Close()
	}
}

func (s *source) openCut(c cut) error {
	path := s.list.cut(s.task, c)
	f, err := os.Open(path)
	if err == nil {
		s.read(f, f, false)
		return nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if f, err = os.Open(path + ".gz"); err != nil {
		return err
	}
	z, err := gzip.NewReader(f)
	if err != nil {
		_ = f.Close()
		return &fs.PathError{Op: "read", Path: path + ".gz", Err: err}
	}
	s.read(f, z, false)
	return nil
}

func (s *source) read(f *os.File, from io.Reader, live bool) {
	s.file, s.live, s.plain, s.rest = f, live, from == io.Reader(f), nil
	if s.in == nil {
		s.in = bufio.NewReaderSize(from, maxText)
	} else {
		s.in.Reset(from)
	}
}

func (s *source) close() {
	if s.file != nil {
		_ = s.file.Close()
		s.file = nil
	}
}

// moved looks whether the live file, read to its end, goes on somewhere else. Whoever
// follows asks at io.EOF, and reads on if so.
func (s *source) moved() bool {
	now, err := os.Stat(s.list.live(s.task))
	opened, errOpened := s.file.Stat()
	if errOpened != nil || err != nil && !errors.Is(err, fs.ErrNotExist) {
		return false
	}
	if err == nil && os.SameFile(now, opened) {
		// Somebody has emptied it (logrotate's copytruncate): from the beginning.
		if at, err := s.file.Seek(0, io.SeekCurrent); err == nil && opened.Size() < at {
			_, _ = s.file.Seek(0, io.SeekStart)
			s.read(s.file, s.file, true)
			return true
		}
		return false
	}
	// It was cut, or taken away: it is read to its end as a file that is complete. If it
	// was cut it is the oldest that is new; or removed already, when that is another.
	s.live = false
	s.list.sure = false
	if s.list.refresh() == nil {
		newer := s.list.after(s.task, s.done)
		if len(newer) > 0 && (!newer[0].plain || sameFile(s.file, s.list.cut(s.task, newer[0]))) {
			s.done = newer[0].stamp
		}
	}
	return true
}

func sameFile(f *os.File, path string) bool {
	a, err1 := f.Stat()
	b, err2 := os.Stat(path)
	return err1 == nil && err2 == nil && os.SameFile(a, b)
}
