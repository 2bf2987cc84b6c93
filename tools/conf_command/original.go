package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"zmicroservices/conf"
	"zmicroservices/taskservice/message"
	"zmicroservices/tools/internal/flags"
)

// original are the options of the original conf_command, and ours beside them.
type original struct {
	options
	serviceName, action, serviceID string
	taskID                         string
	useFile                        bool
	topic                          string
	deviceAction, result           string

	openConnections, openedFiles, memoryMaps bool
	useService                               bool
	serviceType, serviceEndpoint             string
	serviceFreq                              float64

	given bool // whether there was any option at all
}

// The words that the original takes for "not given".
const none = "none"

var originalActions = []string{"start", "stop", "restart", "exit", "request", "top", "updated"}

func (o *original) register(cmd *cobra.Command) {
	o.registerOrder(cmd)
	f := cmd.Flags()
	f.StringVar(&o.serviceName, "service_name", "", "context: the tasks of the file; all: those that run; state: a question; else one service")
	f.StringVar(&o.action, "action", none, strings.Join(originalActions, ", "))
	f.StringVar(&o.serviceID, "service_id", none, "ContextID, or the task id of one service")
	f.BoolVar(&o.useFile, "use_file", false, "choose tasks of the file with --task_id")
	f.StringVar(&o.taskID, "task_id", "", "task id; all, ts000 or the ContextID: every task (default)")
	f.StringVar(&o.topic, "topic", message.TopicProcess, "topic of a message to one service: process or control")
	f.StringVar(&o.deviceAction, "device_action", none, "with --topic=control: status.device_action")
	f.StringVar(&o.result, "result", none, "with --topic=control: status.result")
	f.BoolVar(&o.openConnections, "open_connections", false, "top: connections, too")
	f.BoolVar(&o.openedFiles, "opened_files", false, "top: opened files, too")
	f.BoolVar(&o.memoryMaps, "memory_maps", false, "top: memory maps, too")
	f.BoolVar(&o.useService, "use_service", false, "top: publish periodically")
	f.StringVar(&o.serviceType, "service_type", "pub", "top: kind of the publisher")
	f.Float64Var(&o.serviceFreq, "service_freq", 1.0, "top: period of the publisher in seconds")
	f.StringVar(&o.serviceEndpoint, "service_endpoint", "tcp://127.0.0.1:6558", "top: where it publishes")
	actions := cobra.FixedCompletions(originalActions, cobra.ShellCompDirectiveNoFileComp)
	if err := cmd.RegisterFlagCompletionFunc("action", actions); err != nil {
		panic(err) // the flag does not exist
	}
	cmd.PreRun = func(cmd *cobra.Command, _ []string) { o.given = cmd.Flags().NFlag() > 0 }
}

// runOriginal does what the original's options ask for.
func runOriginal(ctx context.Context, w world, o original) error {
	if err := o.validate(); err != nil {
		return err
	}
	var file *conf.Context
	if o.contextFile != "" {
		var err error
		if file, err = loadFile(o.contextFile); err != nil {
			return err
		}
	}
	ord, err := o.order(file)
	if err != nil {
		return err
	}
	return carry(ctx, w, errand{options: o.options, file: file, order: ord, original: true})
}

func (o *original) validate() error {
	if err := o.options.validate(); err != nil {
		return err
	}
	if !o.given {
		return errors.New("nothing to do: name a verb and a Context file, or --service_name and --action; --help explains both")
	}
	var missing []string
	if o.serviceName == "" {
		missing = append(missing, "--service_name")
	}
	if o.action == none || o.action == "" {
		missing = append(missing, "--action")
	}
	if o.contextFile == "" && (o.useFile || o.action == "start" && (o.serviceName == "context" || o.serviceName == "all")) {
		missing = append(missing, "--context_file")
	}
	if o.endpoint == "" && o.contextFile == "" {
		missing = append(missing, "--endpoint")
	}
	if len(missing) > 0 {
		slices.Sort(missing)
		return fmt.Errorf("%s: missing", strings.Join(slices.Compact(missing), ", "))
	}
	if !slices.Contains(originalActions, o.action) {
		if best := flags.Nearest(o.action, originalActions); best != "" {
			return fmt.Errorf("--action %q is unknown; did you mean %s?", o.action, best)
		}
		return fmt.Errorf("--action %q is none of %s", o.action, strings.Join(originalActions, ", "))
	}
	return nil
}

