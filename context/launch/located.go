package launch

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"zmicroservices/conf"
)

// located looks for the task service below its location.
func (r *Resolver) located(t *conf.Task) (*Plan, error) {
	if t.Location == "" {
		return nil, &NotFoundError{
			Instance: t.Instance,
			Tried:    []string{"bundled task " + t.Instance + " (there is none)"},
			Help:     "give the task a <location> that holds the folder " + t.Instance + ", or a <command>",
		}
	}
	var tried []string
	for _, name := range spellings(t.Instance) {
		dir := filepath.Join(r.abs(t.Location), name)
		plan, err := r.folder(dir, t.Instance)
		if plan != nil || err != nil {
			return plan, err
		}
		for _, exe := range spellings(t.Instance) {
			exe = filepath.Join(dir, exe)
			if remark := unrunnable(exe); remark == notExecutable {
				tried = append(tried, exe+remark)
			} else if filepath.Base(exe) == name {
				tried = append(tried, exe)
			}
		}
		tried = append(tried, filepath.Join(dir, "main.go"), filepath.Join(dir, "main.py"))
	}
	return nil, &NotFoundError{Instance: t.Instance, Tried: tried, Help: r.help(t)}
}

// spellings of an instance: as written, and in lower case if that differs.
func spellings(instance string) []string {
	if lower := strings.ToLower(instance); lower != instance {
		return []string{instance, lower}
	}
	return []string{instance}
}

// folder looks into one folder; a nil Plan without an error has found nothing.
func (r *Resolver) folder(dir, instance string) (*Plan, error) {
	source := isFile(filepath.Join(dir, "main.go"))
	exe, found := filepath.Join(dir, filepath.Base(dir)), false
	for _, name := range spellings(instance) {
		if path := filepath.Join(dir, name); unrunnable(path) == "" {
			exe, found = path, true
			break
		}
	}
	if source {
		return r.built(dir, exe, instance)
	}
	if found {
		return &Plan{Path: exe, Argv: []string{exe}, Dir: dir}, nil
	}
	if script := filepath.Join(dir, "main.py"); isFile(script) {
		return r.python(dir, script, instance)
	}
	return nil, nil
}

// help says how to come by the task service that was not found.
func (r *Resolver) help(t *conf.Task) string {
	location := r.abs(t.Location)
	for _, name := range spellings(t.Instance) {
		dir := filepath.Join(location, name)
		stub := "Service" + t.Instance + ".py"
		if isFile(filepath.Join(dir, stub)) {
			return fmt.Sprintf("%s has %s but no main.py to run it: write a new service with "+
				"`create_service --task_lang=python --task_service=%s …` and move the code of the task over",
				dir, stub, t.Instance)
		}
	}
	return fmt.Sprintf("write it with `create_service --service_path=%s --task_service=%s …`, mend <location>, or give the task a <command>",
		filepath.Dir(location), t.Instance)
}

func isFile(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular()
}

// cause is the error without the path, where the path was said already.
func cause(err error) error {
	var pathErr *fs.PathError
	if errors.As(err, &pathErr) {
		return pathErr.Err
	}
	return err
}
