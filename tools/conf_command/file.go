package main

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"zmicroservices/conf"
	"zmicroservices/tools/internal/flags"
)

// split tells the Context file of a verb from what follows it. The file may
// come by flag, as the first argument, or by $ZMS_CONTEXT; with the latter the
// first argument is the file only if it looks like one, which no task id does.
func (o *options) split(args []string, getenv func(string) string) (path string, rest []string) {
	inherited := getenv("ZMS_CONTEXT")
	switch {
	case o.contextFile != "":
		return o.contextFile, args
	case len(args) > 0 && (inherited == "" || looksLikeFile(args[0])):
		return args[0], args[1:]
	}
	return inherited, args
}

func looksLikeFile(arg string) bool {
	return strings.HasSuffix(arg, ".xml") || strings.ContainsRune(arg, os.PathSeparator)
}

// load reads the Context file of a verb. It has to be whole: what a wrong file
// would do to running services is not worth a try.
func (o *options) load(args []string) (*conf.Context, []string, error) {
	path, rest := o.split(args, os.Getenv)
	if path == "" {
		return nil, nil, errors.New("the Context file is missing: name it, or set --context_file or $ZMS_CONTEXT")
	}
	file, err := loadFile(path)
	return file, rest, err
}

// choose reads the Context file of a verb, and finds the task services that
// follow it; nil: all.
func (o *options) choose(args []string) (*conf.Context, []*conf.Task, error) {
	if err := o.validate(); err != nil {
		return nil, nil, err
	}
	file, ids, err := o.load(args)
	if err != nil {
		return nil, nil, err
	}
	chosen, err := tasks(file, ids)
	return file, chosen, err
}

func loadFile(path string) (*conf.Context, error) {
	file, err := conf.Load(path)
	var list conf.ErrorList
	if errors.As(err, &list) && len(list) > 1 {
		return nil, fmt.Errorf("%w (and %d more: conf_command check %s)", list[0], len(list)-1, path)
	}
	return file, err
}

// tasks finds the ids in a file, in the file's order and once each. None of
// them, or among them the word all or the ContextID, is every one: nil.
func tasks(file *conf.Context, ids []string) ([]*conf.Task, error) {
	var replicas []*conf.Task
	wanted, every := map[string]bool{}, len(ids) == 0
	for _, id := range ids {
		switch {
		case file.Task(id) != nil:
			wanted[id] = true
		case file.Find(id) != nil:
			replicas = append(replicas, file.Find(id))
		case id == "all" || id == file.ContextID:
			every = true
		default:
			return nil, unknownTask(file, id)
		}
	}
	if every {
		return nil, nil
	}
	var chosen []*conf.Task
	for _, t := range file.Tasks {
		if wanted[t.ID] {
			chosen = append(chosen, t)
		}
	}
	return append(chosen, replicas...), nil
}

func unknownTask(file *conf.Context, id string) error {
	known := make([]string, len(file.Tasks))
	for i, t := range file.Tasks {
		known[i] = t.ID
	}
	const few = 8
	switch best := flags.Nearest(id, known); {
	case len(known) == 0:
		return fmt.Errorf("%s: there is no task %q, it defines none", file.File, id)
	case best != "" && len(known) > few:
		return fmt.Errorf("%s: there is no task %q; did you mean %q?", file.File, id, best)
	case len(known) > few:
		return fmt.Errorf("%s: there is no task %q among its %d", file.File, id, len(known))
	}
	return fmt.Errorf("%s: there is no task %q; it has %s", file.File, id, strings.Join(known, ", "))
}
