package main

import (
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// options are the flags as they were given, unchecked.
type options struct {
	xmlFile string

	// Of the context: with xmlFile they override what the file says.
	servicePath, homePath                              string
	contextName, contextID, serverIP, subPort, pubPort string

	// Of the one service of a run without xmlFile.
	taskService, taskFile, taskClass, taskDesc, serviceName, taskID string
	deviceAction, entryAction, taskType                             string

	// Of every service of the run.
	taskLang, serviceType, command, python string

	force, noBuild bool
	output         string
}

// The defaults that are not empty; they hold for the XML file, too.
const (
	defaultContextID   = "context001"
	defaultEntryAction = "on_start"
	defaultTaskType    = "Looped"
	defaultTaskLang    = "go"
	defaultServiceType = "Process"
	defaultPython      = "/usr/bin/python3"
)

func (o *options) register(f *pflag.FlagSet) {
	f.SortFlags = false // in the order in which people think of them
	f.StringVar(&o.xmlFile, "xml_file", "", "MetaServiceConf file with one or more services; flags of the context override it")
	f.StringVar(&o.servicePath, "service_path", "", "directory that holds services/ (required)")
	f.StringVar(&o.taskService, "task_service", "", "instance: name of the service's directory and executable (required)")
	f.StringVar(&o.taskClass, "task_class", "", "type or class of the task (default: task_service)")
	f.StringVar(&o.taskFile, "task_file", "", "file of the task, without suffix (default: task_service)")
	f.StringVar(&o.taskDesc, "task_desc", "", "what the service does, in a sentence (required)")
	f.StringVar(&o.contextName, "context_name", "", "log name, and Context-NAME.xml (required)")
	f.StringVar(&o.contextID, "context_id", defaultContextID, "identity of the context")
	f.StringVar(&o.serviceName, "service_name", "", "name by which messages address the service (required)")
	f.StringVar(&o.serverIP, "server_ip", "", "address of the context's endpoints (required)")
	f.StringVar(&o.subPort, "sub_port", "", "port where subscribers connect (required)")
	f.StringVar(&o.pubPort, "pub_port", "", "port where publishers connect (required)")
	f.StringVar(&o.taskID, "task_id", "", "identity of the task in its context (required)")
	f.StringVar(&o.deviceAction, "device_action", "", "marks the service's control messages")
	f.StringVar(&o.entryAction, "entry_action", defaultEntryAction, "on_start runs at once; on_update, on_fail and on_exit wait for a start")
	f.StringVar(&o.taskType, "task_type", defaultTaskType, "Looped (until stopped) or Single (once)")
	f.StringVar(&o.taskLang, "task_lang", defaultTaskLang, "go, python or command")
	f.StringVar(&o.command, "command", "", "argument vector of a command service, quoted as for a shell (required with --task_lang=command)")
	f.StringVar(&o.python, "python", defaultPython, "interpreter of a Python service")
	f.StringVar(&o.serviceType, "service_type", defaultServiceType, "Process or Thread")
	f.StringVar(&o.homePath, "home_path", "", "directory that holds conf/ (default: service_path)")
	f.BoolVar(&o.force, "force", false, "replace files that differ; keeps backups FILE.~1~")
	f.BoolVar(&o.noBuild, "no_build", false, "do not build Go services")
	f.StringVarP(&o.output, "output", "o", "table", "table or json")
}

// ofOneService are the flags that speak of one service, and so cannot go with a
// file that has several.
var ofOneService = []string{
	"task_service", "task_class", "task_file", "task_desc", "service_name",
	"task_id", "device_action", "entry_action", "task_type", "command",
}

// completeFlags tells the shell the words that a flag may have.
func completeFlags(cmd *cobra.Command) {
	for name, words := range map[string][]string{
		"entry_action": entryActions,
		"task_type":    {"Looped", "Single"},
		"task_lang":    {"go", "python", "command"},
		"service_type": serviceTypes,
		"output":       outputs,
	} {
		// The only error is a flag that does not exist.
		if err := cmd.RegisterFlagCompletionFunc(name, cobra.FixedCompletions(words, cobra.ShellCompDirectiveNoFileComp)); err != nil {
			panic(err)
		}
	}
	for _, name := range []string{"service_path", "home_path"} {
		if err := cmd.MarkFlagDirname(name); err != nil {
			panic(err)
		}
	}
	if err := cmd.MarkFlagFilename("xml_file", "xml"); err != nil {
		panic(err)
	}
}
