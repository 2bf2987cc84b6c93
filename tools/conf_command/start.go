package main

import "github.com/spf13/cobra"

func newStart(w world) *cobra.Command {
	return newVerb(w, &cobra.Command{
		Use:   "start CONTEXT.xml [task...]",
		Short: "Start task services",
		Long: `Start the named task services, or all of the file, and wait until each is
started (created, where its entry action waits for something).

Without --transaction a new one begins; its id is printed first.`,
		Example: `  conf_command start conf/Context-EchoAction.xml
  conf_command start conf/Context-EchoAction.xml ts_100 --transaction 6FDAHH3WPRVV7FGZCRIN`,
	}, fileTasks)
}
