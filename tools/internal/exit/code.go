package exit

import (
	"errors"
	"fmt"
)

// The exit codes; scripts rely on them.
const (
	CodeDone   = 0
	CodeFailed = 1 // refused, or failed, or not known in time
	CodeUsage  = 2 // wrong flags, or a wrong or unreadable file
	CodeNobody = 3 // nobody to talk to
)

// Failure is an error of an order that was all right as such.
type Failure struct{ err error }

func (f *Failure) Error() string { return f.err.Error() }
func (f *Failure) Unwrap() error { return f.err }

// Failed makes an error of exit code 1.
func Failed(format string, args ...any) error {
	return &Failure{fmt.Errorf(format, args...)}
}

// Absence is an error for want of a provider.
type Absence struct{ err error }

func (a *Absence) Error() string { return a.err.Error() }
func (a *Absence) Unwrap() error { return a.err }

// Nobody makes an error of exit code 3.
func Nobody(format string, args ...any) error {
	return &Absence{fmt.Errorf(format, args...)}
}

// Code takes every other error, those of the flag parser included, for one
// of usage.
func Code(err error) int {
	var f *Failure
	var a *Absence
	switch {
	case err == nil:
		return CodeDone
	case errors.As(err, &a):
		return CodeNobody
	case errors.As(err, &f):
		return CodeFailed
	}
	return CodeUsage
}
