package main

import (
	"cmp"
	"path/filepath"
	"strings"

	"github.com/spf13/pflag"

	"zmicroservices/conf"
	"zmicroservices/templates"
)

// orderFromFile makes the order of a run with --xml_file. Flags that speak of
// the context, or of all services, override what the file says; relative paths
// in the file start at the file's directory, so that it works from anywhere.
func orderFromFile(o options, f *pflag.FlagSet) (order, error) {
	var c check
	for _, name := range given(f, ofOneService) {
		c.add("--", "%s: cannot go with --xml_file, which may have several services", name)
	}
	c.oneOf("--", "output", o.output, outputs)
	meta, err := conf.LoadMeta(o.xmlFile)
	if err != nil {
		for line := range strings.Lines(err.Error()) {
			c.add("", "%s", strings.TrimSuffix(line, "\n"))
		}
		return order{}, c.err()
	}
	override(f, meta)
	context := meta.NewContext()
	c.context(o.xmlFile+": ", context)

	where, err := newPlace(baseOf(o, f), meta.ServicePath, meta.HomePath, meta.ContextName)
	if err != nil {
		return order{}, err
	}
	if meta.Location != "" {
		where.Location = meta.Location
	}
	var services []service
	for _, m := range meta.Services {
		s := serviceOf(o, f, m)
		c.service(m.Pos.String()+": ", s)
		services = append(services, s)
	}
	return finish(o, where, context, services), c.err()
}

// override puts flags in the place of what the file says.
func override(f *pflag.FlagSet, m *conf.Meta) {
	for name, field := range map[string]*string{
		"service_path": &m.ServicePath,
		"home_path":    &m.HomePath,
		"context_name": &m.ContextName,
		"context_id":   &m.ContextID,
		"server_ip":    &m.ServerIP,
		"sub_port":     &m.SubPort,
		"pub_port":     &m.PubPort,
	} {
		if f.Changed(name) {
			*field = f.Lookup(name).Value.String()
		}
	}
}

// baseOf is where relative paths start: a path given as a flag at the working
// directory, one in the file at the file.
func baseOf(o options, f *pflag.FlagSet) string {
	if f.Changed("service_path") {
		return "."
	}
	return filepath.Dir(o.xmlFile)
}

// serviceOf is one <Service> as this program writes it.
func serviceOf(o options, f *pflag.FlagSet, m *conf.MetaService) service {
	task := m.NewTask("")
	lang := m.TaskLang
	// A service that is any program stays one.
	if f.Changed("task_lang") && lang != string(templates.Command) {
		lang = o.taskLang
	}
	if f.Changed("service_type") {
		task.ServiceType = o.serviceType
	}
	return service{
		Service: templates.Service{
			Name:        m.TaskService,
			File:        cmp.Or(m.TaskFile, m.TaskService),
			Class:       cmp.Or(m.TaskClass, m.TaskService),
			Description: m.TaskDesc,
			ServiceName: m.ServiceName,
			Lang:        templates.Lang(lang),
			Kind:        templates.Kind(m.TaskType),
			Interpreter: o.python,
		},
		task: task,
	}
}
