package lifeview

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"zmicroservices/taskservice/lifecycle"
	"zmicroservices/tools/internal/access"
)

// options are the flags, as they were given.
type options struct {
	access.Proof
	endpoint    string
	contextFile string
	component   string
	kind        string
	debug       bool
	duration    time.Duration
	output      string
}

// New is the verb of a program. Events are written to out, and what else there is to
// say to err.
func New(program string, out, err io.Writer) *cobra.Command {
	var o options
	cmd := &cobra.Command{
		Use:   "view [CONTEXT.xml]",
		Short: "Follow the life cycle events of a bus",
		Long: `Print the life cycle events of a bus as they come, one a line, until interrupted:
when a component has started, lives, was provisioned or upgraded, or ends.

The bus is that of --endpoint, or of a Context file. The time is that of arrival.
Messages on topics of events that are none are counted, and told at the end.`,
		Example: Examples(program),
		Args:    cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return run(cmd.Context(), out, err, o, args)
		},
		ValidArgsFunction: func(_ *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
			if len(args) > 0 {
				return nil, cobra.ShellCompDirectiveNoFileComp
			}
			return []cobra.Completion{"xml"}, cobra.ShellCompDirectiveFilterFileExt
		},
	}
	o.register(cmd)
	return cmd
}

// Examples are those of the verb, for a program of that name.
func Examples(program string) string {
	return strings.ReplaceAll(`  PROGRAM view conf/Context-EchoAction.xml
  PROGRAM view --endpoint tcp://127.0.0.1:5556 --component server
  PROGRAM view conf/Context-EchoAction.xml --type startup --for 10s
  PROGRAM view conf/Context-EchoAction.xml -o json | jq -r .identity`, "PROGRAM", program)
}

func (o *options) register(cmd *cobra.Command) {
	f := cmd.Flags()
	f.SortFlags = false // in the order in which people think of them
	f.StringVar(&o.endpoint, "endpoint", "", "listen here (default: the file's FrontEndEndpoint)")
	f.StringVar(&o.contextFile, "context_file", "", "Context file (also $ZMS_CONTEXT)")
	f.StringVar(&o.component, "component", "", "only events of this component")
	f.StringVar(&o.kind, "type", "", "only events of this type: "+strings.Join(lifecycle.TypeNames(), ", "))
	f.BoolVar(&o.debug, "debug", false, "show the events as they were sent, as JSON")
	f.DurationVar(&o.duration, "for", 0, "end after this time; 0: when interrupted")
	o.Proof.Register(f)
	f.StringVarP(&o.output, "output", "o", "table", "table or json: one event a line")
	words := func(flag string, of ...string) error {
		return cmd.RegisterFlagCompletionFunc(flag, cobra.FixedCompletions(of, cobra.ShellCompDirectiveNoFileComp))
	}
	// The only error of these is a flag that does not exist.
	if err := errors.Join(
		words("type", lifecycle.TypeNames()...), words("output", "table", "json"), words("component"), words("endpoint"),
		cmd.MarkFlagFilename("context_file", "xml"),
	); err != nil {
		panic(err)
	}
}

// filter is what the flags let through.
func (o options) filter() (lifecycle.Filter, error) {
	f := lifecycle.Filter{Component: o.component}
	switch {
	case o.output != "table" && o.output != "json":
		return f, fmt.Errorf("--output %q is neither table nor json", o.output)
	case o.duration < 0:
		return f, fmt.Errorf("--for %s is negative", o.duration)
	case o.kind == "":
		return f, nil
	}
	var err error
	if f.Type, err = lifecycle.ParseType(o.kind); err != nil {
		return f, fmt.Errorf("--type: %w", err)
	}
	return f, nil
}
