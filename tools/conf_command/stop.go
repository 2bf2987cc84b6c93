package main

import (
	"github.com/spf13/cobra"

	"zmicroservices/conf"
	"zmicroservices/taskservice/message"
)

func newStop(w world) *cobra.Command {
	return newVerb(w, &cobra.Command{
		Use:   "stop CONTEXT.xml [task...]",
		Short: "Stop task services",
		Long: `Stop the named task services, or all that run in the transaction, and wait
until nothing of them is left.`,
		Example: `  conf_command stop conf/Context-EchoAction.xml
  conf_command stop conf/Context-EchoAction.xml ts_100`,
	}, func(file *conf.Context, chosen []*conf.Task, h message.Header) (order, error) {
		if chosen == nil {
			return everything(file, h), nil // also what the file no longer has
		}
		return chosenTasks(file, chosen, true, h), nil
	})
}
