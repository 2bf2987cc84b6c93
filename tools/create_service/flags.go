package main

import (
	"cmp"

	"github.com/spf13/pflag"

	"zmicroservices/conf"
	"zmicroservices/templates"
)

// orderFromFlags makes the order of a run without an XML file: one service.
func orderFromFlags(o options) (order, error) {
	var c check
	for _, required := range []struct{ name, value string }{
		{"service_path", o.servicePath},
		{"task_service", o.taskService},
		{"task_desc", o.taskDesc},
		{"context_name", o.contextName},
		{"service_name", o.serviceName},
		{"server_ip", o.serverIP},
		{"sub_port", o.subPort},
		{"pub_port", o.pubPort},
		{"task_id", o.taskID},
	} {
		if required.value == "" {
			c.add("--", "%s: is missing", required.name)
		}
	}
	if o.contextID == "" {
		c.add("--", "context_id: is empty")
	}
	lang := templates.Lang(o.taskLang)
	switch {
	case lang == templates.Command && o.command == "":
		c.add("--", "command: is missing, and --task_lang=command needs it")
	case lang != templates.Command && o.command != "":
		c.add("--", "command: goes with --task_lang=command only")
	}
	s := service{
		Service: templates.Service{
			Name:        o.taskService,
			File:        cmp.Or(o.taskFile, o.taskService),
			Class:       cmp.Or(o.taskClass, o.taskService),
			Description: o.taskDesc,
			ServiceName: o.serviceName,
			Lang:        lang,
			Kind:        templates.Kind(o.taskType),
			Interpreter: o.python,
		},
		task: conf.NewTask{
			ID:           o.taskID,
			Topic:        "process",
			Instance:     o.taskService,
			ServiceType:  o.serviceType,
			Description:  o.taskDesc,
			ServiceName:  o.serviceName,
			DeviceAction: o.deviceAction,
			EntryAction:  o.entryAction,
			Command:      o.command,
			States:       noTransitions,
		},
	}
	context := conf.NewContext{
		ContextID: o.contextID,
		ServerIP:  o.serverIP,
		SubPort:   o.subPort,
		PubPort:   o.pubPort,
		LogName:   o.contextName,
	}
	c.context("--", context)
	c.service("--", s)
	c.oneOf("--", "output", o.output, outputs)
	where, err := newPlace(".", o.servicePath, o.homePath, o.contextName)
	if err != nil {
		return order{}, err
	}
	return finish(o, where, context, []service{s}), c.err()
}

// noTransitions are the four states of a task that calls nobody.
var noTransitions = [4]conf.NewState{
	{Trigger: "on_start"}, {Trigger: "on_update"}, {Trigger: "on_fail"}, {Trigger: "on_exit"},
}

// finish puts an order together, once its place is known.
func finish(o options, where place, context conf.NewContext, services []service) order {
	for i := range services {
		// A command needs no directory to look into.
		if services[i].Lang != templates.Command {
			services[i].task.Location = where.Location
		}
	}
	return order{
		place:    where,
		context:  context,
		services: services,
		force:    o.force,
		build:    !o.noBuild,
	}
}

// given are the flags that were set on the command line, among the names.
func given(f *pflag.FlagSet, names []string) []string {
	var set []string
	for _, name := range names {
		if f.Changed(name) {
			set = append(set, name)
		}
	}
	return set
}
