package main

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"zmicroservices/context/keeper"
)

// version is set by the linker.
var version = "devel"

func main() {
	if len(os.Args) > 1 {
		switch os.Args[1] {
		case keeper.Arg:
			os.Exit(keeper.Main(os.Args[2:]))
		case "task":
			os.Exit(runBundled(os.Args[2:]))
		}
	}
	err := newRoot().Execute()
	var u *usageError
	switch {
	case err == nil:
	case errors.As(err, &u):
		fmt.Fprintf(os.Stderr, "error: %v\n", err)
		os.Exit(2)
	default: // a line, whatever teardown added
		fmt.Fprintf(os.Stderr, "error: %s\n", strings.ReplaceAll(err.Error(), "\n", "; "))
		os.Exit(1)
	}
}

// usageError is a call or a file that is wrong: exit code 2.
type usageError struct{ err error }

func (e *usageError) Error() string { return e.err.Error() }
func (e *usageError) Unwrap() error { return e.err }
