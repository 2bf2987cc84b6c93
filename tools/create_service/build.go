package main

import (
	"errors"
	"fmt"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/spf13/cobra"
)

// newBuild is the command build: what the Makefile's target services calls.
func newBuild() *cobra.Command {
	var (
		all    bool
		output string
	)
	cmd := &cobra.Command{
		Use:   "build [flags] [DIRECTORY…]",
		Short: "Build the Go services below directories that are missing or stale",
		Long: `Build every Go service below the directories (default: the working directory).
A service is a directory with a main.go; its executable has the directory's name
and lies in it. It is stale when one of its .go files, or go.mod or go.sum of its
module, is newer; --all is for changes in packages that it imports.`,
		Example: "  create_service build services\n  create_service build --all services",
		RunE: func(cmd *cobra.Command, dirs []string) error {
			if !slices.Contains(outputs, output) {
				return fmt.Errorf("--output: %q is none of table, json", output)
			}
			var done report
			err := buildBelow(&done, dirs, all)
			return errors.Join(err, failed(done.show(cmd.OutOrStdout(), output)))
		},
	}
	cmd.Flags().BoolVarP(&all, "all", "a", false, "build all, as after a change in a package that they import")
	cmd.Flags().StringVarP(&output, "output", "o", "table", "table or json")
	return cmd
}

// buildBelow builds what needs it; a service that does not build does not keep
// the others from it.
func buildBelow(r *report, dirs []string, all bool) error {
	if len(dirs) == 0 {
		dirs = []string{"."}
	}
	var services []string
	for _, dir := range dirs {
		found, err := mainsBelow(dir)
		if err != nil {
			return err // no such directory: of usage
		}
		services = append(services, found...)
	}
	var errs []error
	for _, dir := range services {
		errs = append(errs, r.buildIfStale(dir, all))
	}
	return failed(errors.Join(errs...))
}

// mainsBelow finds the directories with a main.go, dir itself included.
func mainsBelow(dir string) ([]string, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	var found []string
	err = filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && path != dir && (entry.Name()[0] == '.' || entry.Name() == "testdata"):
			return fs.SkipDir // as the go command does
		case entry.Name() == "main.go" && entry.Type().IsRegular() && isProgram(path):
			found = append(found, filepath.Dir(path))
		}
		return nil
	})
	if errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("build: %w", err)
	}
	return found, err
}

// isProgram is true if the file is of package main: a library may have a main.go,
// too. A file that does not even say its package is for the compiler to judge.
func isProgram(file string) bool {
	parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.PackageClauseOnly)
	return err != nil || parsed.Name.Name == "main"
}
