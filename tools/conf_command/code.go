package main

import "zmicroservices/tools/internal/exit"

// failure is an error of an order that was all right as such.
type failure = exit.Failure

// absence is an error for want of a provider.
type absence = exit.Absence

// failed makes an error of exit code 1.
func failed(format string, args ...any) error { return exit.Failed(format, args...) }

// nobody makes an error of exit code 3.
func nobody(format string, args ...any) error { return exit.Nobody(format, args...) }

// exitCode takes every other error, those of the flag parser included, for one
// of usage.
func exitCode(err error) int { return exit.Code(err) }
