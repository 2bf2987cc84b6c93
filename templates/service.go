package templates

import (
	"fmt"
	"io/fs"
	"strings"
)

// Lang is the language that a service is written in.
type Lang string

// The languages of --task_lang. A Command service is any program: it has an
// entry in the Context file and no files of its own.
const (
	Go      Lang = "go"
	Python  Lang = "python"
	Command Lang = "command"
)

// Langs are all languages, in the order of the help text.
var Langs = []Lang{Go, Python, Command}

// Kind says how long a task goes on.
type Kind string

// The kinds of --task_type: a Looped task takes steps until it is stopped, a
// Single one does its work once and ends.
const (
	Looped Kind = "Looped"
	Single Kind = "Single"
)

// Kinds are all kinds, in the order of the help text.
var Kinds = []Kind{Looped, Single}

// Service is one task service to be written.
type Service struct {
	Name        string // task_service: directory, instance, executable
	File        string // task_file: base name of the task's file, no suffix
	Class       string // task_class: the task's type or class
	Description string // one sentence for people
	ServiceName string // the name by which messages address the service
	Lang        Lang
	Kind        Kind
	Interpreter string // Python only: absolute path for the first line of main.py
}

// File is one file of a service, relative to the service's directory.
type File struct {
	Name string
	Mode fs.FileMode
	Data []byte
}

// Files renders the service's files, sorted by name. A Command service has
// none. An error is a fault of the templates: Problems has no complaint that
// could lead to one.
func (s Service) Files() ([]File, error) {
	switch s.Lang {
	case Go:
		return s.render("go", goFiles(s))
	case Python:
		return s.render("python", pythonFiles(s))
	case Command:
		return nil, nil
	}
	return nil, fmt.Errorf("render service %s: no language %q", s.Name, s.Lang)
}

// Single tells the templates which of the two kinds this is.
func (s Service) Single() bool { return s.Kind == Single }

// source says which template makes which file.
type source struct {
	template, name string
	mode           fs.FileMode
}

func goFiles(s Service) []source {
	return []source{
		{"task.go.tmpl", s.File + ".go", 0o644},
		{"task_test.go.tmpl", s.File + "_test.go", 0o644},
		{"service.go.tmpl", "Service" + s.Name + ".go", 0o644},
		{"main.go.tmpl", "main.go", 0o644},
	}
}

func pythonFiles(s Service) []source {
	return []source{
		{"task.py.tmpl", s.File + ".py", 0o644},
		{"service.py.tmpl", "Service" + s.Name + ".py", 0o644},
		{"init.py.tmpl", "__init__.py", 0o644},
		{"main.py.tmpl", "main.py", 0o755}, // runs by its first line, too
		{"test.py.tmpl", "test_" + s.Name + ".py", 0o644},
	}
}

// sentence is the description as one line that ends in a full stop, for comments.
func (s Service) sentence() string {
	text := strings.Join(strings.Fields(s.Description), " ")
	if text == "" || strings.ContainsAny(text[len(text)-1:], ".!?…") {
		return text
	}
	return text + "."
}
