package main

import (
	"errors"
	"fmt"
	"strings"
)

// The exit codes; scripts rely on them.
const (
	exitDone   = 0
	exitFailed = 1 // refused, or failed on the way
	exitUsage  = 2 // wrong flags, or a wrong or unreadable file
)

// failure is an error of a run whose order was all right. Every other error,
// those of the flag parser included, is one of usage.
type failure struct{ err error }

func (f *failure) Error() string { return f.err.Error() }
func (f *failure) Unwrap() error { return f.err }

// failed marks err, if it is one, as an error of the run.
func failed(err error) error {
	if err == nil {
		return nil
	}
	return &failure{err}
}

func exitCode(err error) int {
	var f *failure
	switch {
	case err == nil:
		return exitDone
	case errors.As(err, &f):
		return exitFailed
	}
	return exitUsage
}

// problems are all mistakes of an order, a line each.
type problems []string

func (p problems) Error() string {
	if len(p) == 1 {
		return p[0]
	}
	return fmt.Sprintf("%d mistakes, nothing was written:\n  %s", len(p), strings.Join(p, "\n  "))
}
