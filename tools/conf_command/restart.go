package main

import "github.com/spf13/cobra"

func newRestart(w world) *cobra.Command {
	return newVerb(w, &cobra.Command{
		Use:   "restart CONTEXT.xml [task...]",
		Short: "Restart task services",
		Long: `Restart the named task services, or all of the file: each is stopped, and
started when nothing of its old process is left. One that does not run is
started. The file is read again, so that what changed in it takes effect.`,
		Example: `  conf_command restart conf/Context-EchoAction.xml ts_100`,
	}, fileTasks)
}
