package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"zmicroservices/conf"
	"zmicroservices/context/command"
	"zmicroservices/context/event"
	"zmicroservices/taskservice/message"
)

func newScale(w world) *cobra.Command {
	var o options
	cmd := &cobra.Command{
		Use:   "scale CONTEXT.xml task=count...",
		Short: "Change how many replicas of a task service run",
		Long: `Change how many replicas of task services there are, and wait until they are. The
first replica is the task service itself, ts001, the others are ts001.2, ts001.3 and
so on. New ones are started if the task service is wanted up; the highest numbers go
first, one after the other. With 0 nothing of it runs, until it is scaled up again.

The count holds until the next scale, also through a crash of the provider, and
whatever <replicas> in the file says; up to 1,000 of one, and 5,000 task services
together. The provider must be on this machine.`,
		Example: `  conf_command scale conf/Context-EchoAction.xml ts_100=3
  conf_command scale conf/Context-EchoAction.xml ts_100=1 ts_101=0 --transaction 6FDAHH3WPRVV7FGZCRIN`,
		RunE: func(cmd *cobra.Command, args []string) error { return runScale(cmd.Context(), w, o, args) },
	}
	f := cmd.Flags()
	f.SortFlags = false
	o.registerFile(f)
	o.registerTransaction(f)
	f.Lookup("transaction").Usage = "transaction (default: the only live one)"
	f.StringVar(&o.runtimeDir, "runtime_dir", "", "directory of the control sockets (also $ZMS_RUNTIME_DIR)")
	f.DurationVar(&o.timeout, "timeout", defaultTimeout, "how long to wait for the outcome; 0: for ever")
	o.registerWait(f)
	o.registerOutput(f)
	o.complete(cmd)
	cmd.ValidArgsFunction = completeCounts(&o)
	return cmd
}

// counts reads "ts001=3". Which task services there are, and how many replicas
// are possible, the provider knows.
func counts(args []string) (map[event.TaskID]int, error) {
	if len(args) == 0 {
		return nil, errors.New("nothing to scale: name task services with their counts, ts001=3")
	}
	n := map[event.TaskID]int{}
	for _, arg := range args {
		id, count, found := strings.Cut(arg, "=")
		c, err := strconv.Atoi(count)
		switch {
		case !found || id == "" || err != nil:
			return nil, fmt.Errorf("%q is no task service with its count; write it as ts001=3", arg)
		case has(n, event.TaskID(id)):
			return nil, fmt.Errorf("%s has two counts", id)
		}
		n[event.TaskID(id)] = c
	}
	return n, nil
}

func has(n map[event.TaskID]int, id event.TaskID) bool {
	_, there := n[id]
	return there
}

func runScale(ctx context.Context, w world, o options, args []string) error {
	if err := o.validate(); err != nil {
		return err
	}
	file, rest, err := o.load(args)
	if err != nil {
		return err
	}
	replicas, err := counts(rest)
	if err != nil {
		return err
	}
	e := errand{options: o, file: file, order: order{
		topic: message.TopicContext, header: message.Header{Action: "scale", Transaction: o.transaction, RequestID: w.requestID()},
		file: file, named: scaledTasks(file, replicas),
	}}
	work, cancel := e.limit(ctx)
	defer cancel()
	path := socketOf(o, file)
	c, err := command.Dial(work, path)
	switch {
	case errors.Is(err, command.ErrNobody):
		return nobody("%s has no provider on this machine: %w (start it: service_context %s)", file.ContextID, err, file.File)
	case err != nil:
		return failed("control socket %s: %w", path, err)
	}
	p := &socket{path, c}
	defer p.close()
	if e.order.header.Transaction == "" {
		if e.order.header.Transaction, err = onlyLive(work, p); err != nil {
			return err
		}
	}
	if !e.json() {
		e.announce(w, e.order.header, nil, false)
	}
	return e.scale(ctx, work, w, p, replicas)
}

// scale asks for it and reports what became of it.
func (e errand) scale(ctx, work context.Context, w world, p *socket, replicas map[event.TaskID]int) error {
	steps, say := newSteps(e.order), newProgress(w)
	v, err := p.scale(work, command.Scaling{
		Transaction: e.order.header.Transaction, Request: e.order.header.RequestID, Replicas: replicas, NoWait: e.noWait,
	}, func(s step) {
		steps.seen(s)
		say.seen(s)
	})
	say.end()
	if err != nil {
		v = verdict{reason: e.notSeen(ctx, work, err)}
	}
	return e.report(ctx, w, p, steps, v)
}

// scaledTasks are the file's task services among those that are scaled.
func scaledTasks(file *conf.Context, replicas map[event.TaskID]int) []*conf.Task {
	named := []*conf.Task{} // not nil: that would be all
	for _, t := range file.Tasks {
		if has(replicas, event.TaskID(t.ID)) {
			named = append(named, t)
		}
	}
	return named
}

// completeCounts offers Context files, and then "ts001=".
func completeCounts(o *options) cobra.CompletionFunc {
	return func(_ *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
		file, _, err := o.load(args)
		if err != nil {
			return []cobra.Completion{"xml"}, cobra.ShellCompDirectiveFilterFileExt
		}
		var words []cobra.Completion
		for _, t := range file.Tasks {
			words = append(words, t.ID+"=")
		}
		return words, cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveNoSpace
	}
}