// order is the message that the options ask for. service_name decides its kind,
// as in the original.
func (o *original) order(file *conf.Context) (order, error) {
	h := message.Header{Action: o.action, ServiceName: o.serviceName, ServiceID: o.id()}
	switch o.serviceName {
	case "state":
		return o.question(h)
	case "context", "all":
		switch o.action {
		case "start", "stop", "restart", "exit":
		default:
			return order{}, fmt.Errorf("--action %s goes with --service_name=state, or with one service", o.action)
		}
		if file != nil && (o.useFile || h.ServiceID == "") {
			h.ServiceID = file.ContextID
		}
		if h.ServiceID == "" {
			return order{}, errors.New("--service_id: missing; it is the ContextID")
		}
		return o.command(file, h)
	}
	return o.single(file, h)
}

// id is the service_id as given; the original writes none for none.
func (o *original) id() string {
	if o.serviceID == none {
		return ""
	}
	return o.serviceID
}

// command is an order about tasks of the file, or about all that run.
func (o *original) command(file *conf.Context, h message.Header) (order, error) {
	switch {
	case o.useFile && o.taskID == "all":
		return chosenTasks(file, nil, false, h), nil
	case o.useFile:
		chosen, err := o.chosen(file)
		return chosenTasks(file, chosen, true, h), err
	case o.taskID != "":
		return order{}, errors.New("--task_id goes with --use_file")
	// Without tasks a stop is about all of them; what runs may be more than the
	// file has by now.
	case h.Action == "stop", file == nil:
		return everything(file, h), nil
	}
	return wholeFile(file, h), nil
}

// chosen are the tasks that --task_id names. ts000 is the original's word for
// all, whether or not the file has a task of that id.
func (o *original) chosen(file *conf.Context) ([]*conf.Task, error) {
	if o.taskID == "" || o.taskID == "ts000" {
		return nil, nil
	}
	return tasks(file, []string{o.taskID})
}

// question asks for the state, or the cost, of a transaction.
func (o *original) question(h message.Header) (order, error) {
	h.ServiceID = "" // as in the original
	switch o.action {
	case "request":
		return question(map[string]any{}, h), nil
	case "top":
		configuration := map[string]any{
			"open_connections": o.openConnections,
			"opened_files":     o.openedFiles,
			"memory_maps":      o.memoryMaps,
		}
		if o.useService {
			configuration["service"] = map[string]any{
				"type":        o.serviceType,
				"frequency_s": o.serviceFreq,
				"endpoint":    o.serviceEndpoint,
			}
		}
		return question(configuration, h), nil
	}
	return order{}, fmt.Errorf("--service_name=state goes with --action=request or top, not %s", o.action)
}

// single is a word to one task service, or with --topic=control one of its own.
func (o *original) single(file *conf.Context, h message.Header) (order, error) {
	if h.ServiceID == "" {
		var err error
		if h.ServiceID, err = o.named(file); err != nil {
			return order{}, err
		}
	}
	switch o.topic {
	case message.TopicProcess:
		ord := directly(o.topic, h)
		ord.file = file
		if file != nil && file.Task(h.ServiceID) != nil {
			ord.named = []*conf.Task{file.Task(h.ServiceID)}
		}
		return ord, nil
	case message.TopicControl:
		status := map[string]any{"device_action": "", "result": "success"}
		if o.deviceAction != none {
			status["device_action"] = o.deviceAction
		}
		if o.result != none {
			status["result"] = o.result
		}
		return onBehalf(o.topic, status, h), nil
	}
	return order{}, fmt.Errorf("--topic %q is neither process nor control", o.topic)
}

// named finds the one task of the file that has the service_name.
func (o *original) named(file *conf.Context) (string, error) {
	if file == nil {
		return "", fmt.Errorf("--service_id: missing; it is the task id of the service %q", o.serviceName)
	}
	if o.taskID != "" {
		_, err := tasks(file, []string{o.taskID})
		return o.taskID, err
	}
	var ids []string
	for _, t := range file.Tasks {
		if t.ServiceName == o.serviceName {
			ids = append(ids, t.ID)
		}
	}
	switch len(ids) {
	case 0:
		return "", fmt.Errorf("%s: no task has the service_name %q", file.File, o.serviceName)
	case 1:
		return ids[0], nil
	}
	return "", fmt.Errorf("--service_id: missing; %q is the service_name of %s", o.serviceName, strings.Join(ids, ", "))
}

// endpointOf is where an order is published, for the lines that the original
// prints.
func endpointOf(o options, file *conf.Context) string {
	if file == nil {
		return o.endpoint
	}
	return cmp.Or(o.endpoint, file.BackendEndpoint)
}
