package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"zmicroservices/conf"
	"zmicroservices/context/launch"
	"zmicroservices/context/schedule"
)

func newCheck(w world) *cobra.Command {
	var o options
	var verbose bool
	cmd := &cobra.Command{
		Use:   "check CONTEXT.xml...",
		Short: "Say whether Context files are right",
		Long: `Read Context files as the provider does, without running anything, and print
every mistake with its place. What this machine lacks for a start (a file of
variables) is a warning. With --verbose, and as JSON, the next three times of
every <schedule> are shown.`,
		Example: `  conf_command check conf/Context-*.xml`,
		RunE:    func(_ *cobra.Command, args []string) error { return runCheck(w, o, verbose, args) },
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]cobra.Completion, cobra.ShellCompDirective) {
			return []cobra.Completion{"xml"}, cobra.ShellCompDirectiveFilterFileExt
		},
	}
	o.registerFile(cmd.Flags())
	o.registerOutput(cmd.Flags())
	cmd.Flags().BoolVarP(&verbose, "verbose", "v", false, "the next times of schedules, too")
	o.complete(cmd)
	return cmd
}

// finding is the verdict on a file; its JSON is a contract.
type finding struct {
	File         string    `json:"file"`
	OK           bool      `json:"ok"`
	TaskServices int       `json:"task_services"`
	Errors       []mistake `json:"errors"`
	Warnings     []mistake `json:"warnings"`
	Schedules    []times   `json:"schedules,omitempty"`
}

// times are those of a task service's schedule, if it were armed now.
type times struct {
	Task string      `json:"task"`
	Next []time.Time `json:"next"`
}

// shownTimes is how many times of a schedule are enough to see what it means.
const shownTimes = 3

type mistake struct {
	File    string `json:"file"`
	Line    int    `json:"line"` // 0: the file as a whole
	Column  int    `json:"column"`
	Task    string `json:"task,omitempty"`
	Message string `json:"message"`
}

// line is a mistake as compilers print them; kind stands after the place.
func (m mistake) line(kind string) string {
	place := m.File
	if m.Line > 0 {
		place = fmt.Sprintf("%s:%d:%d", m.File, m.Line, m.Column)
	}
	if m.Task != "" {
		kind += "task " + m.Task + ": "
	}
	return place + ": " + kind + m.Message
}

func runCheck(w world, o options, verbose bool, args []string) error {
	if err := o.validate(); err != nil {
		return err
	}
	paths := args
	if len(paths) == 0 {
		path, _ := o.split(args, os.Getenv)
		if path == "" {
			return errors.New("the Context file is missing: name it, or set --context_file or $ZMS_CONTEXT")
		}
		paths = []string{path}
	} else if o.contextFile != "" {
		paths = append([]string{o.contextFile}, paths...)
	}
	findings, wrong := make([]finding, len(paths)), false
	for i, path := range paths {
		findings[i] = check(path)
		wrong = wrong || !findings[i].OK
	}
	if o.json() {
		if err := writeJSON(w.out, findings); err != nil {
			return written(err)
		}
	} else {
		for _, f := range findings {
			f.show(w, verbose)
		}
	}
	if wrong {
		return errSaid
	}
	return nil
}

// check is the loader's verdict on a file.
func check(path string) finding {
	f := finding{File: path, Errors: []mistake{}, Warnings: []mistake{}}
	file, err := conf.Load(path)
	var list conf.ErrorList
	switch {
	case errors.As(err, &list):
		f.Errors = mistakes(list)
		return f
	case err != nil:
		f.Errors = []mistake{{File: path, Message: unread(err)}}
		return f
	}
	f.TaskServices = len(file.Tasks)
	warnings := file.Warnings
	for _, t := range file.Tasks {
		warnings = append(warnings, launch.Doubts(filepath.Dir(path), t)...)
	}
	f.Warnings = mistakes(warnings)
	for _, t := range file.Tasks {
		if s := t.Process.Schedule; s != nil {
			next, err := schedule.Upcoming(s, time.Now(), shownTimes)
			if err != nil {
				f.Errors = append(f.Errors, mistakes([]*conf.Error{{Pos: s.Pos, Task: t.ID, Msg: err.Error()}})...)
			}
			f.Schedules = append(f.Schedules, times{t.ID, next})
		}
	}
	f.OK = len(f.Errors) == 0
	return f
}

// unread is why a file could not be read, without its name, which stands before it.
func unread(err error) string {
	var at *fs.PathError
	if errors.As(err, &at) {
		return at.Op + ": " + at.Err.Error()
	}
	return err.Error()
}

func mistakes(list []*conf.Error) []mistake {
	found := make([]mistake, len(list))
	for i, e := range list {
		found[i] = mistake{File: e.Pos.File, Line: e.Pos.Line, Column: e.Pos.Column, Task: e.Task, Message: e.Msg}
	}
	return found
}

// show prints as compilers do: what is wrong to stderr, a line each.
func (f finding) show(w world, verbose bool) {
	for _, m := range f.Warnings {
		fmt.Fprintln(w.err, printable(m.line("warning: ")))
	}
	for _, m := range f.Errors {
		fmt.Fprintln(w.err, printable(m.line("")))
	}
	if f.OK {
		fmt.Fprintf(w.out, "%s: ok, %d task service%s\n", f.File, f.TaskServices, plural(f.TaskServices))
	}
	if !verbose {
		return
	}
	for _, s := range f.Schedules {
		next := make([]string, len(s.Next))
		for i, at := range s.Next {
			next[i] = at.Format("2006-01-02 15:04:05 MST")
		}
		fmt.Fprintf(w.out, "task %s: next %s\n", printable(s.Task), strings.Join(next, ", "))
	}
}
