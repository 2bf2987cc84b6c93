package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"zmicroservices/conf"
	"zmicroservices/taskservice/message"
)

func newExit(w world) *cobra.Command {
	return newVerb(w, &cobra.Command{
		Use:   "exit CONTEXT.xml",
		Short: "Stop everything and end the provider",
		Long: `Stop the task services of every transaction, in order, and end the context
provider. Waits until it is gone: another can be started at once.`,
		Example: `  conf_command exit conf/Context-EchoAction.xml`,
	}, func(file *conf.Context, chosen []*conf.Task, h message.Header) (order, error) {
		if chosen != nil {
			return order{}, fmt.Errorf("exit takes no task services, it ends them all; stop %s stops some", chosen[0].ID)
		}
		return wholeFile(file, h), nil
	})
}
