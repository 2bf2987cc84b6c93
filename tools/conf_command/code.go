package main

import (
	"errors"
	"fmt"
)

// The exit codes; scripts rely on them.
const (
	exitDone   = 0
	exitFailed = 1 // refused, or failed, or not known in time
	exitUsage  = 2 // wrong flags, or a wrong or unreadable file
	exitNobody = 3 // nobody to talk to
)

// failure is an error of an order that was all right as such.
type failure struct{ err error }

func (f *failure) Error() string { return f.err.Error() }
func (f *failure) Unwrap() error { return f.err }

// failed makes an error of exit code 1.
func failed(format string, args ...any) error {
	return &failure{fmt.Errorf(format, args...)}
}

// absence is an error for want of a provider.
type absence struct{ err error }

func (a *absence) Error() string { return a.err.Error() }
func (a *absence) Unwrap() error { return a.err }

// nobody makes an error of exit code 3.
func nobody(format string, args ...any) error {
	return &absence{fmt.Errorf(format, args...)}
}

// exitCode takes every other error, those of the flag parser included, for one
// of usage.
func exitCode(err error) int {
	var f *failure
	var a *absence
	switch {
	case err == nil:
		return exitDone
	case errors.As(err, &a):
		return exitNobody
	case errors.As(err, &f):
		return exitFailed
	}
	return exitUsage
}
