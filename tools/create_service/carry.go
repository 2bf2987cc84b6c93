package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"zmicroservices/conf"
	"zmicroservices/context/launch"
	"zmicroservices/templates"
)

// carryOut writes what was ordered, and notes in r what it did. The Context file
// comes first: it is the one that may refuse, and then nothing has been written.
func (o order) carryOut(r *report) error {
	if err := o.mergeContext(r); err != nil {
		return err
	}
	goes := false
	for _, s := range o.services {
		files, err := s.Files()
		if err != nil {
			return failed(err)
		}
		for _, file := range files {
			path := filepath.Join(o.place.Services, s.Name, file.Name)
			if err := r.write(path, file.Data, file.Mode, o.force); err != nil {
				return failed(err)
			}
		}
		goes = goes || s.Lang == templates.Go
	}
	if !goes {
		return nil
	}
	if err := o.writeModule(r); err != nil {
		return failed(err)
	}
	return failed(o.buildAll(r))
}

// mergeContext puts the tasks into the Context file.
func (o order) mergeContext(r *report) error {
	file := o.place.ContextFile
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return failed(fmt.Errorf("make directory: %w", err))
	}
	tasks := make([]conf.NewTask, len(o.services))
	for i, s := range o.services {
		tasks[i] = s.task
	}
	result, err := conf.Merge(file, o.context, tasks)
	if err != nil {
		return err // a wrong or unreadable file: of usage
	}
	r.Context, r.Added, r.Kept = short(file), result.Added, result.Kept
	r.Notes = result.Notes
	if result.Problems != nil {
		r.Notes = append(r.Notes, strings.Split(result.Problems.Error(), "\n")...)
	}
	switch note := tasksNote(result); {
	case result.Created:
		r.add(created, file, note)
	case len(result.Added) > 0:
		r.add(merged, file, note)
	default:
		r.add(unchanged, file, note)
	}
	return nil
}

func tasksNote(result conf.MergeResult) string {
	var parts []string
	if len(result.Added) > 0 {
		parts = append(parts, "tasks "+strings.Join(result.Added, ", "))
	}
	if len(result.Kept) > 0 {
		parts = append(parts, "has "+strings.Join(result.Kept, ", ")+" already, left alone")
	}
	return strings.Join(parts, "; ")
}

// buildAll builds the Go services of the order that are missing or stale.
func (o order) buildAll(r *report) error {
	if !o.build {
		return nil
	}
	for _, s := range o.services {
		if s.Lang != templates.Go {
			continue
		}
		if err := r.buildIfStale(filepath.Join(o.place.Services, s.Name), false); err != nil {
			return err
		}
	}
	return nil
}

// buildIfStale builds one service, if it needs it or must.
func (r *report) buildIfStale(dir string, must bool) error {
	executable := filepath.Join(dir, filepath.Base(dir))
	needed, err := launch.Stale(dir, executable) // the provider's own rule
	if err != nil {
		return fmt.Errorf("look at %s: %w", short(dir), err)
	}
	if !needed && !must {
		r.add(unchanged, executable, "")
		return nil
	}
	if err := buildService(dir); err != nil {
		return err
	}
	r.add(built, executable, "")
	return nil
}
