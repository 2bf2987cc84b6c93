package main

import (
	"bytes"
	"fmt"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"zmicroservices"
)

// sdkModule is the module of the SDK, here and where we write it.
const sdkModule = "zmicroservices"

// sdkFiles are the files of the SDK as they are written beside the services:
// package taskservice and those of our packages that it imports, without their
// tests, as a module that has the name of this one.
func sdkFiles() (map[string][]byte, error) {
	files := map[string][]byte{}
	for _, name := range []string{"go.mod", "go.sum", "LICENSE"} {
		data, err := fs.ReadFile(zmicroservices.Sources, name)
		if err != nil {
			return nil, err
		}
		files[name] = data
	}
	seen := map[string]bool{}
	next := []string{"taskservice"}
	for len(next) > 0 {
		dir := next[0]
		next = next[1:]
		if seen[dir] {
			continue
		}
		seen[dir] = true
		imports, err := addPackage(files, dir)
		if err != nil {
			return nil, fmt.Errorf("read package %s: %w", dir, err)
		}
		next = append(next, imports...)
	}
	return files, nil
}

// addPackage adds the sources of one package, and returns the directories of
// those that it imports of ours.
func addPackage(files map[string][]byte, dir string) (imports []string, err error) {
	sources, err := fs.ReadDir(zmicroservices.Sources, dir)
	if err != nil {
		return nil, err
	}
	for _, file := range sources {
		name := path.Join(dir, file.Name())
		if file.IsDir() || !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") {
			continue
		}
		data, err := fs.ReadFile(zmicroservices.Sources, name)
		if err != nil {
			return nil, err
		}
		files[name] = data
		parsed, err := parser.ParseFile(token.NewFileSet(), name, data, parser.ImportsOnly)
		if err != nil {
			return nil, err
		}
		for _, spec := range parsed.Imports {
			imported, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				return nil, err
			}
			if below, ours := strings.CutPrefix(imported, sdkModule+"/"); ours {
				imports = append(imports, below)
			}
		}
	}
	return imports, nil
}

// writeSDK brings the SDK into dir. It is taken or left as a whole: old and new
// files in one tree would not build.
func (r *report) writeSDK(dir string, force bool) error {
	files, err := sdkFiles()
	if err != nil {
		return fmt.Errorf("read sdk: %w", err)
	}
	have, err := sameTree(dir, files)
	if err != nil {
		return fmt.Errorf("write sdk: %w", err)
	}
	status, note := created, ""
	switch have {
	case treeSame:
		r.add(unchanged, dir, "")
		return nil
	case treeDiffers:
		if !force {
			r.add(kept, dir, "is not the sdk of this program; --force replaces it and keeps a backup")
			return nil
		}
		backup, err := setAside(dir)
		if err != nil {
			return fmt.Errorf("write sdk: %w", err)
		}
		status, note = replaced, "backup "+filepath.Base(backup)
	}
	for name, data := range files {
		target := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(target), 0o755); err != nil {
			return fmt.Errorf("write sdk: %w", err)
		}
		if err := writeNew(target, data, 0o644); err != nil {
			return fmt.Errorf("write sdk: %w", err)
		}
	}
	r.add(status, dir, note)
	return nil
}

// tree is what sameTree finds.
type tree int

const (
	treeMissing tree = iota
	treeSame
	treeDiffers
)

// sameTree compares the files below dir with those that should be there.
func sameTree(dir string, want map[string][]byte) (tree, error) {
	if _, err := os.Stat(dir); os.IsNotExist(err) {
		return treeMissing, nil
	}
	var have []string
	err := filepath.WalkDir(dir, func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		rel, err := filepath.Rel(dir, name)
		have = append(have, filepath.ToSlash(rel))
		return err
	})
	if err != nil {
		return treeDiffers, err
	}
	if len(have) == 0 {
		return treeMissing, nil
	}
	if len(have) != len(want) {
		return treeDiffers, nil
	}
	differs := slices.ContainsFunc(have, func(name string) bool {
		data, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(name)))
		expected, known := want[name]
		return err != nil || !known || !bytes.Equal(data, expected)
	})
	if differs {
		return treeDiffers, nil
	}
	return treeSame, nil
}
