package main

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"syscall"

	"zmicroservices/context/keeper"
	"zmicroservices/context/provider"
)

// standFirst makes this process the keeper, which runs the provider below itself
// and starts it again when it dies: for PID 1 of a container and the main process
// of a unit. It comes back only with an error.
func standFirst(o provider.Options, linger string) error {
	runtime, state, err := o.Directories()
	if err != nil {
		return err
	}
	exe, err := os.Executable()
	if err != nil {
		return fmt.Errorf("find own program: %w", err)
	}
	argv := []string{
		exe, keeper.Arg, "--init", "--runtime_dir", runtime, "--state_dir", state, "--linger", linger, "--", exe,
	}
	below := slices.DeleteFunc(slices.Clone(os.Args[1:]), func(arg string) bool {
		return arg == "--init" || strings.HasPrefix(arg, "--init=")
	})
	return fmt.Errorf("execute the keeper: %w", syscall.Exec(exe, append(argv, below...), os.Environ()))
}
