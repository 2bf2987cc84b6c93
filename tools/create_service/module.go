package main

import (
	"errors"
	"fmt"
	goversion "go/version"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"zmicroservices"
)

// writeModule sees to it that Go services in p.Services find the SDK. What the
// nearest go.mod above them says decides:
//
//   - ours: the services are part of this project; nothing to do.
//   - another: the user's own module, or one that we wrote before; it gets what
//     it lacks. If it replaces the SDK already, the SDK is where that points;
//     unless it is one of ours by its name, it is none of our business.
//   - none: service_path becomes a module named services.
func (o order) writeModule(r *report) error {
	file, text, err := nearestModule(o.place.Services)
	if err != nil {
		return err
	}
	sdk := filepath.Join(o.place.Root, "sdk", sdkModule)
	switch {
	case file == "":
		err = o.newModule(r, sdk)
	case moduleLine.MatchString(text):
		return nil
	default:
		if target := replaceLine.FindStringSubmatch(text); target != nil {
			sdk = resolve(filepath.Dir(file), target[1])
		}
		err = mergeModule(r, file, text, sdk)
	}
	if err != nil || !strings.HasSuffix(sdk, filepath.Join("/sdk", sdkModule)) {
		return err
	}
	return r.writeSDK(sdk, o.force)
}

// The lines of a go.mod that we look for; the go command does the rest.
var (
	moduleLine  = regexp.MustCompile(`(?m)^\s*module\s+"?` + sdkModule + `"?\s*(//.*)?$`)
	requireLine = regexp.MustCompile(`(?m)^\s*(require\s+)?"?` + sdkModule + `"?\s+v\S+`)
	replaceLine = regexp.MustCompile(`(?m)^\s*(?:replace\s+)?"?` + sdkModule + `"?(?:\s+v\S+)?\s*=>\s*"?([^"\s]+)"?`)
	goLine      = regexp.MustCompile(`(?m)^go\s+(\S+)`)
)

// goVersion is the version that a go.mod names; a file without one means 1.16.
func goVersion(mod string) string {
	if found := goLine.FindStringSubmatch(mod); found != nil {
		return found[1]
	}
	return "1.16"
}

// nearestModule is the go.mod that governs dir, with its text; empty if none.
func nearestModule(dir string) (file, text string, err error) {
	for {
		file := filepath.Join(dir, "go.mod")
		data, err := os.ReadFile(file)
		if err == nil {
			return file, string(data), nil
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return "", "", fmt.Errorf("read module: %w", err)
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return "", "", nil
		}
		dir = parent
	}
}

// newModule makes service_path a module. All that the SDK requires is in its
// go.mod and go.sum from the start, in the versions that the SDK was tested
// with, so that go build need not write them.
func (o order) newModule(r *report, sdk string) error {
	project, sums, err := projectModule()
	if err != nil {
		return err
	}
	to, err := replacement(o.place.Root, sdk)
	if err != nil {
		return err
	}
	var text strings.Builder
	fmt.Fprintf(&text, "module services\n\ngo %s\n\nrequire %s v0.0.0\n", goVersion(project), sdkModule)
	text.WriteString("\nrequire (\n")
	versions := requirements(project)
	for _, name := range sdkNeeds {
		fmt.Fprintf(&text, "\t%s %s // indirect\n", name, versions[name])
	}
	fmt.Fprintf(&text, ")\n\nreplace %s => %s\n", sdkModule, to)
	if err := r.write(filepath.Join(o.place.Root, "go.mod"), []byte(text.String()), 0o644, o.force); err != nil {
		return err
	}
	return r.write(filepath.Join(o.place.Root, "go.sum"), []byte(sums), 0o644, o.force)
}

// mergeModule adds to a module of the user's what it lacks to build against the
// SDK. What it requires already, in whatever version, is the user's choice.
func mergeModule(r *report, file, text, sdk string) error {
	project, sums, err := projectModule()
	if err != nil {
		return err
	}
	var edits, notes []string
	edit := func(note, format string, args ...any) {
		edits, notes = append(edits, fmt.Sprintf(format, args...)), append(notes, note)
	}
	if !requireLine.MatchString(text) {
		edit("requires "+sdkModule, "-require=%s@v0.0.0", sdkModule)
	}
	if !replaceLine.MatchString(text) {
		to, err := replacement(filepath.Dir(file), sdk)
		if err != nil {
			return err
		}
		edit("replaces it by "+to, "-replace=%s=%s", sdkModule, to)
	}
	has := requirements(text)
	for name, version := range requirements(project) {
		if has[name] == "" {
			edit("requires "+name, "-require=%s@%s", name, version)
		}
	}
	// A module cannot require one that is written in a later Go.
	if needs := goVersion(project); goversion.Compare("go"+goVersion(text), "go"+needs) < 0 {
		edit("go "+needs, "-go=%s", needs)
	}
	if len(edits) == 0 {
		r.add(unchanged, file, "")
		return nil
	}
	if err := runGo(filepath.Dir(file), slices.Concat([]string{"mod", "edit"}, edits, []string{file})...); err != nil {
		return fmt.Errorf("merge %s: %w", short(file), err)
	}
	slices.Sort(notes)
	r.add(merged, file, strings.Join(notes, ", "))
	return mergeSums(r, filepath.Join(filepath.Dir(file), "go.sum"), sums)
}

// mergeSums adds the lines to a go.sum that it does not have; their order means
// nothing.
func mergeSums(r *report, file, sums string) error {
	old, err := os.ReadFile(file)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("merge sums: %w", err)
	}
	var more strings.Builder
	for line := range strings.Lines(sums) {
		if !strings.Contains(string(old), line) {
			more.WriteString(line)
		}
	}
	if more.Len() == 0 {
		return nil
	}
	f, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o644)
	if err != nil {
		return fmt.Errorf("merge sums: %w", err)
	}
	_, err = f.WriteString(more.String())
	if err := errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("merge sums: %w", err)
	}
	r.add(merged, file, "")
	return nil
}

// projectModule is the go.mod and go.sum that this program was built with.
func projectModule() (mod, sums string, err error) {
	modData, err := zmicroservices.Sources.ReadFile("go.mod")
	if err != nil {
		return "", "", err
	}
	sumData, err := zmicroservices.Sources.ReadFile("go.sum")
	return string(modData), string(sumData), err
}

// sdkNeeds are the modules of the packages that the SDK imports, directly and
// not. A test compares them with what the go command says.
var sdkNeeds = []string{
	"github.com/go-zeromq/zmq4",
	"github.com/google/uuid",
	"golang.org/x/crypto",
	"golang.org/x/sync",
	"golang.org/x/sys",
	"golang.org/x/text",
}

// requirements are the modules that the SDK needs, with the versions that a
// go.mod requires: those of ours are what it was tested with.
func requirements(mod string) map[string]string {
	all := map[string]string{}
	for line := range strings.Lines(mod) {
		words := strings.Fields(strings.TrimPrefix(strings.TrimSpace(line), "require "))
		if len(words) >= 2 && slices.Contains(sdkNeeds, words[0]) {
			all[words[0]] = words[1]
		}
	}
	return all
}

// replacement is the path of the SDK as a replace directive has it: relative,
// with a dot in front, so that it is not taken for a module.
func replacement(from, sdk string) (string, error) {
	rel, err := filepath.Rel(from, sdk)
	if err != nil {
		return "", fmt.Errorf("locate sdk: %w", err)
	}
	rel = filepath.ToSlash(rel)
	if !strings.HasPrefix(rel, "..") {
		rel = "./" + rel
	}
	return rel, nil
}
