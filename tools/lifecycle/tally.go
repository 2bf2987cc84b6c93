package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"time"

	"github.com/spf13/cobra"

	"zmicroservices/services/gap"
	"zmicroservices/services/tally"
	"zmicroservices/tools/internal/access"
	"zmicroservices/tools/internal/exit"
)

// tallyOptions are the flags of tally, as they were given.
type tallyOptions struct {
	access.Proof
	endpoint    string
	contextFile string
	component   string
	port        int
	prefix      string
	address     string
	horizon     time.Duration
}

const tallyExamples = `  lifecycle tally conf/Context-EchoAction.xml
  lifecycle tally --endpoint tcp://127.0.0.1:5556 --component server --port 8080 --prefix lifecycle_tally
  curl -s http://127.0.0.1:8080/metrics | grep ^lifecycle_tally_versions`

func newTally(stderr io.Writer) *cobra.Command {
	var o tallyOptions
	cmd := &cobra.Command{
		Use:   "tally [CONTEXT.xml]",
		Short: "Count components and their versions, for Prometheus",
		Long: `Listen to the life cycle events of a bus and serve /metrics: how many nodes run which
version of a component, and how many events of each type there were. Runs until it is
interrupted.

The bus is that of --endpoint, or of a Context file. The page is bound to loopback,
unless --address names another address; nobody is asked for a password there.`,
		Example: tallyExamples,
		Args:    cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return o.run(cmd.Context(), stderr, args)
		},
		ValidArgsFunction: func(_ *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
			if len(args) > 0 {
				return nil, cobra.ShellCompDirectiveNoFileComp
			}
			return []cobra.Completion{"xml"}, cobra.ShellCompDirectiveFilterFileExt
		},
	}
	f := cmd.Flags()
	f.SortFlags = false // in the order in which people think of them
	f.StringVar(&o.component, "component", "", "count only events of this component (default: of all)")
	f.IntVar(&o.port, "port", tally.DefaultPort, "serve /metrics at this port; 0: any free one")
	f.StringVar(&o.prefix, "prefix", tally.DefaultPrefix, "what the names of metrics begin with")
	f.StringVar(&o.address, "address", tally.DefaultAddress, "serve at this address; 0.0.0.0: at all of this machine")
	f.StringVar(&o.endpoint, "endpoint", "", "listen to this bus (default: the file's FrontEndEndpoint)")
	f.StringVar(&o.contextFile, "context_file", "", "Context file (also $ZMS_CONTEXT)")
	f.DurationVar(&o.horizon, "horizon", gap.Horizon, "a node that was not heard of for this time is not counted any more")
	o.Proof.Register(f)
	// The only error of these is a flag that does not exist.
	none := cobra.FixedCompletions(nil, cobra.ShellCompDirectiveNoFileComp)
	if err := errors.Join(cmd.MarkFlagFilename("context_file", "xml"), cmd.RegisterFlagCompletionFunc("component", none), cmd.RegisterFlagCompletionFunc("endpoint", none)); err != nil {
		panic(err)
	}
	return cmd
}

func (o tallyOptions) run(ctx context.Context, stderr io.Writer, args []string) error {
	if err := tally.CheckAddress(o.address, o.port); err != nil {
		return err
	}
	if o.horizon <= 0 {
		return fmt.Errorf("--horizon %s: it is to be above 0", o.horizon)
	}
	log := slog.New(slog.NewTextHandler(stderr, nil))
	t, err := tally.NewTally(tally.Options{Component: o.component, Prefix: o.prefix, Horizon: o.horizon, Logger: log})
	if err != nil {
		return err
	}
	endpoint, err := access.Where("count", o.endpoint, o.contextFile, args)
	if err != nil {
		return err
	}
	b, err := access.Listen(ctx, o.Proof, endpoint, tally.Topics(false))
	if err != nil {
		if ctx.Err() != nil {
			return nil
		}
		return err
	}
	defer b.Close(context.WithoutCancel(ctx)) // nothing to drain: it only listens
	page, err := tally.Listen(o.address, o.port)
	if err != nil {
		return exit.Failed("%w", err)
	}
	if tally.Beyond(o.address) {
		fmt.Fprintln(stderr, "warning: the page can be read from other machines, by anybody")
	}
	fmt.Fprintf(stderr, "Counting events of %s on %s, metrics at %s\n", o.whose(), endpoint, page.URL())
	if err := t.Serve(ctx, b, page); err != nil {
		return exit.Failed("%w", err)
	}
	return nil
}

func (o tallyOptions) whose() string {
	if o.component == "" {
		return "all components"
	}
	return o.component
}
