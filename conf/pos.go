package conf

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Pos says where something was written. In a file it is a line and a column,
// both counted from 1, the column in bytes as compilers do. In a message there
// are no lines: File then holds the JSON path ("configuration.TaskService[2].id")
// and Line is 0. The zero Pos means "written nowhere", that is, a default.
type Pos struct {
	File         string
	Line, Column int
}

// IsValid reports whether p points anywhere.
func (p Pos) IsValid() bool { return p != Pos{} }

// String returns "file:line:column", or the JSON path alone.
func (p Pos) String() string {
	if p.Line == 0 {
		return p.File
	}
	return fmt.Sprintf("%s:%d:%d", p.File, p.Line, p.Column)
}

// line is the position without its file, for a second place in one message.
func (p Pos) line() string {
	if p.Line == 0 {
		return p.File
	}
	return fmt.Sprintf("%d:%d", p.Line, p.Column)
}

func comparePos(a, b Pos) int {
	return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
}

// Error is one mistake, or one warning, and its place.
type Error struct {
	Pos  Pos
	Task string // the id of the task service it belongs to; "" for none
	Msg  string
}

// Error returns `file:line:column: task ts002: message`.
func (e *Error) Error() string {
	var b strings.Builder
	if e.Pos.IsValid() {
		b.WriteString(e.Pos.String())
		b.WriteString(": ")
	}
	if e.Task != "" {
		b.WriteString("task ")
		b.WriteString(e.Task)
		b.WriteString(": ")
	}
	b.WriteString(e.Msg)
	return b.String()
}

// Warning is an Error that does not keep anything from running.
type Warning = Error

// ErrorList is every mistake of a file or a message, ordered by place, in the
// way of go/scanner. As an error it prints one mistake a line.
type ErrorList []*Error

// Error returns all mistakes, one a line.
func (l ErrorList) Error() string {
	lines := make([]string, len(l))
	for i, e := range l {
		lines[i] = e.Error()
	}
	return strings.Join(lines, "\n")
}

// Err returns l as an error, and nil when there is no mistake in it.
func (l ErrorList) Err() error {
	if len(l) == 0 {
		return nil
	}
	return l
}

// Unwrap lets errors.As find the single mistakes.
func (l ErrorList) Unwrap() []error {
	errs := make([]error, len(l))
	for i, e := range l {
		errs[i] = e
	}
	return errs
}

// sorted orders by place; of two at one place the one noted first stays first.
func (l ErrorList) sorted() ErrorList {
	slices.SortStableFunc(l, func(a, b *Error) int { return comparePos(a.Pos, b.Pos) })
	return l
}
