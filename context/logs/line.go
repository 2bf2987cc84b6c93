package logs

import (
	"bytes"
	"errors"
	"time"
)

// Line is one line of a service's output.
type Line struct {
	At     time.Time
	Task   string
	Stream string // out or err
	Text   []byte // as the service wrote it, without newline; any bytes
}

// errForm says that a line is not one of the keeper's.
var errForm = errors.New("not of the form: RFC 3339 time, out or err, text")

// Parse reads a line of a log file: RFC 3339 time with nanoseconds, a space, out or
// err, a space, the text. Text shares the memory of b.
func Parse(b []byte) (Line, error) {
	b = bytes.TrimSuffix(b, []byte{'\n'})
	stamp, rest, _ := bytes.Cut(b, []byte{' '})
	if len(rest) < 4 || rest[3] != ' ' || len(stamp) > len(time.RFC3339Nano) {
		return Line{}, errForm
	}
	l := Line{Text: rest[4:]}
	switch string(rest[:3]) {
	case "out":
		l.Stream = "out"
	case "err":
		l.Stream = "err"
	default:
		return Line{}, errForm
	}
	var err error
	if l.At, err = time.Parse(time.RFC3339Nano, string(stamp)); err != nil {
		return Line{}, errForm
	}
	return l, nil
}

// Append appends the line as it stands in a file, with its newline.
func (l Line) Append(b []byte) []byte {
	b = l.At.UTC().AppendFormat(b, "2006-01-02T15:04:05.000000000Z07:00")
	b = append(append(append(b, ' '), l.Stream...), ' ')
	return append(append(b, l.Text...), '\n')
}
