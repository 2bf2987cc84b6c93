package main

import (
	"context"

	"github.com/spf13/cobra"

	"zmicroservices/conf"
	"zmicroservices/taskservice/message"
)

// orderFor makes a verb's order out of the task services that were named; nil: all.
type orderFor func(file *conf.Context, chosen []*conf.Task, h message.Header) (order, error)

// newVerb is a command on the task services of a Context file.
func newVerb(w world, cmd *cobra.Command, make orderFor) *cobra.Command {
	var o options
	action := cmd.Name()
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		return runVerb(cmd.Context(), w, o, action, args, make)
	}
	o.registerOrder(cmd)
	cmd.ValidArgsFunction = completeTasks(&o)
	return cmd
}

func runVerb(ctx context.Context, w world, o options, action string, args []string, make orderFor) error {
	file, chosen, err := o.choose(args)
	if err != nil {
		return err
	}
	h := message.Header{Action: action, ServiceName: "context", ServiceID: file.ContextID}
	ord, err := make(file, chosen, h)
	if err != nil {
		return err
	}
	return carry(ctx, w, errand{options: o, file: file, order: ord})
}

// fileTasks commands the tasks as the original does with --use_file, or without.
func fileTasks(file *conf.Context, chosen []*conf.Task, h message.Header) (order, error) {
	if chosen == nil {
		return wholeFile(file, h), nil
	}
	return chosenTasks(file, chosen, true, h), nil
}
