package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"zmicroservices/conf"
	"zmicroservices/context/command"
)

// looking are the options of bus.
type looking struct {
	options
	follow bool
}

func newBus(w world) *cobra.Command {
	var o looking
	cmd := &cobra.Command{
		Use:   "bus CONTEXT.xml",
		Short: "Show what passes over the bus",
		Long: `Show the topics of the bus, who publishes and who subscribes: messages a second
(of the last one), totals, what waits in queues and what they had no room for.
A peer whose process belongs to a task service is shown by its id. Counters of
the bus are since the provider began, of a peer since it connected.

PUBS and SUBS are the publishers and subscribers of a topic now, DROPPED counts
a message once for each subscriber whose queue was full, DENIED what a publisher
may not send. The provider is asked through its control socket.`,
		Example: `  conf_command bus conf/Context-EchoAction.xml
  conf_command bus conf/Context-EchoAction.xml --follow
  conf_command bus conf/Context-EchoAction.xml -o json | jq '.topics[] | select(.rate > 100)'
  conf_command bus conf/Context-EchoAction.xml -o json -f | jq -c '{at, dropped}'`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return runBus(cmd.Context(), w, o, args) },
	}
	f := cmd.Flags()
	f.SortFlags = false // those of its own first
	f.BoolVarP(&o.follow, "follow", "f", false, "once a second, until interrupted; as JSON one object a line")
	o.registerLocal(cmd)
	return cmd
}

// registerLocal adds what verbs take that ask a provider on this machine alone.
func (o *options) registerLocal(cmd *cobra.Command) {
	f := cmd.Flags()
	o.registerFile(f)
	f.StringVar(&o.runtimeDir, "runtime_dir", "", "directory of the control sockets (also $ZMS_RUNTIME_DIR)")
	o.registerOutput(f)
	o.complete(cmd)
	cmd.ValidArgsFunction = completeFile
}

// completeFile offers Context files.
func completeFile(_ *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return []cobra.Completion{"xml"}, cobra.ShellCompDirectiveFilterFileExt
}

// dialLocal asks the provider of a file on this machine.
func dialLocal(ctx context.Context, o options, file *conf.Context) (*command.Client, error) {
	path := socketOf(o, file)
	c, err := command.Dial(ctx, path)
	switch {
	case errors.Is(err, command.ErrNobody):
		return nil, nobody("%s has no provider on this machine: %w (start it: service_context %s)", file.ContextID, err, file.File)
	case err != nil:
		return nil, failed("control socket %s: %w", path, err)
	}
	return c, nil
}

func runBus(ctx context.Context, w world, o looking, args []string) error {
	if err := o.validate(); err != nil {
		return err
	}
	file, _, err := o.load(args)
	if err != nil {
		return err
	}
	c, err := dialLocal(ctx, o.options, file)
	if err != nil {
		return err
	}
	defer c.Close()
	shown := 0
	err = c.Bus(ctx, o.follow, func(r command.BusReport) error {
		shown++
		return written(o.show(w, r, shown))
	})
	var f *failure
	switch {
	case ctx.Err() != nil: // that is how one stops looking
		return nil
	case err == nil, errors.As(err, &f):
		return err
	}
	return failed("look at the bus: %w", err)
}

// show prints the report with this number.
func (o looking) show(w world, r command.BusReport, number int) error {
	switch {
	case o.json() && o.follow:
		e := json.NewEncoder(w.out)
		e.SetEscapeHTML(false)
		return e.Encode(r)
	case o.json():
		return writeJSON(w.out, r)
	case o.follow && w.terminal:
		if _, err := fmt.Fprint(w.out, clearScreen); err != nil {
			return err
		}
	case number > 1:
		if _, err := fmt.Fprintln(w.out); err != nil {
			return err
		}
	}
	return showBus(w, r)
}

// clearScreen puts the cursor home and erases the display (ECMA-48, 8.3.21 and 8.3.39).
const clearScreen = "\x1b[H\x1b[2J"
